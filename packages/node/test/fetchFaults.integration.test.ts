/** The faults of a real server through `fetch`, alone and with vendors' SDKs on top: what they see, and what the server saw. */
import { createOpenAI } from "@ai-sdk/openai"
import Anthropic, {
  APIConnectionError as AnthropicConnectionError,
  APIError as AnthropicApiError
} from "@anthropic-ai/sdk"
import { assert, layer } from "@effect/vitest"
import type * as FaultScript from "@holdfast/testing/FaultScript"
import * as Script from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import { generateText, streamText } from "ai"
import * as Effect from "effect/Effect"
import OpenAI, { APIConnectionError, APIError } from "openai"
import * as Fetch from "../src/Fetch.ts"
import { prepare, truthOf } from "./support/harness.ts"

const text = "one two three four"

const anonymous = (answer: string | undefined) => answer?.replace(/(msg|req)_\w+/g, "$1")

/** What a client's call came to: the text of the answer, or what it threw. */
type Outcome = { readonly text: string } | { readonly error: unknown }

interface Call {
  readonly fetch: typeof globalThis.fetch
  readonly origin: string
  readonly stream: boolean
}

interface Client {
  readonly name: string
  readonly call: (call: Call) => Promise<string>
  /** How many times it calls `fetch` where that throws. */
  readonly calls: number
}

const messages = [{ role: "user" as const, content: "hi" }]

const plain: Client = {
  name: "plain code",
  calls: 1,
  call: async ({ fetch, origin, stream }) => {
    const answer = await fetch(`${origin}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-5", messages, stream })
    })
    if (!answer.ok) throw Object.assign(new Error(await answer.text()), { status: answer.status })
    if (!stream) return JSON.parse(await answer.text()).choices[0].message.content
    let all = ""
    const utf8 = new TextDecoder()
    for await (const chunk of answer.body ?? []) all += utf8.decode(chunk, { stream: true })
    return [...all.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)].map(([, json]) => JSON.parse(json ?? "")).join("")
  }
}

const openai = (maxRetries: number): Client => ({
  name: `openai, maxRetries ${maxRetries}`,
  calls: maxRetries + 1,
  call: async ({ fetch, origin, stream }) => {
    const client = new OpenAI({ apiKey: "none", baseURL: `${origin}/v1`, maxRetries, fetch })
    if (!stream) {
      const answer = await client.chat.completions.create({ model: "gpt-5", messages })
      return answer.choices[0]?.message.content ?? ""
    }
    let all = ""
    for await (const chunk of await client.chat.completions.create({ model: "gpt-5", messages, stream: true })) {
      all += chunk.choices[0]?.delta.content ?? ""
    }
    return all
  }
})

const anthropic = (maxRetries: number): Client => ({
  name: `anthropic, maxRetries ${maxRetries}`,
  calls: maxRetries + 1,
  call: async ({ fetch, origin, stream }) => {
    const client = new Anthropic({ apiKey: "none", baseURL: origin, maxRetries, fetch })
    const params = { model: "claude-opus-4-7", max_tokens: 64, messages }
    if (!stream) {
      const [block] = (await client.messages.create(params)).content
      return block?.type === "text" ? block.text : ""
    }
    let all = ""
    for await (const event of await client.messages.create({ ...params, stream: true })) {
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") all += event.delta.text
    }
    return all
  }
})

const ai: Client = {
  name: "ai, maxRetries 0",
  calls: 1,
  call: async ({ fetch, origin, stream }) => {
    const model = createOpenAI({ apiKey: "none", baseURL: `${origin}/v1`, fetch }).chat("gpt-5")
    if (!stream) return (await generateText({ model, prompt: "hi", maxRetries: 0 })).text
    let all = ""
    let failed: unknown
    const result = streamText({ model, prompt: "hi", maxRetries: 0, onError: ({ error }) => void (failed = error) })
    for await (const part of result.textStream) all += part
    if (failed !== undefined) throw failed
    return all
  }
}

const clients: ReadonlyArray<Client> = [plain, openai(0), openai(2), anthropic(0), anthropic(2), ai]

/**
 * Runs a call under a script. The server ran what it cut after the request, so a repair runs it twice.
 * Where `reused`, the connection has served a call before.
 */
const under = Effect.fnUntraced(function* (
  client: Client,
  script: FaultScript.Script,
  { reused = false, stream = false }: { readonly reused?: boolean; readonly stream?: boolean } = {}
) {
  const { origin } = yield* prepare(script)
  const made = yield* Effect.acquireRelease(
    Effect.promise(() => Fetch.make({ provider: "mine", drain: "100 millis" })),
    (made) => Effect.promise(() => made.close())
  )
  let calls = 0
  const fetch: typeof globalThis.fetch = (input, init) => {
    calls += 1
    return made.fetch(input, init)
  }
  const call = { fetch, origin, stream }
  if (reused) yield* Effect.promise(() => client.call({ ...call, fetch: made.fetch, stream: false }))
  const outcome: Outcome = yield* Effect.promise(() =>
    client.call(call).then(
      (text) => ({ text }),
      (error: unknown) => ({ error })
    )
  )
  const { counts } = yield* truthOf()
  const before = reused ? 1 : 0
  return { outcome, calls, requests: counts.requests - before, ran: counts.ran - before }
}, Effect.scoped)

const failureIn = (outcome: Outcome) =>
  "error" in outcome
    ? (Fetch.failureOf(outcome.error) ?? assert.fail(`no failure in ${String(outcome.error)}`))
    : assert.fail(`an answer: ${outcome.text}`)

const onReuse = (how: "fin" | "reset") => [
  Script.on({ connection: 1, request: 2 }, Script.cut(how, Script.afterRequest))
]
const once = (how: "fin" | "reset") => [Script.on({ nth: 1 }, Script.cut(how, Script.afterRequest))]

const server = FaultServer.layer({ endpoints: { a: { answer: { text, events: 4 } } } })

for (const client of clients) {
  layer(server, { excludeTestServices: true })(`through fetch, ${client.name}`, (it) => {
    it.effect.each(["fin", "reset"] as const)("a %s on reuse is repaired once", (how) =>
      Effect.gen(function* () {
        for (const stream of [false, true]) {
          const seen = yield* under(client, onReuse(how), { reused: true, stream })
          assert.deepStrictEqual(seen.outcome, { text })
          assert.deepInclude(seen, { calls: 1, requests: 2, ran: 2 })
        }
      })
    )

    it.effect.each(["fin", "reset"] as const)("a %s on a fresh connection is repaired once", (how) =>
      Effect.gen(function* () {
        for (const stream of [false, true]) {
          const seen = yield* under(client, once(how), { stream })
          assert.deepStrictEqual(seen.outcome, { text })
          assert.deepInclude(seen, { calls: 1, requests: 2, ran: 2 })
        }
      })
    )

    it.effect("a connection that is always reset makes two requests and no more", () =>
      Effect.gen(function* () {
        const seen = yield* under(client, [Script.always(Script.cut("reset", Script.afterRequest))])
        const failure = failureIn(seen.outcome)
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
        assert.strictEqual(failure.reason._tag, "ConnectionLost")
        assert.strictEqual(failure.attempts.length, 2)
        // Its retries are refused unsent, with the same failure.
        assert.deepInclude(seen, { calls: client.calls, requests: 2, ran: 2 })
      })
    )

    it.effect.each([500, 529])("a %s is the answer, after one request", (status) =>
      Effect.gen(function* () {
        for (const stream of [false, true]) {
          const seen = yield* under(client, [Script.always(Script.status(status))], { stream })
          assert.nestedProperty(seen, "outcome.error")
          const { error } = seen.outcome as { readonly error: object }
          assert.isUndefined(Fetch.failureOf(error))
          assert.strictEqual(
            (error as { status?: number }).status ?? (error as { statusCode?: number }).statusCode,
            status
          )
          assert.deepInclude(seen, { calls: 1, requests: 1, ran: 0 })
        }
      })
    )

    it.effect("headers and part of a body, then a reset, are an error after one request", () =>
      Effect.gen(function* () {
        const script = [Script.always(Script.cut("reset", Script.afterEvents(2)))]
        const seen = yield* under(client, script)
        const failure = failureIn(seen.outcome)
        assert.strictEqual(failure.reason._tag, "ConnectionLost")
        assert.strictEqual(failure.attempts.length, 1)
        assert.deepInclude(seen, { requests: 1, ran: 1 })
      })
    )

    it.effect("a stream that is reset is an error on the body, and nothing comes twice", () =>
      Effect.gen(function* () {
        const seen = yield* under(client, [Script.always(Script.cut("reset", Script.afterEvents(3)))], { stream: true })
        const failure = failureIn(seen.outcome)
        assert.strictEqual(failure._tag, "ReplayUnsafe")
        assert.deepInclude(seen, { calls: 1, requests: 1, ran: 1 })
      })
    )

    it.effect("a stream that ends cleanly without its marker, or with an error event, comes as it is", () =>
      Effect.gen(function* () {
        for (const fault of [Script.noEndMarker({ afterEvents: 3 }), Script.inBandError(0), Script.inBandError(3)]) {
          const seen = yield* under(client, [Script.always(fault)], { stream: true })
          assert.deepInclude(seen, { calls: 1, requests: 1, ran: 1 })
          if ("error" in seen.outcome) assert.isUndefined(Fetch.failureOf(seen.outcome.error))
        }
      })
    )

    it.effect("streams", () =>
      Effect.gen(function* () {
        const seen = yield* under(client, [Script.always(Script.drip(5))], { stream: true })
        assert.deepStrictEqual(seen.outcome, { text })
        assert.deepInclude(seen, { calls: 1, requests: 1, ran: 1 })
      })
    )
  })
}

layer(server, { excludeTestServices: true })("vendors' SDKs over fetch", (it) => {
  const made = Effect.acquireRelease(
    Effect.promise(() => Fetch.make({ provider: "mine", drain: "100 millis" })),
    (made) => Effect.promise(() => made.close())
  )

  it.effect("throw their own errors, with our failure inside", () =>
    Effect.gen(function* () {
      const { fetch } = yield* made
      const ours = new OpenAI({ apiKey: "none", baseURL: "http://127.0.0.1:1/v1", fetch })
      const theirs = new Anthropic({ apiKey: "none", baseURL: "http://127.0.0.1:1", fetch })
      const fromOpenai = yield* Effect.promise(() =>
        ours.chat.completions.create({ model: "m", messages }).catch((error: unknown) => error)
      )
      assert.instanceOf(fromOpenai, APIConnectionError)
      assert.strictEqual(Fetch.failureOf(fromOpenai)?.reason._tag, "ConnectFailure")
      const fromAnthropic = yield* Effect.promise(() =>
        theirs.messages.create({ model: "m", max_tokens: 1, messages }).catch((error: unknown) => error)
      )
      assert.instanceOf(fromAnthropic, AnthropicConnectionError)
      assert.strictEqual(Fetch.failureOf(fromAnthropic)?._tag, "ReplaySafe")
    }).pipe(Effect.scoped)
  )

  it.effect("abort a stream on the wire", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([Script.always(Script.drip(50))])
      const { fetch } = yield* made
      const client = new OpenAI({ apiKey: "none", baseURL: `${origin}/v1`, fetch })
      yield* Effect.promise(async () => {
        const stream = await client.chat.completions.create({ model: "gpt-5", messages, stream: true })
        for await (const _ of stream) break
      })
      yield* Effect.repeat(truthOf(), { until: ({ counts }) => counts.closedByClient === 1 })
      const { counts } = yield* truthOf()
      assert.deepInclude(counts, { requests: 1, answeredPartial: 1, closedByClient: 1 })
    }).pipe(Effect.scoped)
  )

  it.effect("get the bytes that the built-in fetch gives, where a stream ends early or with an error event", () =>
    Effect.gen(function* () {
      const { fetch: ours } = yield* made
      for (const fault of [Script.noEndMarker({ afterEvents: 3 }), Script.inBandError(0), Script.inBandError(3)]) {
        const { origin } = yield* prepare([Script.always(fault)])
        const asked = { method: "POST", body: JSON.stringify({ model: "m", max_tokens: 1, messages, stream: true }) }
        const [mine, theirs] = yield* Effect.promise(() =>
          Promise.all([ours, fetch].map((each) => each(`${origin}/v1/messages`, asked).then((answer) => answer.text())))
        )
        assert.strictEqual(anonymous(mine), anonymous(theirs))
        assert.match(mine ?? "", /^event: /)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("read errors as what they are", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([Script.always(Script.status(401))])
      const { fetch } = yield* made
      const ours = new OpenAI({ apiKey: "none", baseURL: `${origin}/v1`, fetch })
      const theirs = new Anthropic({ apiKey: "none", baseURL: origin, fetch })
      const fromOpenai = yield* Effect.promise(() =>
        ours.chat.completions.create({ model: "m", messages }).catch((error: unknown) => error)
      )
      assert.instanceOf(fromOpenai, APIError)
      assert.isString(fromOpenai.requestID)
      const fromAnthropic = yield* Effect.promise(() =>
        theirs.messages.create({ model: "m", max_tokens: 1, messages }).catch((error: unknown) => error)
      )
      assert.instanceOf(fromAnthropic, AnthropicApiError)
      assert.strictEqual(fromAnthropic.status, 401)
    }).pipe(Effect.scoped)
  )

  it.effect("the ai SDK, whose retries say nothing of themselves, multiplies what it is not told to leave", () =>
    Effect.gen(function* () {
      const { fetch } = yield* made
      const counted = (maxRetries: number | undefined, script: FaultScript.Script) =>
        Effect.gen(function* () {
          const { origin } = yield* prepare(script)
          const model = createOpenAI({ apiKey: "none", baseURL: `${origin}/v1`, fetch }).chat("gpt-5")
          const error = yield* Effect.promise(() =>
            generateText({ model, prompt: "hi", ...(maxRetries === undefined ? undefined : { maxRetries }) }).catch(
              (error: unknown) => error
            )
          )
          const { counts } = yield* truthOf()
          return { requests: counts.requests, failure: Fetch.failureOf(error)?._tag }
        })
      const always500 = [Script.always(Script.status(500))]
      const alwaysReset = [Script.always(Script.cut("reset", Script.afterRequest))]
      assert.deepStrictEqual(yield* counted(0, always500), { requests: 1, failure: undefined })
      assert.deepStrictEqual(yield* counted(1, always500), { requests: 2, failure: undefined })
      assert.deepStrictEqual(yield* counted(0, alwaysReset), { requests: 2, failure: "ReplayAmbiguous" })
      assert.deepStrictEqual(yield* counted(1, alwaysReset), { requests: 4, failure: "ReplayAmbiguous" })
    }).pipe(Effect.scoped)
  )
})
