/** The HTTP/2 connections of a provider: shared, bounded, replaced, given up and closed. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, layer } from "@effect/vitest"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as Dispatchers from "../src/Dispatchers.ts"
import * as NodeTransport from "../src/HttpTransport.ts"
import type { Attempt } from "../src/internal/attempt.ts"
import * as Pool from "../src/internal/pool.ts"
import { readTls } from "../src/internal/tls/options.ts"
import { load } from "../src/internal/undici.ts"
import { ask, candidate, failureOf, fetchText, observed, send, transport } from "./harness.ts"
import { until } from "./rawServer.ts"
import type { Options, Peer, RawHttp2 } from "./support/rawHttp2.ts"
import { code, rawHttp2 } from "./support/rawHttp2.ts"

const it = layer(Layer.empty, { excludeTestServices: true })

const answering = (options: Options = {}) =>
  rawHttp2((peer) => (peer.onRequest = (stream) => peer.answer(stream)), options)

/** Holds every request until it is let go. */
const holding = (options: Options = {}) => rawHttp2(() => undefined, options)

const requests = ({ peers }: RawHttp2): number => peers.reduce((sum, peer) => sum + peer.requests.size, 0)

const over = (server: RawHttp2, options: Dispatcher.PoolOptions = {}) =>
  transport({ tls: { ca: server.ca }, http2: true, ...options })

/** A body that breaks off. */
const breaking = async function* () {
  yield new Uint8Array(10)
  await Promise.reject(new Error("no more"))
}

const many = <A>(count: number, each: (index: number) => A): Array<A> =>
  Array.from({ length: count }, (_, i) => each(i))

const peerOf = (server: RawHttp2, index = 0): Peer => {
  const peer = server.peers[index]
  if (peer === undefined) throw new Error(`no connection ${index}`)
  return peer
}

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

it("HTTP/2 connections", (it) => {
  it.effect("carry many requests at a time, and one after another", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      yield* Effect.gen(function* () {
        const first = yield* fetchText(ask(server.origin))
        yield* Effect.forEach(many(50, String), (text) => fetchText(ask(server.origin, { text })), {
          concurrency: "unbounded"
        })
        yield* Effect.sleep("30 millis")
        const last = yield* fetchText(ask(server.origin))
        assert.deepInclude(first.evidence.connection, { reused: false, idleMs: 0, requestsServed: 0 })
        assert.deepInclude(last.evidence.connection, { reused: true, requestsServed: 51 })
        assert.isAtLeast(last.evidence.connection?.idleMs ?? 0, 25)
      }).pipe(Effect.provide(over(server)))
      assert.strictEqual(server.peers.length, 1)
      assert.strictEqual(requests(server), 52)
    })
  )

  it.effect("are one where many ask at once before there is any", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      yield* Effect.forEach(many(20, String), () => fetchText(ask(server.origin)), { concurrency: "unbounded" }).pipe(
        Effect.provide(over(server))
      )
      assert.strictEqual(server.peers.length, 1)
    })
  )

  it.effect("are more where the peer lets one carry few", () =>
    Effect.gen(function* () {
      const server = yield* holding({ maxConcurrent: 2 })
      const calls = yield* Effect.forkScoped(
        Effect.forEach(many(6, String), () => fetchText(ask(server.origin)), { concurrency: "unbounded" }).pipe(
          Effect.provide(over(server))
        )
      )
      yield* until(() => requests(server) === 6)
      assert.deepStrictEqual(
        server.peers.map((peer) => peer.requests.size),
        [2, 2, 2]
      )
      for (const peer of server.peers) for (const stream of peer.requests.keys()) peer.answer(stream)
      assert.strictEqual((yield* Fiber.join(calls)).length, 6)
    })
  )

  it.effect("are no more than the limit: the rest wait for others to end, or are given up at once", () =>
    Effect.gen(function* () {
      const server = yield* holding({ maxConcurrent: 2 })
      const context = yield* Layer.build(over(server, { connections: 1 }))
      // A connect limit does not hold for those who wait for others.
      const limits = TimeLimits.resolve({ connect: "100 millis" })
      const fork = (tag: string) =>
        Effect.forkScoped(Effect.provide(fetchText(ask(server.origin, { limits, tag })), context))
      const first = yield* Effect.forEach(many(2, String), fork)
      yield* until(() => requests(server) === 2)
      const third = yield* fork("third")
      const fourth = yield* fork("fourth")
      yield* Effect.sleep("250 millis")
      yield* Fiber.interrupt(third)
      const peer = peerOf(server)
      for (const stream of peer.requests.keys()) peer.answer(stream)
      for (const fiber of first) yield* Fiber.join(fiber)
      yield* until(() => requests(server) === 3)
      peer.answer(5)
      assert.strictEqual((yield* Fiber.join(fourth)).status, 200)
      assert.strictEqual(server.peers.length, 1)
      assert.strictEqual(requests(server), 3)
    })
  )

  it.effect("that may carry nothing are waited for no longer than for a connection", () =>
    Effect.gen(function* () {
      const server = yield* holding({ maxConcurrent: 0 })
      const limits = TimeLimits.resolve({ connect: "200 millis" })
      const failures = yield* Effect.forEach(many(3, String), () => failureOf(ask(server.origin, { limits })), {
        concurrency: "unbounded"
      }).pipe(Effect.provide(over(server)))
      for (const failure of failures) {
        assert.strictEqual(failure.reason._tag, "ConnectTimeout")
        assert.strictEqual(failure._tag, "ReplaySafe")
        assert.deepInclude(failure.evidence, { phase: "queued", bytesWritten: 0 })
      }
      assert.strictEqual(server.peers.length, 1)
      assert.strictEqual(peerOf(server).begun.length, 0)
    })
  )

  it.effect("carry more once the peer lets them", () =>
    Effect.gen(function* () {
      const server = yield* answering({ maxConcurrent: 0 })
      const call = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), over(server)))
      yield* until(() => server.peers.length === 1)
      yield* Effect.sleep("50 millis")
      peerOf(server).settings({ maxConcurrent: 5 })
      assert.strictEqual((yield* Fiber.join(call)).status, 200)
    })
  )

  it.effect.each([
    ["says nothing", () => undefined, "ConnectTimeout"],
    ["closes", (peer: Peer) => peer.fin(), "ConnectFailure"],
    ["resets", (peer: Peer) => peer.reset(), "TlsFailure"],
    ["talks nonsense", (peer: Peer) => peer.garbage(), "ConnectFailure"]
  ] as const)("carry nothing before the peer's settings, where it %s", ([, deed, reason]) =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => void deed(peer), { settings: false })
      const limits = TimeLimits.resolve({ connect: "300 millis" })
      const failure = yield* Effect.provide(failureOf(ask(server.origin, { limits })), over(server))
      assert.strictEqual(failure.reason._tag, reason)
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.deepStrictEqual(failure.evidence, { _tag: "Observed", phase: "securing", bytesWritten: 0, bytesRead: 0 })
      assert.deepStrictEqual(peerOf(server).begun, [])
      yield* until(() => peerOf(server).socket.destroyed)
    })
  )

  it.effect("that wait for a certificate of ours refuse without a request", () =>
    Effect.gen(function* () {
      const server = yield* answering({ tls: { requestCert: true, rejectUnauthorized: true } })
      const failure = yield* Effect.provide(failureOf(ask(server.origin)), over(server))
      assert.strictEqual(failure.reason._tag, "TlsFailure")
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.strictEqual(requests(server), 0)
    })
  )

  it.effect("are not waited for by who comes after they were given up", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      const { send } = yield* Effect.provide(HttpTransport, yield* Layer.build(over(server)))
      const call = Effect.scoped(Effect.flatMap(send(ask(server.origin)), ({ text }) => text))
      const first = yield* Effect.forkScoped(call, { startImmediately: true })
      yield* Effect.sleep("1 millis")
      first.interruptUnsafe()
      assert.strictEqual(yield* call, "fine")
      assert.strictEqual(requests(server), 1)
    })
  )

  it.effect("carry no head that HTTP/2 does not allow, and say so", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      const headers = { "content-type": "text/plain", "Content-Type": "text/html" }
      const error = yield* Effect.provide(Effect.flip(fetchText(ask(server.origin, { headers }))), over(server))
      assert.strictEqual(error._tag, "InvalidInput")
      assert.strictEqual(requests(server), 0)
    })
  )

  it.effect("are given up when nobody waits for them any more", () =>
    Effect.gen(function* () {
      const server = yield* holding({ settings: false })
      const context = yield* Layer.build(over(server))
      const call = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      yield* until(() => server.peers.length === 1)
      yield* Fiber.interrupt(call)
      yield* until(() => peerOf(server).socket.destroyed)
    })
  )

  it.effect("take no new streams after GOAWAY, while those they carry end", () =>
    Effect.gen(function* () {
      const server = yield* holding()
      const context = yield* Layer.build(over(server))
      const first = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      yield* until(() => requests(server) === 1)
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
      assert.strictEqual(requests(server), 1)
    })
  )

  it.effect("are made anew for a request that insists, beside the others", () =>
    Effect.gen(function* () {
      const server = yield* holding()
      const context = yield* Layer.build(over(server))
      const held = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      yield* until(() => requests(server) === 1)
      const fresh = yield* Effect.forkScoped(
        Effect.provide(fetchText(ask(server.origin, { connection: "fresh" })), context)
      )
      yield* until(() => requests(server) === 2)
      peerOf(server, 1).answer(1)
      const { evidence } = yield* Fiber.join(fresh)
      assert.deepInclude(evidence.connection, { reused: false, requestsServed: 0 })
      yield* until(() => peerOf(server, 1).socket.destroyed)
      peerOf(server).answer(1)
      assert.strictEqual((yield* Fiber.join(held)).text, "fine")
      const next = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      yield* until(() => peerOf(server).requests.size === 2)
      peerOf(server).answer(3)
      assert.deepInclude((yield* Fiber.join(next)).evidence.connection, { reused: true, requestsServed: 1 })
      assert.strictEqual(server.peers.length, 2)
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

it("an attempt given up over HTTP/2", (it) => {
  it.effect.each(["before the head", "in the body"])("resets its stream and nothing else: %s", (when) =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream, body) => {
          if (body === "held" || when === "before the head") return
          peer.head(stream, 200)
          peer.data(stream, "abc")
        }
      })
      const context = yield* Layer.build(over(server))
      const neighbour = yield* Effect.forkScoped(
        Effect.provide(fetchText(ask(server.origin, { body: "held" })), context)
      )
      yield* until(() => requests(server) === 1)
      const scope = yield* Scope.make()
      const given = yield* Effect.forkScoped(
        send(ask(server.origin)).pipe(
          Effect.flatMap((response) => response.text),
          Effect.provide(context),
          Scope.provide(scope)
        )
      )
      yield* until(() => requests(server) === 2)
      yield* Effect.sleep("30 millis")
      yield* Fiber.interrupt(given)
      yield* Scope.close(scope, Exit.void)
      yield* until(() => peerOf(server).resets.length === 1)
      assert.deepStrictEqual(peerOf(server).resets, [[3, code.cancel]])
      peerOf(server).answer(1)
      assert.strictEqual((yield* Fiber.join(neighbour)).text, "fine")
      assert.strictEqual(server.peers.length, 1)
    })
  )

  it.effect("is not begun on a connection that was waited for", () =>
    Effect.gen(function* () {
      const server = yield* answering({ settings: false })
      const context = yield* Layer.build(over(server))
      const kept = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      const given = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      yield* until(() => server.peers.length === 1)
      yield* Fiber.interrupt(given)
      peerOf(server).settings({})
      assert.strictEqual((yield* Fiber.join(kept)).status, 200)
      assert.deepStrictEqual(peerOf(server).begun, [1])
    })
  )

  it.effect("by a limit of ours says so", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream, body) => {
          if (body === "head") peer.head(stream, 200)
        }
      })
      const headers = TimeLimits.resolve({ headers: "150 millis" })
      const liveness = TimeLimits.resolve({ liveness: "150 millis" })
      const total = TimeLimits.resolve({ total: "150 millis" })
      const failures = yield* Effect.all(
        [
          failureOf(ask(server.origin, { streaming: true, limits: headers })),
          failureOf(ask(server.origin, { body: "head", limits: liveness })),
          failureOf(ask(server.origin, { limits: total }))
        ],
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(over(server)))
      assert.deepStrictEqual(
        failures.map(({ reason }) => reason._tag),
        ["HeadersTimeout", "StreamStalled", "TotalTimeout"]
      )
      for (const { evidence } of failures) assert.deepInclude(evidence, { closed: "local-limit" })
      yield* until(() => peerOf(server).resets.length === 3)
      assert.strictEqual(server.peers.length, 1)
    })
  )

  it.effect("does not count the time in which its reader takes nothing", () =>
    Effect.gen(function* () {
      const piece = Buffer.alloc(16_384, "x")
      const pieces = 16
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream) => {
          peer.head(stream, 200)
          for (let index = 0; index < pieces; index++) peer.data(stream, piece, index === pieces - 1)
        }
      })
      const limits = TimeLimits.resolve({ liveness: "100 millis" })
      const read = yield* Effect.gen(function* () {
        const response = yield* send(ask(server.origin, { limits }))
        yield* Effect.sleep("300 millis")
        return yield* response.text
      }).pipe(Effect.scoped, Effect.provide(over(server)))
      assert.strictEqual(read.length, piece.byteLength * pieces)
    })
  )
})

it("bodies over HTTP/2", (it) => {
  it.effect("are asked for no more than the peer takes, and ended with the attempt", () =>
    Effect.gen(function* () {
      const server = yield* holding({ window: 50_000 })
      let asked = 0
      let ended = false
      const body = async function* () {
        try {
          for (;;) {
            asked++
            yield new Uint8Array(10_000)
          }
        } finally {
          ended = true
        }
      }
      const context = yield* Layer.build(over(server))
      const call = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin, { body: body() })), context))
      yield* until(() => server.peers.length === 1 && peerOf(server).bytesOfBody === 50_000)
      yield* Effect.sleep("50 millis")
      assert.isBelow(asked, 40)
      peerOf(server).window(0, 20_000)
      peerOf(server).window(1, 20_000)
      yield* until(() => peerOf(server).bytesOfBody > 50_000)
      yield* Fiber.interrupt(call)
      yield* until(() => ended)
      yield* until(() => peerOf(server).resets.length === 1)
    })
  )

  it.effect("that break off break the attempt, and not its connection", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      const context = yield* Layer.build(over(server))
      const failure = yield* Effect.provide(failureOf(ask(server.origin, { body: breaking() })), context)
      assert.strictEqual(failure.reason._tag, "ConnectionLost")
      assert.deepInclude(failure.evidence, { closed: "local-abort" })
      assert.strictEqual((yield* Effect.provide(fetchText(ask(server.origin)), context)).status, 200)
      assert.strictEqual(server.peers.length, 1)
    })
  )

  it.effect("of 32 MB go there and back", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream, body) => peer.answer(stream, String(body.length))
      })
      const { text } = yield* Effect.provide(
        fetchText(ask(server.origin, { body: new Uint8Array(32 * 1024 ** 2) })),
        over(server)
      )
      assert.strictEqual(text, String(32 * 1024 ** 2))
    })
  )

  it.effect("are whole for a slow reader too, though their connection has gone", () =>
    Effect.gen(function* () {
      const piece = Buffer.alloc(16_000, "x")
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream) => {
          peer.together(() => {
            peer.head(stream, 200)
            for (let index = 0; index < 14; index++) peer.data(stream, piece, index === 13)
            peer.goaway(stream, code.internalError)
          })
          peer.fin()
        }
      })
      const read = yield* Effect.gen(function* () {
        const response = yield* send(ask(server.origin))
        yield* until(() => peerOf(server).socket.destroyed)
        yield* Effect.sleep("30 millis")
        return yield* Stream.runFold(
          response.body,
          () => 0,
          (sum, chunk) => sum + chunk.byteLength
        )
      }).pipe(Effect.scoped, Effect.provide(over(server)))
      assert.strictEqual(read, piece.byteLength * 14)
    })
  )

  it.effect("are held back for a slow reader, who is not in the way of others", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream, body) => {
          if (body !== "long") return peer.answer(stream)
          peer.head(stream, 200)
          peer.flood(stream)
        }
      })
      yield* Effect.gen(function* () {
        const slow = yield* send(ask(server.origin, { body: "long" }))
        yield* until(() => peerOf(server).floodHeld)
        const flooded = peerOf(server).flooded
        assert.isBelow(flooded, 1024 * 1024)
        assert.strictEqual((yield* fetchText(ask(server.origin))).text, "fine")
        yield* slow.body.pipe(
          Stream.scan(
            () => 0,
            (sum, chunk) => sum + chunk.byteLength
          ),
          Stream.takeUntil((sum) => sum > flooded * 2),
          Stream.runDrain
        )
        assert.isAbove(peerOf(server).flooded, flooded)
      }).pipe(Effect.scoped, Effect.provide(over(server)))
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
      yield* until(() => requests(server) === 2)
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
