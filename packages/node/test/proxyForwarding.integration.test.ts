/** Proxies that pass plain requests on, and those that the environment names. */
import { assert, layer } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as NodeTransport from "../src/HttpTransport.ts"
import { ask, environment, failureOf, fetchText, prepare, transport } from "./support/harness.ts"
import { assertNoSecrets, credentials, encoded, provider, scripted, servers } from "./support/proxied.ts"
import { user, watchedProxy } from "./support/proxies.ts"
import { ok, rawServer } from "./support/rawServer.ts"

const { always } = FaultScript

/** A transport without options, in an environment. */
const within = (env: Record<string, string>) =>
  NodeTransport.layer.pipe(Layer.provide(Telemetry.layer), Layer.provide(environment(env)))

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
