import { inspect } from "node:util"
import { assert, layer } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { PoolOptions } from "../src/Dispatcher.ts"
import { ask, failureOf, fetchText, observed, prepare, transport, truthOf } from "./support/harness.ts"
import { describeWith } from "./support/programs.ts"
import { dante, forbiddenPort, microsocks, squid, tinyproxy, user, userinfo } from "./support/proxies.ts"

const servers = FaultServer.layer({
  endpoints: { plain: {}, a: { tls: "good" }, nobody: { refuse: true } }
})

/** The provider behind TLS, by a name that the proxy looks up. */
const provider = Effect.gen(function* () {
  const { ca = "", port } = yield* prepare([])
  return { origin: `https://localhost:${port}`, ca }
})

const deadPort = Effect.gen(function* () {
  const server = yield* FaultServer.FaultServer
  const { port } = yield* server.endpoint("nobody")
  return port
})

/** Two calls after each other, and a streamed one, through a proxy: on one connection, and each is run once. */
const serves = (proxy: NonNullable<PoolOptions["proxy"]>) =>
  Effect.gen(function* () {
    const { ca, origin } = yield* provider
    const answers = yield* Effect.forEach([{}, {}, { streaming: true }], (how) => fetchText(ask(origin, how))).pipe(
      Effect.provide(transport({ tls: { ca }, proxy }))
    )
    assert.deepStrictEqual(
      answers.map(({ evidence, status }) => [status, evidence.proxied, evidence.connection?.reused]),
      [
        [200, true, false],
        [200, true, true],
        [200, true, true]
      ]
    )
    assert.include(answers[2]?.text, "message_stop")
    const { counts } = yield* truthOf()
    assert.deepInclude(counts, { connections: 1, ran: 3 })
  })

/** What a proxy refuses: nothing arrives, and the failure says so. */
const refuses = (url: string, proxy: NonNullable<PoolOptions["proxy"]>) =>
  Effect.gen(function* () {
    const { ca } = yield* provider
    const failure: Failure.Failure = yield* Effect.provide(failureOf(ask(url)), transport({ tls: { ca }, proxy }))
    const evidence = observed(failure.evidence)
    assert.deepInclude(evidence, { phase: "proxying", bytesWritten: 0, bytesRead: 0, proxied: true })
    assert.strictEqual(failure._tag, "ReplaySafe")
    for (const secret of [user.password, encodeURIComponent(user.password)]) {
      assert.notInclude(
        `${JSON.stringify(failure)} ${inspect(Failure.thrown(failure), { depth: 10 })} ${failure.message}`,
        secret
      )
    }
    const { counts } = yield* truthOf()
    assert.strictEqual(counts.connections, 0)
    const { reason } = failure
    if (reason._tag !== "ProxyFailure") return assert.fail(reason._tag)
    return { code: reason.code, status: reason.status }
  })

const credentials = { username: user.name, password: Redacted.make(user.password) }

layer(servers, { excludeTestServices: true })("a real proxy", (it) => {
  describeWith(["squid"], "squid", () => {
    it.effect("leads to the provider, with credentials in the URL or beside it", () =>
      Effect.gen(function* () {
        const open = yield* squid()
        yield* serves(`http://127.0.0.1:${open.port}`)
        const closed = yield* squid({ authenticated: true })
        yield* serves(`http://${userinfo}127.0.0.1:${closed.port}`)
        yield* serves({ url: `http://127.0.0.1:${closed.port}`, ...credentials })
      })
    )

    it.effect("refuses by its rules, for want of credentials, and what it cannot reach", () =>
      Effect.gen(function* () {
        const { port } = yield* squid({ authenticated: true })
        const { origin } = yield* provider
        const dead = yield* deadPort
        const known = `http://${userinfo}127.0.0.1:${port}`
        const code = "PROXY_REFUSED"
        assert.deepStrictEqual(yield* refuses(`https://localhost:${forbiddenPort}`, known), { code, status: 403 })
        assert.deepStrictEqual(yield* refuses(origin, `http://127.0.0.1:${port}`), { code, status: 407 })
        assert.deepStrictEqual(yield* refuses(origin, `http://agent:wrong@127.0.0.1:${port}`), { code, status: 407 })
        assert.deepStrictEqual(yield* refuses(`https://localhost:${dead}`, known), { code, status: 503 })
        // 503 or 500, by what the resolver says.
        const unknown = yield* refuses("https://provider.invalid", known)
        assert.strictEqual(unknown?.code, code)
        assert.match(String(unknown?.status), /^50[03]$/)
      })
    )

    it.effect("passes the requests of a plain provider on, and says no for itself", () =>
      Effect.gen(function* () {
        const { port } = yield* squid({ authenticated: true })
        const { origin } = yield* prepare([], "plain")
        const known = transport({ proxy: `http://${userinfo}127.0.0.1:${port}` })
        const answers = yield* Effect.forEach([{}, {}, { streaming: true }], (how) => fetchText(ask(origin, how))).pipe(
          Effect.provide(known)
        )
        assert.deepStrictEqual(
          answers.map(({ evidence, status }) => [status, evidence.proxied, evidence.connection?.reused]),
          [
            [200, true, false],
            [200, true, true],
            [200, true, true]
          ]
        )
        const before = yield* truthOf("plain")
        assert.strictEqual(before.counts.ran, 3)
        const failure = yield* Effect.provide(
          failureOf(ask(origin)),
          transport({ proxy: `http://agent:wrong@127.0.0.1:${port}` })
        )
        assert.deepInclude(failure.reason, { _tag: "ProxyFailure", status: 407, step: "forwarding" })
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
        const after = yield* truthOf("plain")
        assert.strictEqual(after.counts.requests, 3)
        const dead = yield* deadPort
        const { status } = yield* Effect.provide(fetchText(ask(`http://127.0.0.1:${dead}`)), known)
        assert.strictEqual(status, 503)
      })
    )

    it.effect("gives no body that the provider cut as a whole one", () =>
      Effect.gen(function* () {
        const { port } = yield* squid()
        const { ca } = yield* provider
        const proxy = `http://127.0.0.1:${port}`
        for (const how of ["fin", "reset"] as const) {
          const { port: target } = yield* prepare([
            FaultScript.always(FaultScript.cut(how, FaultScript.afterEvents(1)))
          ])
          const failure = yield* Effect.provide(
            failureOf(ask(`https://localhost:${target}`, { streaming: true })),
            transport({ tls: { ca }, proxy })
          )
          assert.deepInclude(failure.reason, { _tag: "ConnectionLost", during: "body" })
          assert.deepInclude(failure.evidence, { status: 200, proxied: true })
          assert.strictEqual(failure._tag, "ReplayAmbiguous")
        }
      })
    )
  })

  describeWith(["squid", "openssl"], "squid over TLS", () => {
    it.effect("leads to the provider where its own authority is trusted, for the name in its certificate", () =>
      Effect.gen(function* () {
        const { ca, port } = yield* squid({ authenticated: true, tls: true })
        yield* serves({ url: `https://${userinfo}localhost:${port}`, tls: { ca } })
        yield* serves({ url: `https://127.0.0.1:${port}`, tls: { ca }, ...credentials })
        const { origin } = yield* prepare([], "plain")
        const { evidence, status } = yield* Effect.provide(
          fetchText(ask(origin)),
          transport({ proxy: { url: `https://${userinfo}localhost:${port}`, tls: { ca } } })
        )
        assert.deepStrictEqual([status, evidence.proxied], [200, true])
        const code = "PROXY_REFUSED"
        assert.deepStrictEqual(
          yield* refuses(`https://localhost:${forbiddenPort}`, { url: `https://127.0.0.1:${port}`, tls: { ca } }),
          { code, status: 403 }
        )
      })
    )

    it.effect("is not trusted by the provider's authority, nor the provider by the proxy's", () =>
      Effect.gen(function* () {
        const proxy = yield* squid({ tls: true })
        const { ca, origin } = yield* provider
        const url = `https://localhost:${proxy.port}`
        const unknown = yield* Effect.provide(failureOf(ask(origin)), transport({ tls: { ca }, proxy: url }))
        assert.deepInclude(unknown.reason, {
          _tag: "ProxyFailure",
          code: "DEPTH_ZERO_SELF_SIGNED_CERT",
          step: "securing",
          proxy: `localhost:${proxy.port}`
        })
        assert.deepInclude(unknown.evidence, { phase: "connecting", bytesWritten: 0, proxied: true })
        const untrusted = yield* Effect.provide(
          failureOf(ask(origin)),
          transport({ proxy: { url, tls: { ca: proxy.ca } } })
        )
        assert.deepInclude(untrusted.reason, { _tag: "TlsFailure", code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" })
        const plain = yield* squid()
        const speechless = yield* Effect.provide(
          failureOf(ask(origin)),
          transport({ tls: { ca }, proxy: `https://localhost:${plain.port}` })
        )
        assert.deepInclude(speechless.reason, { _tag: "ProxyFailure", step: "securing" })
        for (const failure of [unknown, untrusted, speechless]) assert.strictEqual(failure._tag, "ReplaySafe")
        const { counts } = yield* truthOf()
        assert.strictEqual(counts.requests, 0)
      })
    )
  })

  describeWith(["tinyproxy"], "tinyproxy", () => {
    it.effect("leads to the provider, and refuses with its own statuses", () =>
      Effect.gen(function* () {
        const { port } = yield* tinyproxy({ password: "passw0rd" })
        yield* serves(`http://agent:passw0rd@127.0.0.1:${port}`)
        const { origin } = yield* provider
        const dead = yield* deadPort
        const code = "PROXY_REFUSED"
        assert.deepStrictEqual(yield* refuses(origin, `http://agent:wrong@127.0.0.1:${port}`), { code, status: 401 })
        assert.deepStrictEqual(yield* refuses(origin, `http://127.0.0.1:${port}`), { code, status: 407 })
        assert.deepStrictEqual(yield* refuses(`https://localhost:${dead}`, `http://agent:passw0rd@127.0.0.1:${port}`), {
          code,
          status: 500
        })
      })
    )
  })

  describeWith(["microsocks"], "microsocks", () => {
    it.effect("leads to the provider by its name, with credentials", () =>
      Effect.gen(function* () {
        const open = yield* microsocks()
        yield* serves(`socks5://127.0.0.1:${open.port}`)
        const closed = yield* microsocks({ authenticated: true })
        yield* serves(`socks5h://${userinfo}127.0.0.1:${closed.port}`)
        const { origin } = yield* provider
        assert.deepInclude(yield* refuses(origin, `socks5://127.0.0.1:${closed.port}`), {
          code: "SOCKS_CREDENTIALS_WANTED"
        })
        assert.deepInclude(yield* refuses(origin, `socks5://agent:wrong@127.0.0.1:${closed.port}`), {
          code: "SOCKS_CREDENTIALS_REFUSED"
        })
      })
    )

    it.effect("leads to a plain provider too", () =>
      Effect.gen(function* () {
        const { port } = yield* microsocks()
        const { origin } = yield* prepare([], "plain")
        const answers = yield* Effect.forEach([1, 2], () => fetchText(ask(origin))).pipe(
          Effect.provide(transport({ proxy: `socks5://127.0.0.1:${port}` }))
        )
        assert.deepStrictEqual(
          answers.map(({ evidence, status }) => [status, evidence.proxied, evidence.connection?.reused]),
          [
            [200, true, false],
            [200, true, true]
          ]
        )
      })
    )
  })

  describeWith(["danted"], "dante", () => {
    it.effect("leads to the provider, and tells why where it does not", () =>
      Effect.gen(function* () {
        const { port } = yield* dante
        const proxy = `socks5://127.0.0.1:${port}`
        yield* serves(proxy)
        const dead = yield* deadPort
        assert.deepInclude(yield* refuses(`https://localhost:${dead}`, proxy), { code: "SOCKS_CONNECTION_REFUSED" })
        assert.deepInclude(yield* refuses(`https://localhost:${forbiddenPort}`, proxy), { code: "SOCKS_NOT_ALLOWED" })
        assert.deepInclude(yield* refuses("https://provider.invalid", proxy), { code: "SOCKS_HOST_UNREACHABLE" })
      })
    )
  })
})
