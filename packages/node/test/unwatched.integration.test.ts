import { assert, layer } from "@effect/vitest"
import { isFailure } from "@holdfast/core/Failure"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Undici from "undici"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as Dispatchers from "../src/Dispatchers.ts"
import { ask, failureOf, prepare, send, swapped, truthOf } from "./support/harness.ts"

const { afterEvents, afterHead, afterRequest, cut, on } = FaultScript

const servers = FaultServer.layer({ endpoints: { a: {}, nobody: { refuse: true } } })

/** What happens to a request that was sent: how it is broken, and whether its answer is a stream. */
const sends = [
  ["no answer, FIN", cut("fin", afterRequest), false],
  ["no answer, RST", cut("reset", afterRequest), false],
  ["no answer in time", cut("stall", afterRequest), true],
  ["half a head, FIN", cut("fin", FaultScript.afterHeadBytes(5)), false],
  ["a head and no more, RST", cut("reset", afterHead), true],
  ["half a stream, FIN", cut("fin", afterEvents(2)), true],
  ["half a stream, RST", cut("reset", afterEvents(2)), true],
  ["half a stream, and silence", cut("stall", afterEvents(2)), true]
] as const

const agent = (name: string): Effect.Effect<Undici.Dispatcher, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Undici.Agent()),
    (agent) => Effect.promise(() => agent.destroy())
  ).pipe(
    Effect.map((agent) => {
      if (name === "plain") return agent
      const all = name === "with a retry of everything composed"
      const retry = { minTimeout: 1, maxTimeout: 1, maxRetries: 2, ...(all ? { methods: ["POST" as const] } : {}) }
      return agent.compose(Undici.interceptors.retry(retry))
    })
  )

/** What a request comes to through a dispatcher that does this with it. */
const errorThrough = (dispatch: Undici.Dispatcher["dispatch"]) => {
  const raw = Object.assign(new Undici.Agent(), { dispatch })
  const layer = swapped(Dispatchers.swap("anthropic", Dispatcher.layerFrom(raw)))
  return Effect.flip(Effect.scoped(Effect.provide(send(ask("http://127.0.0.1:9")), layer)))
}

/** What undici gives a handler, as far as an attempt uses it. */
const controller = { paused: false, abort: () => undefined } as unknown as Undici.Dispatcher.DispatchController

layer(servers, { excludeTestServices: true })("a dispatcher that is not watched", (it) => {
  it.effect("is taken as it is: its evidence is unknown, and it is not closed", () =>
    Effect.gen(function* () {
      const raw = new Undici.Agent({ keepAliveTimeout: 60_000 })
      yield* Effect.addFinalizer(() => Effect.promise(() => raw.destroy()))
      const layer = swapped(Dispatchers.swap("anthropic", Dispatcher.layerFrom(raw)))
      const { origin } = yield* prepare([on({ tag: "dies" }, cut("fin", afterRequest))])
      const nobody = yield* Effect.flatMap(FaultServer.FaultServer, (server) => server.endpoint("nobody"))
      yield* Effect.gen(function* () {
        const response = yield* send(ask(origin))
        yield* response.text
        assert.deepStrictEqual(response.evidence(), { _tag: "Unknown", status: 200 })
        const died = yield* failureOf(ask(origin, { tag: "dies" }))
        assert.deepStrictEqual(died.evidence, { _tag: "Unknown" })
        assert.deepInclude(died.reason, { _tag: "ConnectionLost", how: "fin", during: "request" })
        // Nothing that an unwatched dispatcher says makes a replay safe.
        const refused = yield* failureOf(ask(nobody.origin))
        assert.deepInclude(refused.reason, { _tag: "ConnectFailure", code: "ECONNREFUSED" })
        for (const failure of [died, refused]) assert.strictEqual(failure._tag, "ReplayAmbiguous")
        yield* fetchTextUnwatched(origin)
      }).pipe(Effect.scoped, Effect.provide(layer))
      assert.isFalse(raw.closed)
      assert.isFalse(raw.destroyed)
      const { counts } = yield* truthOf()
      assert.strictEqual(counts.open, 1)
    }).pipe(Effect.scoped)
  )

  it.effect.each(
    ["plain", "with a retry composed", "with a retry of everything composed"].flatMap((name) =>
      sends.map(([fault, script, streaming]) => [name, fault, script, streaming] as const)
    )
  )("is never called safe after a send, %s: %s", ([name, , script, streaming]) =>
    Effect.gen(function* () {
      const raw = yield* agent(name)
      const layer = swapped(Dispatchers.swap("anthropic", Dispatcher.layerFrom(raw)))
      const { origin } = yield* prepare([FaultScript.always(script)])
      const limits = TimeLimits.resolve({ headers: "50 millis", liveness: "50 millis" })
      for (const declaration of ["repeatable", "unknown", "changes-state"] as const) {
        const failure = yield* Effect.provide(failureOf(ask(origin, { streaming, limits, declaration })), layer)
        assert.strictEqual(failure.evidence._tag, "Unknown")
        assert.strictEqual(failure._tag, declaration === "changes-state" ? "ReplayUnsafe" : "ReplayAmbiguous")
      }
    }).pipe(Effect.scoped)
  )

  it.effect("resends nothing by itself", () =>
    Effect.gen(function* () {
      const raw = new Undici.Agent().compose(Undici.interceptors.retry({ methods: ["POST"], minTimeout: 1 }))
      const { origin } = yield* prepare([on({ nth: 1 }, cut("fin", afterRequest))])
      const layer = swapped(Dispatchers.swap("anthropic", Dispatcher.layerFrom(raw)))
      const failure = yield* Effect.provide(failureOf(ask(origin)), layer)
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.strictEqual((yield* truthOf()).counts.complete, 1)
    })
  )

  it.effect("refuses what it cannot take, and does not take a failure after the send for that", () =>
    Effect.gen(function* () {
      const refusal = new Undici.errors.InvalidArgumentError("invalid bodyTimeout")
      const refused = yield* errorThrough((_, handler) => {
        handler.onResponseError?.(controller, refusal)
        return true
      })
      if (!isInvalidInput(refused)) return assert.fail(String(refused))
      assert.deepInclude(refused.problems[0], {
        kind: "InvalidOption",
        place: "request, or an option of its dispatcher",
        found: "its refusal: invalid bodyTimeout"
      })
      // A proxy's 407 has that code and comes when the request was sent.
      const failed = yield* errorThrough((_, handler) => {
        handler.onRequestStart?.(controller, {})
        handler.onResponseError?.(controller, refusal)
        return true
      })
      if (!isFailure(failed)) return assert.fail(String(failed))
      return assert.strictEqual(failed._tag, "ReplayAmbiguous")
    })
  )

  it.effect("fails as an attempt does where it throws", () =>
    Effect.gen(function* () {
      const raw = new Undici.Agent()
      raw.dispatch = () => {
        throw new Error("out of order")
      }
      const layer = swapped(Dispatchers.swap("anthropic", Dispatcher.layerFrom(raw)))
      const failure = yield* Effect.provide(failureOf(ask("http://127.0.0.1:9")), layer)
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
    })
  )
})

const fetchTextUnwatched = (origin: string) =>
  Effect.scoped(Effect.flatMap(send(ask(origin)), (response) => response.text))
