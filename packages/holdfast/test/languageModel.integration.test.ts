/** What a `LanguageModel` of Holdfast makes of each fault that today's clients get wrong, told by the server's own count. */
import { assert, describe, layer } from "@effect/vitest"
import { FaultScript, FaultServer, FaultTruth } from "@holdfast/testing"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { LanguageModel } from "effect/ai"
import type { AiError, Response } from "effect/ai"
import type { Failover, Reason } from "holdfast"
import { AiErrors, Holdfast } from "holdfast"

type Api = "anthropic" | "openai"
type Part = Response.StreamPart<{}>

const models = { anthropic: "anthropic/claude-opus-4-7", openai: "openai/gpt-5.5" }
const other = { anthropic: "openai", openai: "anthropic" } as const

/** What the app got, and what the servers received. */
interface Told {
  readonly text: string
  readonly error: AiError.AiError | undefined
  /** The order in which things reached the app: parts that begin an answer, its text, the announcement of a swap. */
  readonly order: ReadonlyArray<string>
  readonly swaps: ReadonlyArray<Failover.Answered>
  readonly primary: number
  readonly fallback: number
}

/** One call to a primary that follows a script; a connection is warmed up first where the call is to reuse it. */
const call = (options: {
  readonly primary: Api
  readonly stream: boolean
  readonly script: FaultScript.Script
  readonly warm?: boolean
}) =>
  Effect.gen(function* () {
    const server = yield* FaultServer.FaultServer
    const primary = yield* server.endpoint("primary")
    const fallback = yield* server.endpoint("fallback")
    yield* server.script("primary", options.script)
    yield* server.script("fallback", [])
    const order: Array<string> = []
    const swaps: Array<Failover.Answered> = []
    const at = (api: Api) => {
      const { origin } = api === options.primary ? primary : fallback
      const apiKey = Redacted.make("a-key")
      return api === "openai"
        ? { api: "openai-completions", baseUrl: `${origin}/v1`, apiKey }
        : { baseUrl: origin, apiKey }
    }
    const model = Holdfast.model(models[options.primary], {
      fallbacks: [models[other[options.primary]]],
      onSwap: (answered) =>
        Effect.sync(() => {
          swaps.push(answered)
          order.push("swap")
        })
    })
    const outcome = yield* Effect.gen(function* () {
      if (options.warm === true) {
        yield* LanguageModel.generateText({ prompt: "Warm up." })
        yield* Effect.sleep("5 millis")
      }
      return yield* options.stream ? streamed(order) : whole(order)
    }).pipe(
      Effect.provide(model),
      Effect.provide(
        Holdfast.layer({
          providers: { anthropic: at("anthropic"), openai: at("openai") },
          // The default waits seconds for a provider that is short of capacity; twice at once will do here.
          policy: { retry: { capacity: Schedule.recurs(2) } }
        })
      )
    )
    const truth = yield* server.truth
    const received = (name: string) => FaultTruth.requests(truth, name).length
    const told: Told = {
      ...outcome,
      order,
      swaps,
      primary: received("primary") - (options.warm === true ? 1 : 0),
      fallback: received("fallback")
    }
    return told
  })

const prompt = "Say A B C D."

const whole = (order: Array<string>) =>
  Effect.match(LanguageModel.generateText({ prompt }), {
    onFailure: (error) => ({ text: "", error }),
    onSuccess: ({ text }) => {
      order.push("text")
      return { text, error: undefined }
    }
  })

const streamed = (order: Array<string>) =>
  Effect.gen(function* () {
    let text = ""
    const see = (part: Part) => {
      if (part.type === "text-delta") text += part.delta
      if (part.type === "response-metadata" || part.type === "text-delta") order.push(part.type)
    }
    const error = yield* Effect.matchEffect(
      Stream.runForEach(LanguageModel.streamText({ prompt }), (part) => Effect.sync(() => see(part))),
      { onFailure: Effect.succeed, onSuccess: () => Effect.undefined }
    )
    return { text, error }
  })

const primarySays = "A B C D "
const fallbackSays = "the other model"

const asked = (told: Told): void => {
  assert.deepInclude(told, { text: primarySays, error: undefined, swaps: [], fallback: 0 })
}

/** Another model answered, and the app knew before it saw a word. */
const swapped = (told: Told, why: Reason.Tag): void => {
  assert.deepInclude(told, { text: fallbackSays, error: undefined, fallback: 1 })
  assert.deepStrictEqual(
    told.swaps.map(({ swap }) => swap?.why),
    [why]
  )
  // A stream then says so itself before its first word.
  const [first, second, ...rest] = told.order
  assert.strictEqual(first, "swap")
  assert.strictEqual(second, rest.length === 0 ? "text" : "response-metadata")
  assert.isTrue(rest.every((each) => each === "text-delta"))
}

const { afterEvents, afterRequest, cut } = FaultScript

describe.each(["anthropic", "openai"] as const)("a call to %s", (primary) => {
  layer(
    FaultServer.layer({
      endpoints: {
        primary: { answer: { text: primarySays, events: 4 } },
        fallback: { answer: { text: fallbackSays, events: 4 } }
      }
    }),
    { excludeTestServices: true }
  )((it) => {
    for (const stream of [false, true]) {
      const kind = stream ? "streaming" : "whole"

      for (const how of ["fin", "half-fin", "reset"] as const) {
        it.effect(`${kind}, ${how} on a reused connection: repaired once on a fresh one, 2 requests`, () =>
          Effect.gen(function* () {
            const script = [FaultScript.on({ connection: 1, request: 2 }, cut(how, afterRequest))]
            const told = yield* call({ primary, stream, script, warm: true })
            asked(told)
            assert.strictEqual(told.primary, 2)
          })
        )

        it.effect(`${kind}, ${how} on a reused connection and on the fresh one after it: then the chain`, () =>
          Effect.gen(function* () {
            const script = [
              FaultScript.on({ connection: 1, request: 1 }, FaultScript.drip(0)),
              FaultScript.always(cut(how, afterRequest))
            ]
            const told = yield* call({ primary, stream, script, warm: true })
            swapped(told, "ConnectionLost")
            assert.strictEqual(told.primary, 2)
          })
        )

        it.effect(`${kind}, ${how} on a fresh connection after the whole request: repaired once`, () =>
          Effect.gen(function* () {
            const told = yield* call({ primary, stream, script: [FaultScript.on({ nth: 1 }, cut(how, afterRequest))] })
            asked(told)
            assert.strictEqual(told.primary, 2)
          })
        )

        it.effect(`${kind}, ${how} on every fresh connection: 2 requests, then the chain`, () =>
          Effect.gen(function* () {
            const told = yield* call({ primary, stream, script: [FaultScript.always(cut(how, afterRequest))] })
            swapped(told, "ConnectionLost")
            assert.strictEqual(told.primary, 2)
          })
        )
      }

      for (const [status, reason] of [
        [500, "ServerError"],
        [529, "Overloaded"]
      ] as const) {
        it.effect(`${kind}, ${status}: asked again as the policy says, then the chain`, () =>
          Effect.gen(function* () {
            const told = yield* call({ primary, stream, script: [FaultScript.always(FaultScript.status(status))] })
            swapped(told, reason)
            assert.strictEqual(told.primary, 3)
          })
        )

        it.effect(`${kind}, ${status} once: the model that was asked answers`, () =>
          Effect.gen(function* () {
            const told = yield* call({
              primary,
              stream,
              script: [FaultScript.on({ nth: 1 }, FaultScript.status(status))]
            })
            asked(told)
            assert.strictEqual(told.primary, 2)
          })
        )
      }

      it.effect(`${kind}, headers and no content, then a reset: once more`, () =>
        Effect.gen(function* () {
          const told = yield* call({
            primary,
            stream,
            script: [FaultScript.on({ nth: 1 }, cut("reset", afterEvents(1)))]
          })
          asked(told)
          assert.strictEqual(told.primary, 2)
        })
      )

      it.effect(`${kind}, headers and no content, then a reset, always: once more, then the chain`, () =>
        Effect.gen(function* () {
          const told = yield* call({ primary, stream, script: [FaultScript.always(cut("reset", afterEvents(1)))] })
          swapped(told, "ConnectionLost")
          assert.strictEqual(told.primary, 2)
        })
      )
    }

    it.effect("whole, part of the body, then a reset: nothing was exposed, so once more", () =>
      Effect.gen(function* () {
        const told = yield* call({
          primary,
          stream: false,
          script: [FaultScript.on({ nth: 1 }, cut("reset", afterEvents(5)))]
        })
        asked(told)
        assert.strictEqual(told.primary, 2)
      })
    )

    it.effect("streaming, a clean end before any content: once more", () =>
      Effect.gen(function* () {
        const script = [FaultScript.on({ nth: 1 }, FaultScript.noEndMarker({ afterEvents: 1 }))]
        const told = yield* call({ primary, stream: true, script })
        asked(told)
        assert.strictEqual(told.primary, 2)
      })
    )

    it.effect("streaming, a clean end before any content, always: once more, then the chain", () =>
      Effect.gen(function* () {
        const script = [FaultScript.always(FaultScript.noEndMarker({ afterEvents: 1 }))]
        const told = yield* call({ primary, stream: true, script })
        swapped(told, "StreamTruncated")
        assert.strictEqual(told.primary, 2)
      })
    )

    it.effect("streaming, an error event before any content: a failed attempt, asked again", () =>
      Effect.gen(function* () {
        const told = yield* call({
          primary,
          stream: true,
          script: [FaultScript.on({ nth: 1 }, FaultScript.inBandError(1))]
        })
        asked(told)
        assert.strictEqual(told.primary, 2)
      })
    )

    it.effect("streaming, an error event before any content, always: the policy's attempts, then the chain", () =>
      Effect.gen(function* () {
        const told = yield* call({ primary, stream: true, script: [FaultScript.always(FaultScript.inBandError(1))] })
        swapped(told, primary === "anthropic" ? "Overloaded" : "ServerError")
        assert.strictEqual(told.primary, 3)
      })
    )

    // Events before the first text: message_start, content_block_start and ping there, the role here.
    const afterAB = primary === "anthropic" ? 5 : 3
    const broken = {
      "a clean cut without the end marker": [FaultScript.noEndMarker({ afterEvents: afterAB }), "StreamTruncated"],
      "a reset": [cut("reset", afterEvents(afterAB)), "ConnectionLost"],
      "a FIN": [cut("fin", afterEvents(afterAB)), "ConnectionLost"],
      "an error event": [FaultScript.inBandError(afterAB), primary === "anthropic" ? "Overloaded" : "ServerError"]
    } as const

    for (const [how, [fault, reason]] of Object.entries(broken)) {
      it.effect(
        `streaming, A B, then ${how}: A B and a typed failure that holds them, nothing twice, nothing mixed`,
        () =>
          Effect.gen(function* () {
            const told = yield* call({ primary, stream: true, script: [FaultScript.always(fault)] })
            assert.deepInclude(told, { text: "A B ", swaps: [], primary: 1, fallback: 0 })
            const failure = told.error === undefined ? undefined : AiErrors.failureOf(told.error)
            assert.strictEqual(failure?._tag, "ReplayUnsafe")
            assert.strictEqual(failure?.reason._tag, reason)
            assert.isFalse(told.error?.isRetryable)
            const parts = (failure?.partial ?? []) as ReadonlyArray<Response.StreamPartEncoded>
            const deltas = Arr.filter(parts, (part) => part.type === "text-delta")
            assert.strictEqual(deltas.map(({ delta }) => delta).join(""), "A B ")
          })
      )
    }
  })
})
