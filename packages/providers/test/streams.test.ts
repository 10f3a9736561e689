import { assert, describe, it, vi } from "@effect/vitest"
import type { Failure } from "@holdfast/core/Failure"
import type * as Evidence from "@holdfast/core/Evidence"
import * as Reason from "@holdfast/core/Reason"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import { decode } from "./support/decoding.ts"
import type { Reply } from "./support/scripted.ts"
import { broken, json, once, over, page, scripted, sse } from "./support/scripted.ts"
import type { Wire } from "./support/wire.ts"
import { anthropic, openai, wires } from "./support/wire.ts"

interface Outcome {
  readonly parts: ReadonlyArray<Response.AnyPart>
  readonly failure: Failure
  readonly requests: number
}

/** Streams one call that must fail, with no automatic retry. */
const failing = (model: string, ...replies: ReadonlyArray<Reply>): Effect.Effect<Outcome> =>
  Effect.suspend(() => {
    const script = scripted(...replies)
    const parts: Array<Response.AnyPart> = []
    return LanguageModel.streamText({ prompt: "hi" }).pipe(
      Stream.runForEach((part) => Effect.sync(() => parts.push(part))),
      Effect.flip,
      Effect.map((error) => ({ parts, failure: carried(error), requests: script.requests.length })),
      Effect.provide(once(script, model)),
      Effect.orDie
    )
  })

const carried = (error: unknown): Failure => {
  assert.isTrue(AiError.isAiError(error))
  const failure = AiErrors.failureOf(error as AiError.AiError)
  if (failure === undefined) throw error
  return failure
}

const textOf = (parts: ReadonlyArray<Response.AnyPart>): string =>
  parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("")

describe.each(wires)("a stream of $codec.api", (wire) => {
  const whole = wire.textStream("A", "B")
  const beforeMarker = whole.slice(0, -1)
  // The head and what comes with it, before any content.
  const head = whole.slice(0, wire === anthropic ? 2 : 1)
  const upToContent = whole.slice(0, wire === anthropic ? 3 : wire === openai ? 2 : 4)

  it.effect("that ends cleanly before any content is truncated, and ambiguous", () =>
    Effect.gen(function* () {
      for (const events of [[], [wire.ping], head, [...head, wire.ping, wire.ping], wire.textStream("").slice(0, -1)]) {
        const { failure, parts } = yield* failing(wire.model, sse(events))
        assert.deepInclude(failure.reason, { _tag: "StreamTruncated", missing: wire.codec.endMarker })
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
        assert.strictEqual(failure.rule, "begun-not-exposed")
        assert.strictEqual(failure.exposure, "nothing")
        assert.deepStrictEqual(parts, [])
      }
    })
  )

  it.effect("that ends cleanly after content is truncated, unsafe, and carries what was given out", () =>
    Effect.gen(function* () {
      const { failure, parts } = yield* failing(wire.model, sse(beforeMarker))
      assert.strictEqual(failure.reason._tag, "StreamTruncated")
      assert.strictEqual(failure._tag, "ReplayUnsafe")
      assert.strictEqual(failure.exposure, "output")
      assert.strictEqual(textOf(parts), "AB")
      assert.strictEqual(textOf(failure.partial as ReadonlyArray<Response.AnyPart>), "AB")
      assert.isFalse(parts.some((part) => part.type === "finish"))
    })
  )

  it.effect("that says it failed before any content is a failed attempt, and ambiguous", () =>
    Effect.gen(function* () {
      const { failure, parts } = yield* failing(
        wire.model,
        sse([...head, wire.ping, wire.errorEvent(wire === anthropic ? "overloaded_error" : "server_error")])
      )
      assert.strictEqual(failure.reason._tag, wire === anthropic ? "Overloaded" : "ServerError")
      assert.notProperty(failure.reason, "status")
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.deepStrictEqual(parts, [])
    })
  )

  it.effect("that says it failed after content is unsafe, and carries what was given out", () =>
    Effect.gen(function* () {
      const { failure, parts } = yield* failing(
        wire.model,
        sse([...upToContent, wire.errorEvent("server_error"), ...whole])
      )
      assert.strictEqual(failure._tag, "ReplayUnsafe")
      assert.strictEqual(textOf(parts), "A")
      assert.strictEqual(textOf(failure.partial as ReadonlyArray<Response.AnyPart>), "A")
    })
  )

  it.effect("that is cut keeps the transport's failure and its evidence", () =>
    Effect.gen(function* () {
      const lost = new Reason.ConnectionLost({ how: "reset", during: "body" })
      const before = yield* failing(wire.model, sse(head).pipe(broken))
      assert.deepStrictEqual(before.failure.reason, lost)
      assert.deepInclude(before.failure.evidence, { closed: "peer-reset", status: 200, phase: "responding" })
      assert.strictEqual(before.failure._tag, "ReplayAmbiguous")
      // In the middle of an event, too: what is left of it is not what is wrong.
      const after = yield* failing(wire.model, sse([...beforeMarker, whole.at(-1)?.slice(0, 10) ?? ""]).pipe(broken))
      assert.deepStrictEqual(after.failure.reason, lost)
      assert.deepInclude(after.failure.evidence, { closed: "peer-reset" })
      assert.strictEqual(after.failure._tag, "ReplayUnsafe")
      assert.strictEqual(textOf(after.parts), "AB")
    })
  )

  it.effect("holds tool calls back until it is complete", () =>
    Effect.gen(function* () {
      const call = wire.toolCallStream("call_1", "add", '{"a":1,', '"b":2}')
      const { failure, parts } = yield* failing(wire.model, sse(call.slice(0, -1)))
      assert.strictEqual(failure.exposure, "output")
      assert.isTrue(parts.some((part) => part.type === "tool-params-delta"))
      assert.isFalse(parts.some((part) => part.type === "tool-call"))
    })
  )

  it.effect("whose tool call is no JSON is malformed, unless the model was cut short", () =>
    Effect.gen(function* () {
      const half = wire.toolCallStream("call_1", "add", '{"a":')
      const broken = yield* decode(wire.codec, bytesOf(half))
      assert.deepInclude(broken.reason, { _tag: "MalformedResponse", what: "event" })
      const cutShort = half.map((event) =>
        event
          .replace('"tool_use","stop_sequence"', '"max_tokens","stop_sequence"')
          .replace('"tool_calls"}]', '"length"}]')
          .replace('"incomplete_details":null,', '"incomplete_details":{"reason":"max_output_tokens"},')
          .replace('"status":"completed","error"', '"status":"incomplete","error"')
      )
      const cut = yield* decode(wire.codec, bytesOf(cutShort))
      assert.isUndefined(cut.reason)
      assert.isFalse(cut.parts.some((part) => part.type === "tool-call"))
      assert.deepInclude(cut.parts.at(-1), { type: "finish", reason: "length" })
    })
  )

  it.effect("is complete with its end marker, whatever comes after and however it ends", () =>
    Effect.gen(function* () {
      const expected = yield* decode(wire.codec, bytesOf(whole))
      assert.isUndefined(expected.reason)
      const marker = whole.at(-1) ?? ""
      const noise = yield* decode(wire.codec, bytesOf([...whole, "data: nonsense\n\n"]))
      assert.deepStrictEqual(noise, expected)
      for (const end of [marker.trimEnd(), `${marker.trimEnd()}\n`, marker.replaceAll("\n", "\r\n")]) {
        assert.deepStrictEqual(yield* decode(wire.codec, bytesOf([...beforeMarker, end])), expected)
      }
      const retry = yield* decode(wire.codec, bytesOf(["retry: 3000\n\n", ": hello\n\n", ...whole]))
      assert.deepStrictEqual(retry, expected)
    })
  )

  it.effect("of events that are no JSON is malformed", () =>
    Effect.gen(function* () {
      const { reason } = yield* decode(wire.codec, bytesOf([...head, "data: {oops}\n\n", ...whole]))
      assert.deepInclude(reason, { _tag: "MalformedResponse", what: "event" })
    })
  )

  it.effect("of one endless event is given up", () =>
    Effect.gen(function* () {
      const megabyte = new Uint8Array(1024 * 1024).fill(0x61)
      const { reason } = yield* decode(wire.codec, [
        ...bytesOf(["data: "]),
        ...Array.from({ length: 11 }, () => megabyte)
      ])
      assert.deepInclude(reason, { _tag: "MalformedResponse", what: "size" })
    })
  )

  it.effect("that is none is malformed, or the error that it is", () =>
    Effect.gen(function* () {
      const html = yield* failing(wire.model, page("<html>Welcome</html>", 200))
      assert.deepInclude(html.failure.reason, { _tag: "MalformedResponse", what: "content-type" })
      assert.strictEqual(html.failure._tag, "ReplayAmbiguous")
      const answer = yield* failing(wire.model, json(wire.text("not streamed")))
      assert.deepInclude(answer.failure.reason, { _tag: "MalformedResponse", what: "content-type" })
      const error = yield* failing(wire.model, json(wire.error("authentication_error")))
      assert.strictEqual(error.failure.reason._tag, "AuthenticationFailed")
      assert.strictEqual(error.failure._tag, "ReplayAmbiguous")
    })
  )

  it.effect("that grows is parsed once, however many pieces it comes in", () =>
    Effect.gen(function* () {
      const small = yield* parsed(wire, 1000)
      const large = yield* parsed(wire, 8000)
      // Eight times as much text; parsed anew with each piece, it would be sixty-four times as much.
      assert.isBelow(large / small, 9)
    })
  )
})

/** How many characters are parsed to read a tool call of so many pieces. */
const parsed = Effect.fnUntraced(function* (wire: Wire, pieces: number) {
  const events = bytesOf(wire.toolCallStream("call_1", "add", '{"a":"', ...Array<string>(pieces).fill("xy"), '"}'))
  const parse = vi.spyOn(JSON, "parse")
  const { parts, reason } = yield* decode(wire.codec, events)
  const characters = parse.mock.calls.reduce((sum, [text]) => sum + text.length, 0)
  parse.mockRestore()
  assert.isUndefined(reason)
  const call = parts.find((part) => part.type === "tool-call")
  assert.strictEqual(JSON.stringify(call?.params).length, 8 + 2 * pieces)
  return characters
})

const bytesOf = (texts: ReadonlyArray<string>): ReadonlyArray<Uint8Array> =>
  texts.map((text) => new TextEncoder().encode(text))

describe("an answer that comes whole", () => {
  it.effect("and is no JSON, or not the format's, is malformed", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [Reply, Reason.MalformedResponse["what"]]> = [
        [page("<html>Welcome</html>", 200), "content-type"],
        [json('{"id":"msg_1","content":[{"type":"te'), "json"],
        [json(""), "json"],
        [json({ hello: "world" }), "json"],
        [json([1]), "json"]
      ]
      for (const { model } of wires) {
        for (const [reply, what] of cases) {
          const error = yield* LanguageModel.generateText({ prompt: "hi" }).pipe(
            Effect.flip,
            Effect.provide(once(scripted(reply), model))
          )
          const failure = carried(error)
          assert.deepInclude(failure.reason, { _tag: "MalformedResponse", what })
          assert.strictEqual(failure._tag, "ReplayAmbiguous")
        }
      }
    })
  )

  it.effect("and breaks off in the body keeps the transport's failure", () =>
    Effect.gen(function* () {
      const lost = new Reason.ConnectionLost({ how: "reset", during: "body" })
      for (const status of [200, 401, 500]) {
        const reply = json('{"id":"msg_1","cont', status).pipe(broken)
        const error = yield* LanguageModel.generateText({ prompt: "hi" }).pipe(
          Effect.flip,
          Effect.provide(once(scripted(reply), anthropic.model))
        )
        const failure = carried(error)
        assert.deepStrictEqual(failure.reason, lost)
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
        assert.deepInclude(failure.evidence, { status })
      }
    })
  )

  it.effect("and is a refusal is read no further than any error goes, and what is left is given up", () =>
    Effect.gen(function* () {
      const chunk = new TextEncoder().encode("é".repeat(2000))
      const endless = TestTransport.answer({ status: 401, body: Array.from({ length: 1000 }, () => chunk) })
      for (const { model } of wires) {
        const script = scripted(endless)
        const error = yield* LanguageModel.generateText({ prompt: "hi" }).pipe(
          Effect.flip,
          Effect.provide(once(script, model))
        )
        const { evidence, reason } = carried(error)
        assert.strictEqual(reason._tag, "AuthenticationFailed")
        assert.strictEqual(script.discarded(), 1)
        assert.isBelow((evidence as Evidence.Observed).bytesRead, 64 * 1024 + chunk.length + 100)
        const whole = scripted(json(anthropic.error("authentication_error"), 401))
        yield* Effect.provide(Effect.flip(LanguageModel.generateText({ prompt: "hi" })), once(whole, anthropic.model))
        assert.strictEqual(whole.discarded(), 0)
      }
    })
  )

  it.effect("and is a refusal in the provider's own shape is safe to ask again", () =>
    Effect.gen(function* () {
      for (const wire of wires) {
        const program = LanguageModel.generateText({ prompt: "hi" }).pipe(Effect.flip)
        const refused = scripted(json(wire.error("authentication_error"), 401))
        const failure = carried(yield* Effect.provide(program, once(refused, wire.model)))
        assert.strictEqual(failure._tag, "ReplaySafe")
        assert.strictEqual(failure.rule, "refused-by-provider")
        const hidden = scripted(page("<html>Unauthorized</html>", 401))
        const other = carried(yield* Effect.provide(program, once(hidden, wire.model)))
        assert.strictEqual(other._tag, "ReplayAmbiguous")
        assert.strictEqual(other.rule, "answered-with-error")
      }
    })
  )

  it.effect("is asked for once more after it was lost, and no more", () => {
    const lost = json("{").pipe(broken)
    const script = scripted(lost, lost)
    return Effect.gen(function* () {
      const failure = carried(yield* Effect.flip(LanguageModel.generateText({ prompt: "hi" })))
      assert.strictEqual(script.requests.length, 2)
      assert.strictEqual(script.requests[1]?.connection, "fresh")
      assert.strictEqual(script.requests[1]?.attempt, 2)
      assert.strictEqual(failure.attempts.length, 2)
    }).pipe(Effect.provide(over(script, openai.model)))
  })
})
