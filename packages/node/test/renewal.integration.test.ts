/** Connections that are made anew because their provider's settings changed, told by the server's own count. */
import { assert, layer } from "@effect/vitest"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Connections } from "@holdfast/core/ProviderRegistry"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import * as NodeTransport from "../src/HttpTransport.ts"
import { answering } from "./support/http2Peers.ts"
import { ask, environment, fetchText, prepare, send, truthOf, untilTruth } from "./support/harness.ts"

/** A provider whose connections are set as a test says, now and later. */
const settable = Effect.gen(function* () {
  const said = yield* PubSub.unbounded<void>()
  const set = { connections: { keepAliveMs: 60_000 } as Connections }
  const registry = Layer.succeed(ProviderRegistry, {
    resolve: () =>
      Effect.fail(InvalidInput.of({ kind: "EmptyChain", place: "model", expected: "a model", found: "none" })),
    settings: () => ({ params: {} }),
    // As things stand when it is asked, and not when the effect is run.
    provider: (id) => Effect.succeed({ id, baseUrl: "", headers: {}, connections: { ...set.connections } }),
    changes: Stream.fromPubSub(said)
  })
  const transport = NodeTransport.layer.pipe(
    Layer.provide(registry),
    Layer.provide(Telemetry.layer),
    Layer.provide(environment({}))
  )
  /** Says that the connections are to be so; those who listen have read it a little later. */
  const change = (connections: Connections) =>
    Effect.andThen(
      Effect.suspend(() => {
        set.connections = connections
        return PubSub.publish(said, undefined)
      }),
      Effect.sleep("50 millis")
    )
  return { transport, change }
})

layer(FaultServer.layer({ endpoints: { a: { answer: { text: "A B C D ", events: 4 } } } }), {
  excludeTestServices: true
})("connections whose settings change", (it) => {
  it.effect("are kept where nothing of theirs changed", () =>
    Effect.gen(function* () {
      const { change, transport } = yield* settable
      const { origin } = yield* prepare([])
      yield* Effect.gen(function* () {
        yield* fetchText(ask(origin))
        yield* change({ keepAliveMs: 60_000 })
        yield* fetchText(ask(origin))
      }).pipe(Effect.provide(transport))
      assert.strictEqual((yield* truthOf()).counts.connections, 1)
    })
  )

  it.effect("are opened for each call once none is to be kept", () =>
    Effect.gen(function* () {
      const { change, transport } = yield* settable
      const { origin } = yield* prepare([])
      yield* Effect.gen(function* () {
        yield* fetchText(ask(origin))
        yield* fetchText(ask(origin))
        assert.strictEqual((yield* truthOf()).counts.connections, 1)
        yield* change({ keepAliveMs: 0 })
        // The one that was kept is closed, though nobody calls.
        yield* untilTruth(({ counts }) => counts.open === 0)
        yield* fetchText(ask(origin))
        yield* fetchText(ask(origin))
        assert.strictEqual((yield* truthOf()).counts.connections, 3)
      }).pipe(Effect.provide(transport))
    })
  )

  it.effect("are left to the calls on them, which finish, and used by no other", () =>
    Effect.gen(function* () {
      const { change, transport } = yield* settable
      const { origin } = yield* prepare([FaultScript.on({ tag: "slow" }, FaultScript.drip(100))])
      yield* Effect.gen(function* () {
        const response = yield* send(ask(origin, { tag: "slow", streaming: true }))
        const reading = yield* Effect.forkChild(response.text)
        yield* change({ keepAliveMs: 30_000 })
        yield* fetchText(ask(origin))
        assert.isTrue(Option.isNone(Option.fromUndefinedOr(reading.pollUnsafe())))
        assert.include(yield* Fiber.join(reading), "message_stop")
        yield* untilTruth(({ counts }) => counts.open === 1)
        const { connections } = yield* truthOf()
        assert.deepStrictEqual(
          connections.map(({ requests }) => requests.map(({ answered, tag }) => [tag, answered])),
          [[["slow", "full"]], [[null, "full"]]]
        )
      }).pipe(Effect.scoped, Effect.provide(transport))
    })
  )

  it.effect("stay as they are where the new settings cannot be", () =>
    Effect.gen(function* () {
      const { change, transport } = yield* settable
      const { origin } = yield* prepare([])
      yield* Effect.gen(function* () {
        yield* fetchText(ask(origin))
        yield* change({ keepAliveMs: 60_000, tls: { caFile: "/nowhere/ca.pem" } })
        yield* fetchText(ask(origin))
      }).pipe(Effect.provide(transport))
      assert.strictEqual((yield* truthOf()).counts.connections, 1)
    })
  )

  it.effect("lead through a proxy once one is set, and past it again", () =>
    Effect.gen(function* () {
      const { change, transport } = yield* settable
      const { origin } = yield* prepare([])
      yield* Effect.gen(function* () {
        const first = yield* fetchText(ask(origin))
        assert.isUndefined(first.evidence.proxied)
        yield* change({ keepAliveMs: 60_000, proxy: "http://127.0.0.1:9" })
        const refused = yield* Effect.flip(fetchText(ask(origin)))
        assert.propertyVal(refused, "_tag", "ReplaySafe")
        yield* change({ keepAliveMs: 60_000, proxy: false })
        const last = yield* fetchText(ask(origin))
        assert.isUndefined(last.evidence.proxied)
      }).pipe(Effect.provide(transport))
    })
  )

  it.effect("are spoken to over TLS and HTTP/2 as the settings say", () =>
    Effect.gen(function* () {
      const { change, transport } = yield* settable
      const server = yield* answering()
      yield* Effect.gen(function* () {
        const refused = yield* Effect.flip(fetchText(ask(server.origin)))
        assert.propertyVal((refused as { readonly reason?: unknown }).reason, "_tag", "TlsFailure")
        yield* change({ keepAliveMs: 60_000, tls: { ca: server.ca }, http2: true })
        assert.strictEqual((yield* fetchText(ask(server.origin))).status, 200)
        assert.strictEqual(server.peers.length, 1)
      }).pipe(Effect.provide(transport))
    })
  )

  it.effect("are made by settings that cannot be: the first call says what, and where it stands", () =>
    Effect.gen(function* () {
      const { change, transport } = yield* settable
      const { origin } = yield* prepare([])
      yield* change({ keepAliveMs: 60_000, tls: { caFile: "/nowhere/ca.pem" } })
      const error = yield* Effect.flip(Effect.provide(fetchText(ask(origin)), transport))
      assert.deepInclude(error, { _tag: "InvalidInput" })
      assert.include(String(error), "providers.anthropic.tls.caFile")
    })
  )

  it.effect("close with their layer, one set of them after another", () =>
    Effect.gen(function* () {
      const { change, transport } = yield* settable
      const { origin } = yield* prepare([])
      yield* Effect.gen(function* () {
        const { send } = yield* HttpTransport
        for (const keepAliveMs of [50_000, 40_000, 30_000]) {
          const response = yield* send(ask(origin))
          yield* response.text
          yield* change({ keepAliveMs })
        }
      }).pipe(Effect.scoped, Effect.provide(transport))
      yield* untilTruth(({ counts }) => counts.open === 0)
      assert.strictEqual((yield* truthOf()).counts.connections, 3)
    })
  )
})
