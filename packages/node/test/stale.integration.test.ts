/**
 * Connections that the peer closed while this process was busy. The server is a process of its own: closes must arrive
 * while this one's event loop stands still.
 */
import { assert, layer } from "@effect/vitest"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { IdleHow } from "@holdfast/testing/FaultScript"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Undici from "undici"
import { ask, failureOf, fetchText, prepare, transport, truthOf, untilTruth } from "./support/harness.ts"
import { busy, inIoCallback } from "./support/eventLoop.ts"

const ways: ReadonlyArray<IdleHow> = ["fin", "half-fin", "reset", "408", "200"]

// How long a connection idles at the server, and how long this process does nothing else meanwhile.
const idleMs = 60
const busyMs = 120

layer(FaultServer.layer({ endpoints: { a: {} } }), { excludeTestServices: true })("a stale connection", (it) => {
  it.effect.each(ways)("is not used from an I/O callback right after its close arrived: %s", (how) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([FaultScript.on({ tag: "first" }, FaultScript.idleClose(how, idleMs))])
      const { send } = yield* HttpTransport
      for (let round = 1; round <= 5; round++) {
        const { evidence } = yield* fetchText(ask(origin, { tag: "first", connection: "any" }))
        const served = evidence.connection?.requestsServed
        const run = yield* Effect.context<never>()
        let going: Fiber.Fiber<number, unknown> | undefined
        yield* inIoCallback(() => {
          busy(busyMs)
          const request = ask(origin, { tag: "second" })
          const call = Effect.scoped(
            Effect.flatMap(send(request), (response) => Effect.as(Stream.runDrain(response.body), response.status))
          )
          going = Effect.runForkWith(run)(call)
        })
        if (going === undefined) return assert.fail("not called")
        assert.strictEqual(yield* Fiber.join(going), 200)
        assert.isDefined(served)
        // The next round begins on a connection of its own.
        yield* Effect.flatMap(FaultServer.FaultServer, (server) => server.closeIdle("a", "fin"))
        yield* untilTruth(({ counts }) => counts.open === 0)
      }
      const { connections, counts } = yield* truthOf()
      const on = (tag: string) => connections.filter(({ requests }) => requests.some((seen) => seen.tag === tag))
      assert.strictEqual(on("first").length, 5)
      assert.strictEqual(on("second").length, 5)
      for (const connection of on("second")) assert.strictEqual(connection.requests.length, 1)
      return assert.deepInclude(counts, { requests: 10, ran: 10, duplicateRuns: 9, answeredFull: 10 })
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("would be used without the further turn of the event loop, which is why there is one", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([FaultScript.on({ tag: "first" }, FaultScript.idleClose("half-fin", idleMs))])
      const agent = new Undici.Agent({ allowH2: false })
      yield* Effect.addFinalizer(() => Effect.promise(() => agent.destroy()))
      const plain = (tag: string) => {
        const { body, headers } = ask(origin, { tag })
        return Effect.callback<string>((resume) => {
          const done = (how: string) => () => resume(Effect.succeed(how))
          agent.dispatch(
            {
              origin,
              path: "/v1/messages",
              method: "POST",
              headers: headers as Record<string, string>,
              body: body as string
            },
            { onRequestStart: () => undefined, onResponseEnd: done("answered"), onResponseError: done("failed") }
          )
        })
      }
      const ends: Array<string> = []
      for (let round = 1; round <= 5; round++) {
        yield* plain("first")
        let going: Fiber.Fiber<string> | undefined
        yield* inIoCallback(() => {
          busy(busyMs)
          going = Effect.runFork(plain("second"))
        })
        if (going !== undefined) ends.push(yield* Fiber.join(going))
        yield* Effect.flatMap(FaultServer.FaultServer, (server) => server.closeIdle("a", "fin"))
        yield* Effect.sleep("20 millis")
      }
      assert.include(ends, "failed")
    }).pipe(Effect.scoped)
  )

  it.effect("is replaced where its close arrives while nothing is asked", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      for (const how of ways) {
        const { origin } = yield* prepare([])
        yield* fetchText(ask(origin))
        yield* server.closeIdle("a", how)
        const { evidence } = yield* fetchText(ask(origin))
        assert.deepInclude(evidence.connection, { reused: false })
      }
    }).pipe(Effect.provide(transport()))
  )

  it.effect("gives its 408 to nobody: what comes at once on a reused connection is no answer", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([
        FaultScript.on({ request: 2 }, FaultScript.status(408, { connectionClose: true }))
      ])
      yield* fetchText(ask(origin))
      yield* Effect.sleep("20 millis")
      const failure = yield* failureOf(ask(origin))
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      const { reason } = failure
      if (reason._tag !== "StaleConnection") return assert.fail(reason._tag)
      assert.strictEqual(reason.how, "early-answer")
      assert.isAtLeast(reason.idleMs, 15)
      assert.deepInclude(failure.evidence, { phase: "responding", closed: "local-abort" })
      assert.notProperty(failure.evidence, "status")
      // Its connection is not used again.
      const after = yield* fetchText(ask(origin))
      return assert.deepInclude(after.evidence.connection, { reused: false })
    }).pipe(Effect.provide(transport()))
  )

  it.effect("is not seen in a 408 on a fresh connection", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([FaultScript.on({ tag: "fresh" }, FaultScript.status(408))])
      yield* fetchText(ask(origin))
      const { status } = yield* fetchText(ask(origin, { tag: "fresh", connection: "fresh" }))
      assert.strictEqual(status, 408)
    }).pipe(Effect.provide(transport()))
  )
})
