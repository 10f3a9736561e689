/** The limits of a model's calls on real sockets: what the app is told, and what the server saw. */
import { assert, describe, layer } from "@effect/vitest"
import * as AiErrors from "@holdfast/providers/AiErrors"
import type { TimeLimits } from "@holdfast/core/TimeLimits"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import { live } from "./support/live.ts"
import { wires } from "./support/wire.ts"

const { afterEvents, afterHead, afterRequest, always, cut } = FaultScript

const whole = Effect.asVoid(LanguageModel.generateText({ prompt: "hi" }))
const streamed = Stream.runDrain(LanguageModel.streamText({ prompt: "hi" }))

/** Where the server falls silent, what it is asked, within which limits, and what comes of it. */
const cases: ReadonlyArray<
  readonly [
    name: string,
    fault: FaultScript.Fault,
    call: Effect.Effect<void, AiError.AiError, LanguageModel.LanguageModel>,
    limits: TimeLimits,
    reason: object,
    evidence: object
  ]
> = [
  [
    "no content after the head",
    cut("stall", afterHead),
    streamed,
    { firstContent: "400 millis" },
    { _tag: "FirstOutputTimeout", limitMs: 400 },
    { phase: "responding", status: 200, closed: "local-limit" }
  ],
  [
    "no head, and so no content",
    cut("stall", afterRequest),
    streamed,
    { firstContent: "400 millis" },
    { _tag: "FirstOutputTimeout", limitMs: 400 },
    { phase: "waiting", closed: "local-limit" }
  ],
  [
    "no content after some",
    cut("stall", afterEvents(5)),
    streamed,
    { stall: "400 millis" },
    { _tag: "StreamStalled", limitMs: 400 },
    { phase: "responding", status: 200, closed: "local-limit" }
  ],
  [
    "no answer at all within the whole",
    cut("stall", afterRequest),
    whole,
    { total: "700 millis" },
    { _tag: "TotalTimeout", limitMs: 700 },
    { phase: "waiting", closed: "local-limit" }
  ],
  [
    "no end of a stream within the whole",
    cut("stall", afterEvents(5)),
    streamed,
    { total: "700 millis" },
    { _tag: "TotalTimeout", limitMs: 700 },
    { phase: "responding", status: 200, closed: "local-limit" }
  ]
]

layer(FaultServer.layer({ endpoints: { model: { answer: { text: "Grüße from the model", events: 5 } } } }), {
  excludeTestServices: true
})("a limit that is reached", (it) => {
  describe.each(wires)("$codec.api", ({ model }) => {
    it.effect.each(cases)(
      "ends the attempt on the wire, by its own name: %s",
      ([, fault, call, limits, reason, evidence]) =>
        Effect.gen(function* () {
          const server = yield* FaultServer.FaultServer
          const { origin } = yield* server.endpoint("model")
          yield* server.reset
          yield* server.script("model", [always(fault)])
          const seen = Effect.map(server.truth, ({ endpoints }) => endpoints["model"]?.counts)
          const closed = Effect.flatMap(seen, (counts) =>
            counts?.closedByClient === 1 ? Effect.void : Effect.fail("the connection is open")
          )
          const failure = yield* Effect.gen(function* () {
            const error = yield* Effect.flip(call)
            // Before the transport's own end could close it.
            yield* Effect.retry(closed, { times: 300, schedule: Schedule.spaced("10 millis") })
            return AiErrors.failureOf(error)
          }).pipe(Effect.provide(live(origin, model, { maxAttempts: 1 }, { limits })))
          assert.deepInclude(failure?.reason, reason)
          assert.deepInclude(failure?.evidence, evidence)
          assert.strictEqual((yield* seen)?.requests, 1)
        })
    )
  })
})
