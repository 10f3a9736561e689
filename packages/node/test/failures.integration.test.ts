import Dns from "node:dns"
import type { LookupAddress } from "node:dns"
import { assert, layer } from "@effect/vitest"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { vi } from "vitest"
import { deafServer } from "./support/deafServer.ts"
import { ask, failureOf, fetchText, observed, prepare, transport, truthOf } from "./support/harness.ts"
import { rawServer } from "./support/rawServer.ts"

const { afterEvents, afterHead, afterRequest, always, atAccept, cut, framing, informational } = FaultScript

const servers = FaultServer.layer({
  endpoints: {
    a: {},
    nobody: { refuse: true },
    good: { tls: "good" },
    expired: { tls: "expired" },
    elsewhere: { tls: "wrong-host" },
    own: { tls: "self-signed" }
  }
})

/** A resolver that knows one host, or never answers. */
const resolver = (addresses: ReadonlyArray<string> | "silence"): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      vi.spyOn(Dns, "lookup").mockImplementation(((_host: string, _options: unknown, done: Answered) => {
        if (addresses === "silence") return
        const found = addresses.map((address) => ({ address, family: 4 }))
        setImmediate(() => done(null, found))
      }) as unknown as typeof Dns.lookup)
    ),
    (lookup) => Effect.sync(() => lookup.mockRestore())
  )

type Answered = (error: Error | null, addresses: Array<LookupAddress>) => void

layer(servers, { excludeTestServices: true })("the reason of a failure", (it) => {
  it.effect("is DnsFailure for a host that does not resolve", () =>
    Effect.gen(function* () {
      const { reason } = yield* failureOf(ask("http://no-such-host.invalid"))
      if (reason._tag !== "DnsFailure") return assert.fail(reason._tag)
      assert.strictEqual(reason.host, "no-such-host.invalid")
      assert.match(reason.code, /^(ENOTFOUND|EAI_AGAIN)$/)
      assert.strictEqual(reason.scope, "endpoint")
    }).pipe(Effect.provide(transport()))
  )

  it.effect("is ConnectFailure with the address where nobody listens", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const { origin, port } = yield* server.endpoint("nobody")
      const { reason } = yield* failureOf(ask(origin))
      assert.deepInclude(reason, {
        _tag: "ConnectFailure",
        host: `127.0.0.1:${port}`,
        code: "ECONNREFUSED",
        addresses: [{ address: `127.0.0.1:${port}`, code: "ECONNREFUSED" }],
        scope: "endpoint"
      })
    }).pipe(Effect.provide(transport()))
  )

  it.effect("is ConnectFailure with every address where nobody listens at two", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const { port } = yield* server.endpoint("nobody")
      yield* resolver(["127.0.0.1", "127.0.0.2"])
      const failure = yield* failureOf(ask(`http://provider.invalid:${port}`))
      assert.deepInclude(failure.reason, {
        _tag: "ConnectFailure",
        host: `provider.invalid:${port}`,
        code: "ECONNREFUSED",
        addresses: [
          { address: `127.0.0.1:${port}`, code: "ECONNREFUSED" },
          { address: `127.0.0.2:${port}`, code: "ECONNREFUSED" }
        ]
      })
      assert.deepInclude(failure.evidence, { phase: "connecting" })
      assert.strictEqual(failure._tag, "ReplaySafe")
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("is ConnectFailure and no limit of ours where one address is silent and the other refuses", () =>
    Effect.gen(function* () {
      const port = yield* deafServer("127.0.0.1")
      yield* resolver(["127.0.0.1", "127.0.0.2"])
      const failure = yield* failureOf(ask(`http://provider.invalid:${port}`))
      assert.deepInclude(failure.reason, {
        _tag: "ConnectFailure",
        code: "ETIMEDOUT",
        addresses: [
          { address: `127.0.0.1:${port}`, code: "ETIMEDOUT" },
          { address: `127.0.0.2:${port}`, code: "ECONNREFUSED" }
        ]
      })
      assert.strictEqual(failure._tag, "ReplaySafe")
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("is ConnectTimeout where nothing answers, in whatever phase", () =>
    Effect.gen(function* () {
      const limits = TimeLimits.resolve({ connect: "100 millis" })
      const port = yield* deafServer()
      const { origin: silentTls } = yield* prepare([always(cut("stall", atAccept))], "good")
      const connecting = yield* failureOf(ask(`http://127.0.0.1:${port}`, { limits }))
      const securing = yield* failureOf(ask(silentTls, { limits }))
      yield* resolver("silence")
      const resolving = yield* failureOf(ask("http://provider.invalid", { limits }))
      for (const failure of [connecting, securing, resolving]) {
        assert.deepInclude(failure.reason, { _tag: "ConnectTimeout", limitMs: 100, scope: "endpoint" })
        assert.strictEqual(failure._tag, "ReplaySafe")
      }
      assert.deepStrictEqual(
        [connecting, securing, resolving].map(({ evidence }) => observed(evidence).phase),
        ["connecting", "securing", "resolving"]
      )
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect.each([
    ["expired", "CERT_HAS_EXPIRED"],
    ["elsewhere", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["own", "DEPTH_ZERO_SELF_SIGNED_CERT"]
  ] as const)("is TlsFailure for a certificate that is %s", ([name, code]) =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const { ca } = yield* server.endpoint("good")
      const { origin, port } = yield* prepare([], name)
      const failure = yield* Effect.provide(failureOf(ask(origin)), transport(ca === undefined ? {} : { tls: { ca } }))
      const { reason } = failure
      if (reason._tag !== "TlsFailure") return assert.fail(reason._tag)
      assert.deepInclude(reason, { host: `127.0.0.1:${port}`, code, scope: "endpoint" })
      assert.deepInclude(failure.evidence, { phase: "securing", bytesWritten: 0 })
      assert.strictEqual(failure._tag, "ReplaySafe")
      const { counts } = yield* truthOf(name)
      assert.strictEqual(counts.requests, 0)
      if (name === "elsewhere") {
        assert.deepInclude(reason.certificate, {
          subject: "CN=elsewhere.test",
          issuer: "CN=Holdfast fault server authority"
        })
        assert.isNotNaN(Date.parse(reason.certificate?.validTo ?? ""))
      }
    })
  )

  it.effect("is TlsFailure where the issuer is not known", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([], "good")
      const failure = yield* failureOf(ask(origin))
      assert.deepInclude(failure.reason, { _tag: "TlsFailure", code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" })
      assert.deepInclude(failure.evidence, { phase: "securing" })
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each(["fin", "reset"] as const)("is TlsFailure where the peer ends the handshake with %s", (how) =>
    Effect.gen(function* () {
      // Once the first message has come; a reset before it can be one of the connect.
      const server = yield* rawServer((socket) => {
        socket.once("data", () => (how === "fin" ? socket.end() : socket.resetAndDestroy()))
      })
      const failure = yield* failureOf(ask(`https://127.0.0.1:${server.port}`))
      assert.deepInclude(failure.reason, { _tag: "TlsFailure", code: "ECONNRESET" })
      assert.deepInclude(failure.evidence, { phase: "securing", bytesWritten: 0 })
      assert.strictEqual(failure._tag, "ReplaySafe")
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("is TlsFailure where the port does not speak TLS", () =>
    Effect.gen(function* () {
      const server = yield* rawServer((socket) => socket.on("data", () => socket.write("HTTP/1.1 400 Bad\r\n\r\n")))
      const failure = yield* failureOf(ask(`https://127.0.0.1:${server.port}`))
      const { reason } = failure
      if (reason._tag !== "TlsFailure") return assert.fail(reason._tag)
      assert.match(reason.code, /^(ERR_SSL_|EPROTO)/)
      assert.strictEqual(failure._tag, "ReplaySafe")
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect.each(["fin", "reset"] as const)("is ConnectionLost where a fresh connection gives no byte: %s", (how) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut(how, afterRequest))])
      const failure = yield* failureOf(ask(origin))
      assert.deepInclude(failure.reason, { _tag: "ConnectionLost", how, during: "request", scope: "endpoint" })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each(["fin", "reset"] as const)("is StaleConnection where a reused one gives no byte: %s", (how) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([FaultScript.on({ request: 2 }, cut(how, afterRequest))])
      yield* fetchText(ask(origin))
      yield* Effect.sleep("20 millis")
      const failure = yield* failureOf(ask(origin))
      const { reason } = failure
      if (reason._tag !== "StaleConnection") return assert.fail(reason._tag)
      assert.strictEqual(reason.how, how)
      assert.isAtLeast(reason.idleMs, 15)
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      const { counts } = yield* truthOf()
      assert.strictEqual(counts.connections, 1)
    }).pipe(Effect.provide(transport()))
  )

  it.effect("is StreamStalled where a body falls silent", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut("stall", afterEvents(1)))])
      const limits = TimeLimits.resolve({ liveness: "100 millis" })
      const failure = yield* failureOf(ask(origin, { streaming: true, limits }))
      assert.deepInclude(failure.reason, { _tag: "StreamStalled", limitMs: 100, waitedFor: "bytes", scope: "model" })
      assert.deepInclude(failure.evidence, { phase: "responding", status: 200, closed: "local-limit" })
    }).pipe(Effect.provide(transport()))
  )

  it.effect("is no HeadersTimeout for an answer that is not streamed, unless that limit was set", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(FaultScript.drip(0, { headDelayMs: 1500 }))])
      const unset = { ...TimeLimits.defaults, headersMs: 100 }
      const { status } = yield* fetchText(ask(origin, { limits: unset }))
      assert.strictEqual(status, 200)
      const failure = yield* failureOf(ask(origin, { limits: TimeLimits.resolve({ headers: "100 millis" }) }))
      assert.deepInclude(failure.reason, { _tag: "HeadersTimeout", limitMs: 100 })
      assert.deepInclude(failure.evidence, { phase: "waiting", closed: "local-limit" })
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each(["bad-status-line", "bad-version", "bad-header", "bare-lf", "both-lengths", "two-lengths"] as const)(
    "is MalformedResponse for %s",
    (kind) =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(framing(kind))])
        const failure = yield* failureOf(ask(origin, { streaming: true }))
        assert.deepInclude(failure.reason, { _tag: "MalformedResponse", what: "http", scope: "endpoint" })
        assert.deepInclude(failure.evidence, { phase: "responding", closed: "local-abort" })
        assert.notProperty(failure.evidence, "status")
      }).pipe(Effect.provide(transport()))
  )

  it.effect("is MalformedResponse for a head that is too long", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(framing("long-headers"))])
      const failure = yield* failureOf(ask(origin))
      assert.deepInclude(failure.reason, { _tag: "MalformedResponse", what: "size" })
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each([100, 101] as const)("is MalformedResponse for a %d that was not asked for", (status) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(informational(status))])
      const failure = yield* failureOf(ask(origin))
      assert.deepInclude(failure.reason, { _tag: "MalformedResponse", what: "http" })
      assert.deepInclude(failure.evidence, { phase: "responding", closed: "local-abort" })
    }).pipe(Effect.provide(transport()))
  )

  it.effect("is the answer itself for any status that comes whole", () =>
    Effect.forEach([204, 400, 408, 429, 503, 529], (status) =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(FaultScript.status(status))])
        const answer = yield* Effect.provide(fetchText(ask(origin)), transport())
        assert.strictEqual(answer.status, status)
      })
    )
  )

  it.effect("names the attempt and its candidate, and how long it took", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut("fin", afterHead))])
      const candidate = { provider: "anthropic", model: "claude-opus-4-7", credential: "work" }
      const failure = yield* failureOf(ask(origin, { candidate, attempt: 3, declaration: "provider-tools" }))
      assert.deepInclude(failure, { candidate, declaration: "provider-tools", _tag: "ReplayUnsafe" })
      assert.deepInclude(failure.attempts[0], { attempt: 3, candidate })
      assert.isAbove(failure.attempts[0]?.elapsedMs ?? 0, 0)
    }).pipe(Effect.provide(transport()))
  )
})
