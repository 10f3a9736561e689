/**
 * What ends an attempt from our side ends it on the wire too: interruption, its scope, the caller's signal, its limits and
 * those of layers above.
 */
import { assert } from "@effect/vitest"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import * as Reason from "@holdfast/core/Reason"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as FaultScript from "../../FaultScript.ts"
import type { Law } from "./law.ts"
import { failureOf, fetchText, prepare, send, truthOf, untilTruth } from "./law.ts"

const { afterEvents, afterHead, afterRequest, always, atAccept, cut } = FaultScript

const places = {
  "before the head": cut("stall", afterRequest),
  "after the head": cut("stall", afterHead),
  "in the body": cut("stall", afterEvents(2))
} as const

type Place = keyof typeof places

const allPlaces = Object.keys(places) as ReadonlyArray<Place>

/** Sends what stops at a place, reads until nothing comes any more, and waits until the server has seen that. */
const start = Effect.fnUntraced(function* (place: Place, more: Partial<HttpRequest> = {}) {
  const request = yield* prepare([always(places[place])], { streaming: true, ...more })
  const fiber = yield* Effect.forkScoped(
    Effect.scoped(Effect.flatMap(send(request), ({ body }) => Stream.runDrain(body)))
  )
  yield* untilTruth("a whole request", ({ counts }) => counts.complete === 1)
  yield* Effect.sleep("20 millis")
  assert.isUndefined(fiber.pollUnsafe())
  return fiber
})

const abortable = () => new AbortController()

const ended = untilTruth(
  "a connection that the client closed, and no second request",
  ({ counts }) => counts.closedByClient === 1 && counts.requests === 1
)

const limited = (limits: TimeLimits.TimeLimits, more: Partial<HttpRequest> = {}): Partial<HttpRequest> => ({
  limits: TimeLimits.resolve({ connect: "20 seconds", headers: "20 seconds", liveness: "20 seconds", ...limits }),
  ...more
})

/** @see module documentation */
export const endings: ReadonlyArray<Law> = [
  ...allPlaces.flatMap((place): ReadonlyArray<Law> => [
    {
      says: `ends the attempt on the wire when it is interrupted ${place}`,
      holds: Effect.gen(function* () {
        const fiber = yield* start(place)
        yield* Fiber.interrupt(fiber)
        yield* ended
      })
    },
    {
      says: `ends the attempt on the wire, as an interruption, when the caller's signal aborts ${place}`,
      holds: Effect.gen(function* () {
        const controller = abortable()
        const fiber = yield* start(place, { signal: controller.signal })
        controller.abort()
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause), String(exit))
        yield* ended
      })
    }
  ]),
  {
    says: "ends an answer that is not read to its end when its scope closes",
    holds: Effect.gen(function* () {
      const request = yield* prepare([always(places["in the body"])], { streaming: true })
      const scope = yield* Scope.make()
      const response = yield* Scope.provide(send(request), scope)
      yield* Stream.runHead(response.body)
      yield* Scope.close(scope, Exit.void)
      yield* ended
      assert.deepInclude(response.evidence(), { phase: "responding", status: 200, closed: "local-abort" })
    })
  },
  {
    says: "ends an attempt that has no answer yet when its scope closes",
    holds: Effect.gen(function* () {
      const request = yield* prepare([always(places["before the head"])])
      const scope = yield* Scope.make()
      const fiber = yield* Effect.forkScoped(Scope.provide(send(request), scope))
      yield* untilTruth("a whole request", ({ counts }) => counts.complete === 1)
      yield* Scope.close(scope, Exit.void)
      yield* ended
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
    })
  },
  {
    says: "limits the time to the head of a streamed answer",
    holds: Effect.gen(function* () {
      const request = yield* prepare(
        [always(places["before the head"])],
        limited({ headers: "200 millis" }, { streaming: true })
      )
      const failure = yield* failureOf(fetchText(request))
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.deepInclude(failure.reason, { _tag: "HeadersTimeout", limitMs: 200 })
      assert.deepInclude(failure.evidence, { phase: "waiting", closed: "local-limit" })
      yield* ended
    })
  },
  {
    says: "limits the time to the head of a whole answer where the limit was set",
    holds: Effect.gen(function* () {
      const request = yield* prepare([always(places["before the head"])], limited({ headers: "200 millis" }))
      const failure = yield* failureOf(fetchText(request))
      assert.deepInclude(failure.reason, { _tag: "HeadersTimeout", limitMs: 200 })
    })
  },
  {
    says: "does not hold the head of a whole answer to the limit of streamed ones",
    holds: Effect.gen(function* () {
      const script = [always(FaultScript.drip(0, { headDelayMs: 1500 }))]
      const limits = { ...TimeLimits.defaults, headersMs: 200 }
      assert.include(yield* fetchText(yield* prepare(script, { limits })), '"end_turn"')
    })
  },
  {
    says: "limits the time in which no byte of a body comes",
    holds: Effect.gen(function* () {
      const request = yield* prepare(
        [always(places["in the body"])],
        limited({ liveness: "300 millis" }, { streaming: true })
      )
      const response = yield* send(request)
      const failure = yield* failureOf(response.text)
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.deepInclude(failure.reason, { _tag: "StreamStalled", limitMs: 300, waitedFor: "bytes" })
      assert.deepInclude(failure.evidence, { phase: "responding", status: 200, closed: "local-limit" })
      yield* ended
    })
  },
  {
    says: "does not limit a body in which bytes keep coming",
    holds: Effect.gen(function* () {
      // Ten events, a second and a half together.
      const request = yield* prepare(
        [always(FaultScript.drip(150))],
        limited({ liveness: "600 millis" }, { streaming: true })
      )
      assert.include(yield* fetchText(request), "message_stop")
    })
  },
  ...allPlaces.map((place): Law => ({
    says: `limits the whole attempt ${place}`,
    holds: Effect.gen(function* () {
      const request = yield* prepare([always(places[place])], limited({ total: "800 millis" }))
      const failure = yield* failureOf(fetchText(request))
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.deepInclude(failure.reason, { _tag: "TotalTimeout", limitMs: 800 })
      const phase = place === "before the head" ? "waiting" : "responding"
      assert.deepInclude(failure.evidence, { phase, closed: "local-limit" })
      yield* ended
    })
  })),
  {
    says: "limits the whole attempt before it has a connection, and calls its end safe",
    holds: Effect.gen(function* () {
      const request = yield* prepare([always(cut("stall", atAccept))], limited({ total: "800 millis" }), "own")
      const failure = yield* failureOf(fetchText(request))
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.deepInclude(failure.reason, { _tag: "TotalTimeout", limitMs: 800 })
      assert.deepInclude(failure.evidence, { bytesWritten: 0, bytesRead: 0 })
      yield* untilTruth("a connection that the client closed", ({ counts }) => counts.closedByClient === 1, "own")
    })
  },
  {
    says: "does not limit an attempt that is over in time",
    holds: Effect.gen(function* () {
      const request = yield* prepare([], limited({ total: "1 second" }))
      const response = yield* send(request)
      assert.include(yield* response.text, '"end_turn"')
      yield* Effect.sleep("1100 millis")
      assert.notProperty(response.evidence(), "closed")
      assert.include(yield* fetchText(request), '"end_turn"')
      assert.strictEqual((yield* truthOf()).counts.connections, 1)
    })
  },
  {
    says: "ends an answer for a limit of a layer above, which its reader is told",
    holds: Effect.gen(function* () {
      const request = yield* prepare([always(places["in the body"])], { streaming: true })
      const response = yield* send(request)
      const reading = yield* Effect.forkScoped(failureOf(Stream.runDrain(response.body)))
      yield* untilTruth("a whole request", ({ counts }) => counts.complete === 1)
      yield* Effect.sleep("20 millis")
      assert.isUndefined(reading.pollUnsafe())
      const reason = new Reason.StreamStalled({ limitMs: 7, waitedFor: "content" })
      yield* response.end(reason)
      yield* response.end(new Reason.TotalTimeout({ limitMs: 1 }))
      const failure = yield* Fiber.join(reading)
      assert.deepStrictEqual(failure.reason, reason)
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.deepInclude(failure.evidence, { phase: "responding", status: 200, closed: "local-limit" })
      yield* ended
    })
  },
  {
    says: "ends an answer for a limit of a layer above before anybody reads it",
    holds: Effect.gen(function* () {
      const request = yield* prepare([always(places["after the head"])], { streaming: true })
      const response = yield* send(request)
      yield* response.end(new Reason.FirstOutputTimeout({ limitMs: 7 }))
      yield* ended
      assert.deepInclude((yield* failureOf(response.text)).reason, { _tag: "FirstOutputTimeout", limitMs: 7 })
    })
  },
  {
    says: "lets a layer above end nothing that has ended",
    holds: Effect.gen(function* () {
      const request = yield* prepare([])
      const response = yield* send(request)
      const text = yield* response.text
      yield* response.end(new Reason.TotalTimeout({ limitMs: 1 }))
      assert.include(text, '"end_turn"')
      assert.notProperty(response.evidence(), "closed")
      assert.include(yield* fetchText(request), '"end_turn"')
      assert.strictEqual((yield* truthOf()).counts.connections, 1)
    })
  },
  {
    says: "limits the time to a connection, and calls its end safe",
    holds: Effect.gen(function* () {
      const request = yield* prepare([always(cut("stall", atAccept))], limited({ connect: "300 millis" }), "own")
      const failure = yield* failureOf(fetchText(request))
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.deepInclude(failure.reason, { _tag: "ConnectTimeout", limitMs: 300 })
      assert.deepInclude(failure.evidence, { phase: "securing", bytesWritten: 0, bytesRead: 0 })
      yield* untilTruth("a connection that the client closed", ({ counts }) => counts.closedByClient === 1, "own")
    })
  }
]
