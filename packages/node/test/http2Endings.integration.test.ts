/** How HTTP/2 connections end: left by either side, spent, silent, or closed with their pool. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, layer } from "@effect/vitest"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Repair from "@holdfast/core/Repair"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as Dispatchers from "../src/Dispatchers.ts"
import * as NodeTransport from "../src/HttpTransport.ts"
import type { Attempt } from "../src/internal/attempt.ts"
import * as Pool from "../src/internal/pool.ts"
import { readTls } from "../src/internal/tls/options.ts"
import { load } from "../src/internal/undici.ts"
import { ask, candidate, failureOf, fetchText, observed } from "./support/harness.ts"
import { answering, holding, many, over, peerOf } from "./support/http2Peers.ts"
import { code, rawHttp2 } from "./support/rawHttp2.ts"
import { until } from "./support/rawServer.ts"

const it = layer(Layer.empty, { excludeTestServices: true })

/** Runs a program of `programs/` until it ends by itself; one that does not is stopped and has no code. */
const runAlone = (program: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv) =>
  Effect.callback<number | null>((resume) => {
    const file = fileURLToPath(new URL(`./programs/${program}.ts`, import.meta.url))
    const options = {
      stdio: "inherit",
      env: { ...process.env, ...env },
      timeout: 20_000,
      killSignal: "SIGKILL"
    } as const
    const child = spawn(process.execPath, ["--conditions=@holdfast/source", "--no-warnings", file, ...args], options)
    child.on("exit", (code) => resume(Effect.succeed(code)))
  })

/** The events of a transport, as they come. */
const watched = (options: Dispatcher.PoolOptions) => {
  const events: Array<TelemetryEvent> = []
  const layer = NodeTransport.layer.pipe(
    Layer.provide(Dispatchers.swap(candidate.provider, Dispatcher.layerPool(options))),
    Layer.provideMerge(Telemetry.layer)
  )
  return { events, layer }
}

/** A transport whose connections are pinged soon. */
const pinging = (ca: string): Layer.Layer<HttpTransport, InvalidInput> => {
  const pace = { lookMs: 20, silentMs: 60, pongMs: 200, doubtMs: 50 }
  const observer = { now: () => Date.now(), opened: () => undefined, closed: () => undefined }
  const dispatcher = Layer.effect(
    Dispatcher.Dispatcher,
    Effect.gen(function* () {
      const tls = yield* readTls("tls", { ca })
      const options = { keepAliveMs: 60_000, connections: undefined, learnIdleLimit: false, tls, http2: true, pace }
      const pool = yield* Effect.acquireRelease(
        Effect.sync(() => Pool.make(load(), options, observer, () => undefined)),
        (pool) => Effect.promise(() => pool.destroy())
      )
      const dispatch = (sent: Pool.Sent, attempt: Attempt) => pool.dispatch(sent, attempt)
      return {
        instrumented: true,
        dispatch,
        idleLimits: Effect.succeed([])
      } as unknown as Dispatcher.Dispatcher["Service"]
    })
  )
  return NodeTransport.layer.pipe(
    Layer.provide(Dispatchers.swap(candidate.provider, dispatcher)),
    Layer.provide(Telemetry.layer)
  )
}

it("HTTP/2 connections that end", (it) => {
  it.effect("take no new streams after GOAWAY, while those they carry end", () =>
    Effect.gen(function* () {
      const server = yield* holding()
      const context = yield* Layer.build(over(server))
      const first = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      yield* until(() => server.received() === 1)
      peerOf(server).goaway(1, code.noError)
      yield* until(() => peerOf(server).goaways === 1)
      const second = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      yield* until(() => server.peers.length === 2 && peerOf(server, 1).requests.size === 1)
      peerOf(server, 1).answer(1)
      peerOf(server).answer(1)
      assert.strictEqual((yield* Fiber.join(first)).text, "fine")
      assert.strictEqual((yield* Fiber.join(second)).text, "fine")
      yield* until(() => peerOf(server).socket.destroyed)
    })
  )

  it.effect("close when idle for too long, and say goodbye", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      const context = yield* Layer.build(over(server, { keepAlive: "100 millis" }))
      yield* Effect.provide(fetchText(ask(server.origin)), context)
      yield* until(() => peerOf(server).socket.destroyed)
      assert.strictEqual(peerOf(server).goaways, 1)
      const { evidence } = yield* Effect.provide(fetchText(ask(server.origin)), context)
      assert.deepInclude(evidence.connection, { reused: false })
    })
  )

  it.effect("serve one request each where none is kept", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      yield* Effect.forEach(many(3, String), () => fetchText(ask(server.origin)), { concurrency: "unbounded" }).pipe(
        Effect.andThen(fetchText(ask(server.origin))),
        Effect.provide(over(server, { keepAlive: false }))
      )
      assert.deepStrictEqual(
        server.peers.map((peer) => peer.requests.size),
        [1, 1, 1, 1]
      )
      yield* until(() => server.peers.every(({ socket }) => socket.destroyed))
    })
  )

  it.effect("carry no more requests than they may, and are used at no greater age than they may be", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      const count = (options: Dispatcher.PoolOptions) =>
        Effect.gen(function* () {
          const before = server.peers.length
          yield* Effect.forEach(many(4, String), () => Effect.delay(fetchText(ask(server.origin)), "60 millis"))
          return server.peers.slice(before).map((peer) => peer.requests.size)
        }).pipe(Effect.provide(over(server, options)))
      assert.deepStrictEqual(yield* count({ maxRequestsPerConnection: 3 }), [3, 1])
      assert.deepStrictEqual(yield* count({ maxConnectionAge: "50 millis" }), [1, 1, 1, 1])
      yield* until(() => server.peers.every(({ socket }) => socket.destroyed))
    })
  )

  it.effect("keep no process alive when idle", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      const code = yield* runAlone("http2Alone", [server.origin], { HOLDFAST_CA: server.ca })
      assert.strictEqual(code, 0)
      assert.strictEqual(server.received(), 1)
    })
  )

  it.effect.each(["protocolError", "internalError", "refusedStream", "cancel", "enhanceYourCalm"] as const)(
    "count as reused when all that they carried was reset, and are repaired as stale: %s",
    (name) =>
      Effect.gen(function* () {
        const server = yield* rawHttp2((peer, index) => {
          peer.onRequest = (stream) => {
            if (index > 0) peer.answer(stream)
            else if (stream === 1) peer.rst(stream, code[name])
            else peer.fin()
          }
        })
        const { events, layer } = watched({ tls: { ca: server.ca }, http2: true })
        const evidence = yield* Effect.gen(function* () {
          const telemetry = yield* Telemetry.Telemetry
          yield* telemetry.listen((event) => void events.push(event))
          yield* failureOf(ask(server.origin))
          yield* Effect.sleep("20 millis")
          const { send } = yield* HttpTransport
          const response = yield* Repair.send(send, (attempt) => ask(server.origin, attempt))
          assert.strictEqual(yield* response.text, "fine")
          return observed(response.evidence())
        }).pipe(Effect.scoped, Effect.provide(layer))
        const assumed = events.flatMap((event) => (event._tag === "ReplayAssumed" ? [event] : []))
        assert.deepStrictEqual(
          assumed.map(({ reason, rule }) => [reason, rule]),
          [["StaleConnection", "stale-connection"]]
        )
        assert.deepInclude(evidence.connection, { reused: false, requestsServed: 0 })
        assert.deepStrictEqual(
          server.peers.map((peer) => peer.requests.size),
          [2, 1]
        )
      })
  )

  it.effect("tell of themselves", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      const { events, layer } = watched({ tls: { ca: server.ca }, http2: true })
      yield* Effect.gen(function* () {
        const telemetry = yield* Telemetry.Telemetry
        yield* telemetry.listen((event) => void events.push(event))
        yield* fetchText(ask(server.origin))
        yield* Effect.sleep("20 millis")
        peerOf(server).goaway(1, code.noError)
        peerOf(server).fin()
        yield* until(() => events.some(({ _tag }) => _tag === "ConnectionClosed"))
      }).pipe(Effect.provide(layer))
      const [opened, closed] = events.filter(({ _tag }) => _tag.startsWith("Connection"))
      assert.deepInclude(opened, { _tag: "ConnectionOpened", origin: server.origin })
      assert.deepInclude(closed, {
        _tag: "ConnectionClosed",
        origin: server.origin,
        closed: "peer-fin",
        idle: true,
        requestsServed: 1
      })
    })
  )
})

it("a pool of HTTP/2 connections that closes", (it) => {
  it.effect("lets what is on the way finish, and ends the rest", () =>
    Effect.gen(function* () {
      const server = yield* holding()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(over(server, { drain: "300 millis" }), scope)
      const finishes = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      const hangs = yield* Effect.forkScoped(Effect.provide(failureOf(ask(server.origin)), context))
      yield* until(() => server.received() === 2)
      const closing = yield* Effect.forkScoped(Scope.close(scope, Exit.void))
      yield* Effect.sleep("50 millis")
      peerOf(server).answer(1)
      assert.strictEqual((yield* Fiber.join(finishes)).text, "fine")
      const failure = yield* Fiber.join(hangs)
      assert.strictEqual(failure.reason._tag, "ConnectionLost")
      assert.deepInclude(failure.evidence, { phase: "waiting", closed: "local-abort" })
      yield* Fiber.join(closing)
      yield* until(() => peerOf(server).socket.destroyed)
    })
  )

  it.effect("closes what is idle at once", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      yield* Effect.provide(fetchText(ask(server.origin)), over(server, { keepAlive: "1 minute" }))
      yield* until(() => peerOf(server).socket.destroyed)
      assert.strictEqual(peerOf(server).goaways, 1)
    })
  )
})

it("a silent HTTP/2 connection", (it) => {
  it.effect("is pinged while streams wait on it, and goes on if the peer answers", () =>
    Effect.gen(function* () {
      const server = yield* holding()
      const call = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), pinging(server.ca)))
      yield* until(() => server.peers.length === 1 && peerOf(server).pings.length >= 3)
      peerOf(server).answer(1)
      assert.strictEqual((yield* Fiber.join(call)).text, "fine")
    })
  )

  it.effect("is ended with its streams if the peer does not", () =>
    Effect.gen(function* () {
      const server = yield* holding({ pongs: false })
      const failures = yield* Effect.forEach(many(2, String), () => failureOf(ask(server.origin)), {
        concurrency: "unbounded"
      }).pipe(Effect.provide(pinging(server.ca)))
      for (const failure of failures) {
        assert.strictEqual(failure.reason._tag, "ConnectionLost")
        assert.deepInclude(failure.reason, { how: "unknown", during: "request" })
        assert.deepInclude(failure.evidence, { phase: "waiting", closed: "local-limit" })
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
      }
      assert.strictEqual(peerOf(server).pings.length, 1)
      yield* until(() => peerOf(server).socket.destroyed)
    })
  )

  it.effect("is pinged beside the first request after a while, and not when it is idle", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      const pings = () => peerOf(server).pings.length
      yield* Effect.gen(function* () {
        yield* fetchText(ask(server.origin))
        yield* fetchText(ask(server.origin))
        assert.strictEqual(pings(), 0)
        yield* Effect.sleep("200 millis")
        assert.strictEqual(pings(), 0)
        const { evidence } = yield* fetchText(ask(server.origin))
        assert.isAbove(observed(evidence).connection?.idleMs ?? 0, 50)
        yield* until(() => pings() === 1)
      }).pipe(Effect.provide(pinging(server.ca)))
    })
  )
})
