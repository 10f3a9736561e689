/** A tunnel in the making: who is to blame where it does not come to stand, and that nothing was sent. */
import type * as Net from "node:net"
import { assert, layer } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { deafServer } from "./support/deafServer.ts"
import { ask, failureOf, fetchText, observed, prepare, transport, truthOf } from "./support/harness.ts"
import { assertNoSecrets, credentials, provider, scripted, servers } from "./support/proxied.ts"
import { watchedProxy } from "./support/proxies.ts"
import { rawServer, until } from "./support/rawServer.ts"

/** A head longer than anybody reads. */
const oversized = (socket: Net.Socket): void => {
  socket.write(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(1024 * 1024)}`)
}

layer(servers, { excludeTestServices: true })("a tunnel in the making", (it) => {
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
})
