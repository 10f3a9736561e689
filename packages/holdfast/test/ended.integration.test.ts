/** Attempts that are ended before their answer, as the server sees it: a hedge that was slower, and calls that were interrupted. */
import { assert, layer } from "@effect/vitest"
import { FaultScript, FaultServer } from "@holdfast/testing"
import type { FaultTruth } from "@holdfast/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { LanguageModel } from "effect/ai"
import type { FailoverPolicy, TelemetryEvent } from "holdfast"
import { Holdfast, Telemetry } from "holdfast"

const says = "A B C D "
const prompt = "Say A B C D."

/** Far longer than a test takes. */
const never = 600_000
const { afterEvents, afterRequest, cut, drip, on } = FaultScript

/** What a call does, and the slow answers that it meets. */
const shapes = {
  "a whole answer, nothing of which has come": {
    ask: Effect.map(LanguageModel.generateText({ prompt }), ({ text }) => text),
    slow: cut("stall", afterRequest)
  },
  "a stream, nothing of which has come": {
    ask: Stream.runFold(
      LanguageModel.streamText({ prompt }),
      () => "",
      (text, part) => (part.type === "text-delta" ? text + part.delta : text)
    ),
    slow: drip(0, { headDelayMs: never })
  },
  "a stream that has begun and has no content": {
    ask: Stream.runFold(
      LanguageModel.streamText({ prompt }),
      () => "",
      (text, part) => (part.type === "text-delta" ? text + part.delta : text)
    ),
    slow: cut("stall", afterEvents(1))
  }
}

/** A model of the server's, whose events are kept. */
const asking = <A, E>(
  policy: FailoverPolicy.Overrides,
  program: Effect.Effect<A, E, LanguageModel.LanguageModel | FaultServer.FaultServer>,
  events: Array<TelemetryEvent.TelemetryEvent> = []
) =>
  Effect.gen(function* () {
    const { origin } = yield* (yield* FaultServer.FaultServer).endpoint("a")
    const kept = Effect.flatMap(Telemetry.Telemetry, ({ listen }) => listen((event) => events.push(event)))
    return yield* Effect.andThen(kept, program).pipe(
      Effect.provide(Holdfast.model("anthropic/claude-opus-4-7")),
      Effect.provide(
        Holdfast.layer({ providers: { anthropic: { baseUrl: origin, apiKey: Redacted.make("a-key") } }, policy })
      )
    )
  }).pipe(Effect.scoped)

const untilTruth = (
  is: (endpoint: FaultTruth.Endpoint) => boolean
): Effect.Effect<FaultTruth.Endpoint, unknown, FaultServer.FaultServer> =>
  Effect.gen(function* () {
    const { endpoints } = yield* (yield* FaultServer.FaultServer).truth
    const { a } = endpoints
    if (a !== undefined && is(a)) return a
    yield* Effect.sleep("10 millis")
    return yield* untilTruth(is)
  })

/** Who ended each connection and how much was answered there, in the order in which they were opened. */
const endings = ({ connections }: FaultTruth.Endpoint) =>
  connections.map(({ closed, requests }) => [closed?.by, ...requests.map(({ answered }) => answered)])

layer(FaultServer.layer({ endpoints: { a: { answer: { text: says, events: 4 } } } }), { excludeTestServices: true })(
  (it) => {
    for (const [shape, { ask, slow }] of Object.entries(shapes)) {
      const had = shape.includes("begun") ? "partial" : "none"

      it.effect(`${shape}: the hedge answers, and the slow attempt is ended on the wire`, () =>
        Effect.gen(function* () {
          yield* (yield* FaultServer.FaultServer).script("a", [on({ nth: 1 }, slow)])
          const events: Array<TelemetryEvent.TelemetryEvent> = []
          const hedged = Effect.gen(function* () {
            const text = yield* ask
            // While the model and its connections live: nobody but the call has closed anything.
            const truth = yield* untilTruth(({ counts }) => counts.closedByClient > 0)
            return { text, truth }
          })
          const { text, truth } = yield* asking({ hedge: { after: "50 millis" } }, hedged, events)
          assert.strictEqual(text, says)
          const [slower, quicker] = endings(truth)
          assert.deepStrictEqual(slower, ["client", had])
          // What becomes of its connection is the next call's affair.
          assert.deepStrictEqual(quicker?.slice(1), ["full"])
          assert.deepStrictEqual(
            events.flatMap((event) => (event._tag === "AttemptAborted" ? [event.attempt] : [])),
            [1]
          )
        })
      )

      it.effect(`${shape}: an interrupted call leaves neither of its two attempts running`, () =>
        Effect.gen(function* () {
          yield* (yield* FaultServer.FaultServer).script("a", [FaultScript.always(slow)])
          const interrupted = Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(ask)
            yield* untilTruth(({ counts }) => counts.complete === 2)
            yield* Fiber.interrupt(fiber)
            return yield* untilTruth(({ counts }) => counts.closedByClient === 2)
          })
          const truth = yield* asking({ hedge: { after: "50 millis" } }, interrupted)
          assert.deepStrictEqual(endings(truth), [
            ["client", had],
            ["client", had]
          ])
        })
      )
    }

    it.effect("a stream whose reader has read enough is ended on the wire, and nothing is asked again", () =>
      Effect.gen(function* () {
        yield* (yield* FaultServer.FaultServer).script("a", [FaultScript.always(cut("stall", afterEvents(4)))])
        const read = Effect.gen(function* () {
          const parts = LanguageModel.streamText({ prompt }).pipe(
            Stream.filter(({ type }) => type === "text-delta"),
            Stream.take(1)
          )
          yield* Stream.runDrain(parts)
          return yield* untilTruth(({ counts }) => counts.closedByClient === 1)
        })
        const truth = yield* asking({}, read)
        assert.deepStrictEqual(endings(truth), [["client", "partial"]])
      })
    )
  }
)
