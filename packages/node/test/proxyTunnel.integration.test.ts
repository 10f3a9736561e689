import Dns from "node:dns"
import type * as Net from "node:net"
import { inspect } from "node:util"
import { assert, layer } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { vi } from "vitest"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as Dispatchers from "../src/Dispatchers.ts"
import * as NodeTransport from "../src/HttpTransport.ts"
import { deafServer } from "./deafServer.ts"
import {
  ask,
  candidate,
  environment,
  failureOf,
  fetchText,
  observed,
  prepare,
  send,
  transport,
  truthOf
} from "./harness.ts"
import { ok, rawServer, until } from "./rawServer.ts"
import { code, rawHttp2 } from "./support/rawHttp2.ts"
import { user, watchedProxy } from "./support/proxies.ts"

const { afterEvents, afterRequest, always, cut } = FaultScript

const servers = FaultServer.layer({
  endpoints: { plain: {}, a: { tls: "good" }, own: { tls: "self-signed" }, elsewhere: { tls: "wrong-host" } }
})

/** The provider behind TLS, by a name. */
const provider = Effect.gen(function* () {
  const { ca = "", port } = yield* prepare([])
  return { origin: `https://localhost:${port}`, port, ca }
})

/** A proxy that does with each request for a tunnel what it is told. */
const scripted = (onAsked: (socket: Net.Socket, asked: Buffer) => void) =>
  rawServer((socket) => socket.once("data", (asked) => onAsked(socket, asked)))

/** A transport without options, in an environment. */
const within = (env: Record<string, string>) =>
  NodeTransport.layer.pipe(Layer.provide(Telemetry.layer), Layer.provide(environment(env)))

const ipv6 = (hex: string) => Buffer.concat([Buffer.of(5, 1, 0, 4), Buffer.from(hex, "hex")])

const credentials = { username: user.name, password: Redacted.make(user.password) }
const encoded = Buffer.from(`${user.name}:${user.password}`).toString("base64")

/** Nothing of the credentials, in whatever way it is looked at. */
const assertNoSecrets = (...values: ReadonlyArray<unknown>): void => {
  for (const value of values) {
    const text = `${JSON.stringify(value)} ${String(value)} ${inspect(value, { depth: 10, showHidden: true })}`
    for (const secret of [user.password, encodeURIComponent(user.password), encoded]) assert.notInclude(text, secret)
  }
}

/** Each request of SOCKS by its first bytes. */
const socksProxy = (...answers: ReadonlyArray<Buffer | "fin" | "reset">) =>
  rawServer((socket) => {
    const left = [...answers]
    socket.on("data", () => {
      const answer = left.shift()
      if (answer === "fin") socket.end()
      else if (answer === "reset") socket.resetAndDestroy()
      else if (answer !== undefined) socket.write(answer)
    })
  })

layer(servers, { excludeTestServices: true })("a tunnel through a proxy", (it) => {
  it.effect(
    "carries calls one after another on one connection, with the provider's name for the proxy to look up",
    () =>
      Effect.gen(function* () {
        const { ca, origin, port } = yield* provider
        const proxy = yield* watchedProxy(port)
        const lookups = vi.spyOn(Dns, "lookup")
        const answers = yield* Effect.gen(function* () {
          const first = yield* fetchText(ask(origin))
          const second = yield* fetchText(ask(origin))
          return [first, second]
        }).pipe(Effect.provide(transport({ tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` })))
        assert.deepStrictEqual(lookups.mock.calls, [])
        lookups.mockRestore()
        assert.deepStrictEqual(
          answers.map(({ evidence, status }) => [status, evidence.proxied, evidence.connection?.reused]),
          [
            [200, true, false],
            [200, true, true]
          ]
        )
        assert.deepStrictEqual(proxy.targets, [`localhost:${port}`])
        assert.deepStrictEqual(proxy.authorizations, [undefined])
        const { counts } = yield* truthOf()
        assert.deepInclude(counts, { connections: 1, ran: 2 })
      })
  )

  it.effect("resumes the provider's TLS session on a fresh connection", () =>
    Effect.gen(function* () {
      const { ca, origin, port } = yield* provider
      const hellos: Array<number> = []
      const proxy = yield* watchedProxy(port, (client) => {
        client.once("data", (hello: Buffer) => hellos.push(hello.length))
      })
      yield* Effect.gen(function* () {
        yield* fetchText(ask(origin))
        yield* Effect.sleep("20 millis")
        yield* fetchText(ask(origin, { connection: "fresh" }))
      }).pipe(Effect.provide(transport({ tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` })))
      assert.strictEqual(proxy.targets.length, 2)
      const [full = 0, resumed = 0] = hellos
      // A hello that resumes carries the ticket.
      assert.isAbove(resumed, full + 50)
    })
  )

  it.effect.each(["fin", "reset"] as const)("carries a stream as it comes, and says where it was cut: %s", (how) =>
    Effect.gen(function* () {
      const { ca, origin, port } = yield* provider
      const tunnels: Array<Net.Socket> = []
      const proxy = yield* watchedProxy(port, (client) => tunnels.push(client))
      yield* prepare([FaultScript.on({ request: 2 }, cut("stall", afterEvents(2)))])
      const failure = yield* Effect.gen(function* () {
        const whole = yield* fetchText(ask(origin, { streaming: true }))
        assert.include(whole.text, "message_stop")
        const response = yield* send(ask(origin, { streaming: true }))
        return yield* response.body.pipe(
          Stream.tap(() => Effect.sync(() => (how === "fin" ? tunnels[0]?.end() : tunnels[0]?.resetAndDestroy()))),
          Stream.runDrain,
          Effect.flip
        )
      }).pipe(Effect.scoped, Effect.provide(transport({ tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` })))
      if (!Failure.isFailure(failure)) return assert.fail("no failure")
      assert.deepInclude(failure.reason, { _tag: "ConnectionLost", during: "body", how })
      assert.deepInclude(failure.evidence, {
        phase: "responding",
        proxied: true,
        closed: `peer-${how}`,
        status: 200
      })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
    })
  )

  it.effect("sends credentials with CONNECT alone, and shows them nowhere", () =>
    Effect.gen(function* () {
      const { ca, origin, port } = yield* provider
      const proxy = yield* watchedProxy(port)
      const events: Array<TelemetryEvent> = []
      yield* Effect.gen(function* () {
        const telemetry = yield* Telemetry.Telemetry
        yield* telemetry.listen((event) => {
          events.push(event)
        })
        yield* fetchText(ask(origin))
      }).pipe(
        Effect.scoped,
        Effect.provide(
          NodeTransport.layer.pipe(
            Layer.provide(
              Dispatchers.swap(
                candidate.provider,
                Dispatcher.layerPool({ tls: { ca }, proxy: { url: `http://127.0.0.1:${proxy.port}`, ...credentials } })
              )
            ),
            Layer.provideMerge(Telemetry.layer)
          )
        )
      )
      assert.deepStrictEqual(proxy.authorizations, [`Basic ${encoded}`])
      const opened = events.find(({ _tag }) => _tag === "ConnectionOpened")
      assert.deepInclude(opened, { origin, proxy: `127.0.0.1:${proxy.port}` })
      assertNoSecrets(events)
      const { connections } = yield* truthOf()
      assertNoSecrets(connections)
    })
  )

  it.effect.each([403, 407, 502, 503, 199] as const)(
    "is ProxyFailure, safe, where CONNECT is answered with %d",
    (status) =>
      Effect.gen(function* () {
        const { ca, origin, port } = yield* provider
        const proxy = yield* scripted((socket) =>
          socket.write(`HTTP/1.1 ${status} No\r\ncontent-length: 4\r\n\r\nnone`)
        )
        const failure = yield* Effect.provide(
          failureOf(ask(origin)),
          transport({ tls: { ca }, proxy: { url: proxy.origin, ...credentials } })
        )
        assert.deepInclude(failure.reason, {
          _tag: "ProxyFailure",
          code: "PROXY_REFUSED",
          status,
          step: "tunnelling",
          proxy: `127.0.0.1:${proxy.port}`
        })
        assert.deepStrictEqual(failure.evidence, {
          _tag: "Observed",
          phase: "proxying",
          bytesWritten: 0,
          bytesRead: 0,
          proxied: true
        })
        assert.strictEqual(failure._tag, "ReplaySafe")
        assertNoSecrets(failure, Failure.thrown(failure), failure.reason.message, failure.reason.advice)
        yield* proxy.allClosed
        const { counts } = yield* truthOf()
        assert.strictEqual(counts.connections, 0)
        assert.isAbove(port, 0)
      })
  )

  it.effect("is ProxyFailure for each of those who wait for one connection", () =>
    Effect.gen(function* () {
      const { ca, origin } = yield* provider
      const proxy = yield* scripted((socket) => socket.write("HTTP/1.1 403 Forbidden\r\n\r\n"))
      const failures = yield* Effect.all(
        Array.from({ length: 5 }, () => failureOf(ask(origin))),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(transport({ tls: { ca }, connections: 1, proxy: proxy.origin })))
      for (const { _tag, evidence, reason } of failures) {
        assert.deepInclude(reason, { _tag: "ProxyFailure", status: 403 })
        assert.deepInclude(evidence, { phase: "proxying", proxied: true })
        assert.strictEqual(_tag, "ReplaySafe")
      }
      yield* proxy.allClosed
    })
  )

  it.effect.each([
    ["FIN", "PROXY_CLOSED", (socket: Net.Socket) => socket.end()],
    ["FIN in the head", "PROXY_CLOSED", (socket: Net.Socket) => socket.end("HTTP/1.1 200 O")],
    ["RST", "ECONNRESET", (socket: Net.Socket) => socket.resetAndDestroy()],
    ["garbage", "HPE_INVALID_CONSTANT", (socket: Net.Socket) => socket.write("SSH-2.0-OpenSSH\r\n\r\n")],
    ["a head of 1 MB", "HPE_HEADER_OVERFLOW", (socket: Net.Socket) => oversized(socket)]
  ] as const)("is ProxyFailure, safe, where CONNECT meets %s", ([, code, behave]) =>
    Effect.gen(function* () {
      const { ca, origin } = yield* provider
      const proxy = yield* scripted(behave)
      const failure = yield* Effect.provide(failureOf(ask(origin)), transport({ tls: { ca }, proxy: proxy.origin }))
      assert.deepInclude(failure.reason, { _tag: "ProxyFailure", code, step: "tunnelling" })
      assert.deepInclude(failure.evidence, { phase: "proxying", bytesWritten: 0, proxied: true })
      assert.strictEqual(failure._tag, "ReplaySafe")
      yield* proxy.allClosed
      const { counts } = yield* truthOf()
      assert.strictEqual(counts.connections, 0)
    })
  )

  it.effect("is ProxyFailure where nobody listens at the proxy's address, or it has none", () =>
    Effect.gen(function* () {
      const { ca, origin } = yield* provider
      const gone = yield* Effect.scoped(rawServer(() => undefined))
      const refused = yield* Effect.provide(failureOf(ask(origin)), transport({ tls: { ca }, proxy: gone.origin }))
      assert.deepInclude(refused.reason, {
        _tag: "ProxyFailure",
        code: "ECONNREFUSED",
        step: "connecting",
        proxy: `127.0.0.1:${gone.port}`
      })
      assert.deepInclude(refused.evidence, { phase: "connecting", proxied: true })
      const threw = Failure.thrown(refused)
      assert.instanceOf(threw, Error)
      assert.deepInclude(threw.cause, { code: "ECONNREFUSED", syscall: "connect", port: gone.port })
      const nowhere = yield* Effect.provide(
        failureOf(ask(origin)),
        transport({ tls: { ca }, proxy: "http://proxy.invalid:3128" })
      )
      if (nowhere.reason._tag !== "ProxyFailure") return assert.fail(nowhere.reason._tag)
      assert.match(nowhere.reason.code, /^(ENOTFOUND|EAI_AGAIN)$/)
      assert.deepInclude(nowhere.reason, { step: "resolving", proxy: "proxy.invalid:3128" })
      assert.deepInclude(nowhere.evidence, { phase: "resolving" })
      assert.deepStrictEqual([refused._tag, nowhere._tag], ["ReplaySafe", "ReplaySafe"])
    })
  )

  it.effect("is ProxyFailure where the proxy's own TLS fails, whatever the provider's would have done", () =>
    Effect.gen(function* () {
      const { ca, origin } = yield* provider
      const { port: elsewhere } = yield* prepare([], "elsewhere")
      const { port: own } = yield* prepare([], "own")
      const cutShort = yield* rawServer((socket) => socket.once("data", () => socket.end()))
      const speechless = yield* rawServer((socket) => socket.on("data", () => socket.write("HTTP/1.1 400 Bad\r\n\r\n")))
      const failures = yield* Effect.forEach([elsewhere, own, cutShort.port, speechless.port], (port) =>
        Effect.provide(
          failureOf(ask(origin)),
          transport({ tls: { ca }, proxy: { url: `https://localhost:${port}`, tls: { ca } } })
        )
      )
      const codes = failures.map(({ _tag, evidence, reason }) => {
        assert.deepInclude(evidence, { phase: "connecting", bytesWritten: 0, proxied: true })
        assert.strictEqual(_tag, "ReplaySafe")
        if (reason._tag !== "ProxyFailure") return assert.fail(reason._tag)
        assert.strictEqual(reason.step, "securing")
        return reason.code
      })
      assert.deepStrictEqual(codes.slice(0, 3), [
        "ERR_TLS_CERT_ALTNAME_INVALID",
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        "ECONNRESET"
      ])
      assert.match(codes[3] ?? "", /^(ERR_SSL_|EPROTO)/)
      const { counts } = yield* truthOf()
      assert.strictEqual(counts.connections, 0)
    })
  )

  it.effect("ends by the connect limit, naming the proxy, where that is silent in whatever phase", () =>
    Effect.gen(function* () {
      const { ca, origin, port } = yield* provider
      const deaf = yield* deafServer()
      const silent = yield* rawServer((socket) => socket.resume())
      const limits = TimeLimits.resolve({ connect: "100 millis" })
      const failures = yield* Effect.forEach(
        [
          `http://127.0.0.1:${deaf}`,
          `http://127.0.0.1:${silent.port}`,
          `socks5://127.0.0.1:${silent.port}`,
          `https://127.0.0.1:${silent.port}`
        ],
        (proxy) => Effect.provide(failureOf(ask(origin, { limits })), transport({ tls: { ca }, proxy }))
      )
      for (const failure of failures) {
        assert.deepInclude(failure.reason, { _tag: "ConnectTimeout", host: `localhost:${port}`, limitMs: 100 })
        assert.match(failure.reason.message, /the proxy 127\.0\.0\.1:\d+ gave no way/)
        assert.strictEqual(failure._tag, "ReplaySafe")
      }
      assert.deepStrictEqual(
        failures.map(({ evidence }) => observed(evidence).phase),
        ["connecting", "proxying", "proxying", "connecting"]
      )
      yield* silent.allClosed
    })
  )

  it.effect("blames the provider where its TLS is silent, cut or not to be trusted behind the proxy", () =>
    Effect.gen(function* () {
      const { ca, origin } = yield* provider
      const limits = TimeLimits.resolve({ connect: "200 millis" })
      const silent = yield* scripted((socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n"))
      const cutShort = yield* scripted((socket) => {
        socket.once("data", () => socket.end())
        socket.write("HTTP/1.1 200 OK\r\n\r\n")
      })
      const timeout = yield* Effect.provide(
        failureOf(ask(origin, { limits })),
        transport({ tls: { ca }, proxy: silent.origin })
      )
      assert.deepInclude(timeout.reason, { _tag: "ConnectTimeout" })
      assert.notProperty(timeout.reason, "proxy")
      const lost = yield* Effect.provide(failureOf(ask(origin)), transport({ tls: { ca }, proxy: cutShort.origin }))
      assert.deepInclude(lost.reason, { _tag: "TlsFailure", code: "ECONNRESET" })
      const { port } = yield* prepare([], "own")
      const honest = yield* watchedProxy(port)
      const unknown = yield* Effect.provide(
        failureOf(ask(`https://localhost:${port}`)),
        transport({ proxy: `http://127.0.0.1:${honest.port}` })
      )
      assert.deepInclude(unknown.reason, { _tag: "TlsFailure", code: "DEPTH_ZERO_SELF_SIGNED_CERT" })
      for (const { _tag, evidence } of [timeout, lost, unknown]) {
        assert.deepInclude(evidence, { phase: "securing", bytesWritten: 0, proxied: true })
        assert.strictEqual(_tag, "ReplaySafe")
      }
      yield* silent.allClosed
      yield* cutShort.allClosed
      yield* until(() => honest.sockets.size === 0)
    })
  )

  it.effect("leaves no socket open where the call is interrupted, in whatever phase", () =>
    Effect.gen(function* () {
      const { ca, origin } = yield* provider
      const silent = yield* rawServer((socket) => socket.resume())
      const tunnelled = yield* scripted((socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n"))
      const schemes = [
        ...["http", "socks5", "https"].map((scheme) => `${scheme}://127.0.0.1:${silent.port}`),
        tunnelled.origin
      ]
      for (const [index, proxy] of schemes.entries()) {
        yield* Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(Effect.exit(fetchText(ask(origin))))
          yield* index < 3 ? silent.accepted(index + 1) : tunnelled.accepted(1)
          yield* Effect.sleep("30 millis")
          yield* Fiber.interrupt(fiber)
          yield* index < 3 ? silent.allClosed : tunnelled.allClosed
        }).pipe(Effect.provide(transport({ tls: { ca }, proxy })))
      }
    })
  )

  it.effect("tells a stale tunnel from one that was refused", () =>
    Effect.gen(function* () {
      const { ca, origin, port } = yield* provider
      const proxy = yield* watchedProxy(port)
      yield* prepare([FaultScript.on({ request: 2 }, cut("fin", afterRequest))])
      const failure = yield* Effect.gen(function* () {
        yield* fetchText(ask(origin))
        yield* Effect.sleep("20 millis")
        return yield* failureOf(ask(origin))
      }).pipe(Effect.provide(transport({ tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` })))
      assert.deepInclude(failure.reason, { _tag: "StaleConnection", how: "fin" })
      assert.deepInclude(failure.evidence, { proxied: true, closed: "peer-fin" })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
    })
  )
})

layer(servers, { excludeTestServices: true })("a provider without options of its own", (it) => {
  it.effect("is reached through the proxy of the environment, but not where NO_PROXY names it", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([], "plain")
      const proxy = yield* rawServer((socket) => socket.on("data", () => socket.write(ok("by proxy"))))
      const env = { http_proxy: proxy.origin, NO_PROXY: "127.0.0.0/8" }
      const [through, direct] = yield* Effect.gen(function* () {
        return [yield* fetchText(ask("http://api.test")), yield* fetchText(ask(origin))]
      }).pipe(Effect.provide(within(env)))
      assert.deepStrictEqual([through?.text, through?.evidence.proxied], ["by proxy", true])
      assert.strictEqual(direct?.status, 200)
      assert.notProperty(direct?.evidence, "proxied")
      assert.strictEqual(proxy.sockets.length, 1)
    })
  )

  it.effect("is told at its first call which variable is wrong", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(fetchText(ask("http://127.0.0.1:1"))).pipe(
        Effect.provide(within({ http_proxy: `gopher://${user.name}:${user.password}@proxy.test` }))
      )
      if (!isInvalidInput(error)) return assert.fail(error._tag)
      assert.deepStrictEqual(error.problems, [
        {
          kind: "InvalidOption",
          place: "the environment's http_proxy",
          expected: "a proxy's URL: http://, https://, socks5:// or socks5h:// with a host and a port",
          found: "the scheme gopher://"
        }
      ])
      assertNoSecrets(error, error.message)
    })
  )

  it.effect("is told all that is wrong with its options at once", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Effect.scoped(
          Layer.build(Layer.provide(Dispatcher.layerPool({ connections: 0, proxy: "x://y" }), Telemetry.layer))
        )
      )
      assert.deepStrictEqual(
        error.problems.map(({ place }) => place),
        ["dispatchers.unknown.connections", "dispatchers.unknown.proxy"]
      )
    })
  )
})

/** A head longer than anybody reads. */
const oversized = (socket: Net.Socket): void => {
  socket.write(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(1024 * 1024)}`)
}

layer(Layer.empty, { excludeTestServices: true })("HTTP/2 through a tunnel", (it) => {
  it.effect("carries calls as streams of one connection; what the peer says of them may be the proxy's word", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream) => (stream < 5 ? peer.answer(stream) : peer.rst(stream, code.refusedStream))
      })
      const proxy = yield* watchedProxy(server.port)
      const [first, second, failure] = yield* Effect.gen(function* () {
        const first = yield* fetchText(ask(server.origin))
        const second = yield* fetchText(ask(server.origin))
        return [first, second, yield* failureOf(ask(server.origin))] as const
      }).pipe(
        Effect.provide(transport({ tls: { ca: server.ca }, http2: true, proxy: `http://127.0.0.1:${proxy.port}` }))
      )
      assert.deepStrictEqual([first.status, second.status], [200, 200])
      assert.deepInclude(second.evidence, { proxied: true })
      assert.strictEqual(proxy.targets.length, 1)
      assert.deepInclude(failure.evidence, { unprocessed: "refused-stream", proxied: true })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
    })
  )

  it.effect("is refused and bounded as HTTP/1.1 is", () =>
    Effect.gen(function* () {
      const refusing = yield* scripted((socket) => socket.write("HTTP/1.1 403 Forbidden\r\n\r\n"))
      const silent = yield* rawServer((socket) => socket.resume())
      const limits = TimeLimits.resolve({ connect: "100 millis" })
      const [refused, bounded] = yield* Effect.forEach([{}, { limits }], (asked, index) =>
        Effect.provide(
          failureOf(ask("https://api.test", asked)),
          transport({ http2: true, proxy: [refusing, silent][index]?.origin ?? false })
        )
      )
      assert.deepInclude(refused?.reason, { _tag: "ProxyFailure", status: 403, step: "tunnelling" })
      assert.deepInclude(bounded?.reason, { _tag: "ConnectTimeout", proxy: `127.0.0.1:${silent.port}` })
      for (const failure of [refused, bounded]) {
        assert.deepInclude(failure?.evidence, { phase: "proxying", bytesWritten: 0, proxied: true })
        assert.strictEqual(failure?._tag, "ReplaySafe")
      }
      yield* refusing.allClosed
      yield* silent.allClosed
    })
  )
})

layer(servers, { excludeTestServices: true })("a SOCKS proxy", (it) => {
  const method = Buffer.of(5, 0)

  it.effect.each([
    ["a greeting of another protocol", "SOCKS_MALFORMED", [Buffer.from("HTTP/1.1 400 Bad\r\n\r\n")]],
    ["no method that it takes", "SOCKS_CREDENTIALS_WANTED", [Buffer.of(5, 0xff)]],
    ["a method that was not offered", "SOCKS_MALFORMED", [Buffer.of(5, 2)]],
    ["a reply of another version", "SOCKS_MALFORMED", [method, Buffer.of(4, 0, 0, 1)]],
    ["an address of no kind", "SOCKS_MALFORMED", [method, Buffer.of(5, 0, 0, 9)]],
    ["general failure", "SOCKS_GENERAL_FAILURE", [method, Buffer.of(5, 1, 0, 1)]],
    ["not allowed", "SOCKS_NOT_ALLOWED", [method, Buffer.of(5, 2, 0, 1)]],
    ["network unreachable", "SOCKS_NETWORK_UNREACHABLE", [method, Buffer.of(5, 3, 0, 1)]],
    ["host unreachable", "SOCKS_HOST_UNREACHABLE", [method, Buffer.of(5, 4, 0, 1)]],
    ["refused", "SOCKS_CONNECTION_REFUSED", [method, Buffer.of(5, 5, 0, 1)]],
    ["time to live", "SOCKS_TTL_EXPIRED", [method, Buffer.of(5, 6, 0, 1)]],
    ["command", "SOCKS_COMMAND_NOT_SUPPORTED", [method, Buffer.of(5, 7, 0, 1)]],
    ["address", "SOCKS_ADDRESS_NOT_SUPPORTED", [method, Buffer.of(5, 8, 0, 1)]],
    ["a reply that has no name", "SOCKS_REPLY_77", [method, Buffer.of(5, 77, 0, 1)]],
    ["FIN", "PROXY_CLOSED", ["fin"]],
    ["FIN within the reply", "PROXY_CLOSED", [method, Buffer.of(5, 0, 0), "fin"]],
    ["RST", "ECONNRESET", ["reset"]],
    ["RST after the greeting", "ECONNRESET", [method, "reset"]]
  ] as ReadonlyArray<readonly [string, string, ReadonlyArray<Buffer | "fin" | "reset">]>)(
    "is ProxyFailure, safe, where the answer is %s",
    ([name, code, answers]) =>
      Effect.gen(function* () {
        const { ca, origin } = yield* provider
        const proxy = yield* socksProxy(...answers)
        if (name === "FIN within the reply") {
          yield* Effect.forkScoped(
            Effect.andThen(
              Effect.andThen(proxy.accepted(1), Effect.sleep("50 millis")),
              Effect.sync(() => proxy.sockets[0]?.end())
            )
          )
        }
        const failure = yield* Effect.provide(
          failureOf(ask(origin)),
          transport({ tls: { ca }, proxy: `socks5://127.0.0.1:${proxy.port}` })
        )
        assert.deepInclude(failure.reason, { _tag: "ProxyFailure", code, step: "tunnelling" })
        assert.deepInclude(failure.evidence, { phase: "proxying", bytesWritten: 0, bytesRead: 0, proxied: true })
        assert.strictEqual(failure._tag, "ReplaySafe")
        yield* proxy.allClosed
        const { counts } = yield* truthOf()
        assert.strictEqual(counts.connections, 0)
      })
  )

  it.effect("is told the name, an address of either kind, and the credentials, however the answers are split", () =>
    Effect.gen(function* () {
      const proxies: Array<ReadonlyArray<Buffer>> = []
      const answers = [Buffer.of(5, 2), Buffer.of(1, 0), Buffer.of(5, 0, 0, 3, 2, 104, 105, 1, 2)]
      const proxy = yield* rawServer((socket) => {
        const heard: Array<Buffer> = []
        proxies.push(heard)
        socket.on("data", (data) => {
          if (heard.length > answers.length - 1) return void socket.write(ok())
          heard.push(data)
          // A byte a turn.
          const bytes = [...(answers[heard.length - 1] ?? [])]
          const next = () => {
            const byte = bytes.shift()
            if (byte !== undefined) socket.write(Buffer.of(byte), () => setImmediate(next))
          }
          next()
        })
      })
      const statuses = yield* Effect.forEach(
        ["http://api.test:8080", "http://192.0.2.7", "http://[2001:db8::ff:1]:8080", "http://[::1]"],
        (origin) => Effect.map(fetchText(ask(origin)), ({ evidence, status }) => [status, evidence.proxied])
      ).pipe(Effect.provide(transport({ proxy: { url: `socks5h://127.0.0.1:${proxy.port}`, ...credentials } })))
      assert.deepStrictEqual(
        statuses,
        Array.from({ length: 4 }, () => [200, true])
      )
      const hello = Buffer.of(5, 2, 0, 2)
      const introduction = Buffer.concat([
        Buffer.of(1, user.name.length),
        Buffer.from(user.name),
        Buffer.of(user.password.length),
        Buffer.from(user.password)
      ])
      assert.deepStrictEqual(proxies, [
        [
          hello,
          introduction,
          Buffer.concat([Buffer.of(5, 1, 0, 3, 8), Buffer.from("api.test"), Buffer.of(0x1f, 0x90)])
        ],
        [hello, introduction, Buffer.of(5, 1, 0, 1, 192, 0, 2, 7, 0, 80)],
        [hello, introduction, Buffer.concat([ipv6("20010db8000000000000000000ff0001"), Buffer.of(0x1f, 0x90)])],
        [hello, introduction, Buffer.concat([ipv6("00000000000000000000000000000001"), Buffer.of(0, 80)])]
      ])
    })
  )

  it.effect("is ProxyFailure, without the credentials, where it takes none of them", () =>
    Effect.gen(function* () {
      const { ca, origin } = yield* provider
      const refused = yield* socksProxy(Buffer.of(5, 2), Buffer.of(1, 1))
      const notTaken = yield* socksProxy(Buffer.of(5, 0xff))
      const failures = yield* Effect.forEach([refused, notTaken], (proxy) =>
        Effect.provide(
          failureOf(ask(origin)),
          transport({ tls: { ca }, proxy: { url: `socks5://127.0.0.1:${proxy.port}`, ...credentials } })
        )
      )
      assert.deepStrictEqual(
        failures.map(({ reason }) => reason._tag === "ProxyFailure" && reason.code),
        ["SOCKS_CREDENTIALS_REFUSED", "SOCKS_CREDENTIALS_NOT_TAKEN"]
      )
      for (const failure of failures) assertNoSecrets(failure, Failure.thrown(failure), failure.reason.message)
    })
  )
})

layer(servers, { excludeTestServices: true })("a plain provider behind an HTTP proxy", (it) => {
  it.effect("is asked for by its whole URL, with who we are in each request, on one connection", () =>
    Effect.gen(function* () {
      const heads: Array<string> = []
      const proxy = yield* rawServer((socket) =>
        socket.on("data", (data) => {
          heads.push(data.toString("latin1"))
          socket.write(ok())
        })
      )
      const answers = yield* Effect.forEach([1, 2], () => fetchText(ask("http://api.test:8080"))).pipe(
        Effect.provide(transport({ proxy: { url: proxy.origin, ...credentials } }))
      )
      assert.deepStrictEqual(
        answers.map(({ evidence }) => [evidence.proxied, evidence.connection?.reused]),
        [
          [true, false],
          [true, true]
        ]
      )
      assert.strictEqual(heads.length, 2)
      for (const head of heads) {
        assert.match(head, /^POST http:\/\/api\.test:8080\/v1\/messages HTTP\/1\.1\r\n/)
        assert.match(head, /\r\nhost: api\.test:8080\r\n/)
        assert.include(head, `\r\nproxy-authorization: Basic ${encoded}\r\n`)
      }
    })
  )

  it.effect("gives the proxy's 407 as ProxyFailure, ambiguous, and any other answer as it is", () =>
    Effect.gen(function* () {
      const statuses = [407, 403, 502]
      const proxy = yield* rawServer((socket) =>
        socket.on("data", () => socket.write(`HTTP/1.1 ${statuses.shift()} No\r\ncontent-length: 0\r\n\r\n`))
      )
      const services = transport({ proxy: { url: proxy.origin, ...credentials } })
      const [failure, answers] = yield* Effect.gen(function* () {
        const failure = yield* failureOf(ask("http://api.test"))
        const answers = yield* Effect.forEach([1, 2], () => fetchText(ask("http://api.test")))
        return [failure, answers] as const
      }).pipe(Effect.provide(services))
      assert.deepInclude(failure.reason, {
        _tag: "ProxyFailure",
        code: "PROXY_REFUSED",
        status: 407,
        step: "forwarding",
        proxy: `127.0.0.1:${proxy.port}`
      })
      assert.deepInclude(failure.evidence, { phase: "responding", status: 407, proxied: true })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assertNoSecrets(failure, Failure.thrown(failure), failure.reason.message, failure.reason.advice)
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [403, 502]
      )
    })
  )

  it.effect.each(["fin", "reset"] as const)("may have been reached where the proxy goes away: %s", (how) =>
    Effect.gen(function* () {
      const proxy = yield* scripted((socket) => (how === "fin" ? socket.end() : socket.resetAndDestroy()))
      const failure = yield* Effect.provide(failureOf(ask("http://api.test")), transport({ proxy: proxy.origin }))
      assert.deepInclude(failure.reason, { _tag: "ConnectionLost", during: "request", how })
      assert.deepInclude(failure.evidence, { proxied: true })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
    })
  )

  it.effect("is given a 407 of its own back through a tunnel", () =>
    Effect.gen(function* () {
      const { ca, origin, port } = yield* provider
      yield* prepare([always(FaultScript.status(407))])
      const proxy = yield* watchedProxy(port)
      const { evidence, status } = yield* Effect.provide(
        fetchText(ask(origin)),
        transport({ tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` })
      )
      assert.deepInclude(evidence, { status: 407, proxied: true })
      assert.strictEqual(status, 407)
    })
  )
})
