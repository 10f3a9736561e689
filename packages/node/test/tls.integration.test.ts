import { assert, layer } from "@effect/vitest"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as Dispatchers from "../src/Dispatchers.ts"
import * as NodeTransport from "../src/HttpTransport.ts"
import { ask, candidate, failureOf, fetchText, transport } from "./support/harness.ts"
import { authority } from "./support/authority.ts"
import type { TlsServer } from "./support/tlsServer.ts"
import { tlsServer } from "./support/tlsServer.ts"

const trusted = authority("Trusted authority")
const foreign = authority("Interceptor")

const issued = (...args: Parameters<Awaited<typeof trusted>["issue"]>) =>
  Effect.promise(async () => (await trusted).issue(...args))
const caOf = (made: typeof trusted) => Effect.promise(async () => (await made).cert)

const day = (iso: string | undefined) => Math.round((Date.parse(iso ?? "") - Date.now()) / 86_400_000)

const it = layer(Layer.empty, { excludeTestServices: true })

it("TLS with a provider", (it) => {
  it.effect.each([false, true])("shows the client certificate that it is given, HTTP/2 offered: %s", (http2) =>
    Effect.gen(function* () {
      const ca = yield* caOf(trusted)
      const client = yield* issued({ name: "client", hosts: [] })
      const server = yield* tlsServer({ ...(yield* issued()), ca, requestCert: true, rejectUnauthorized: true })
      const tls = { ca, cert: client.cert, key: Redacted.make(client.key) }
      const { status } = yield* Effect.provide(
        fetchText(ask(`https://localhost:${server.port}`)),
        transport({ http2, tls })
      )
      assert.strictEqual(status, 200)
      assert.deepInclude(server.seen[0], { authorized: true, servername: "localhost" })
    }).pipe(Effect.scoped)
  )

  it.effect("tells that the peer wants a client certificate, and leaves open what became of the request", () =>
    Effect.gen(function* () {
      const ca = yield* caOf(trusted)
      const options = { ...(yield* issued()), ca, requestCert: true, rejectUnauthorized: true }
      const early = yield* tlsServer({ ...options, maxVersion: "TLSv1.2" })
      // With TLS 1.3 our side of the handshake is over, and the request sent, before the peer has looked.
      const late = yield* tlsServer({ ...options, minVersion: "TLSv1.3" })
      const failure = ({ port }: TlsServer) =>
        Effect.provide(failureOf(ask(`https://localhost:${port}`)), transport({ tls: { ca } }))

      const before = yield* failure(early)
      assert.strictEqual(before.reason._tag, "TlsFailure")
      assert.strictEqual(before._tag, "ReplaySafe")
      const after = yield* failure(late)
      assert.deepInclude(after.reason, { _tag: "TlsFailure", code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" })
      assert.include(after.reason.advice, "tls.cert")
      assert.deepInclude(after.evidence, { bytesRead: 0, closed: "peer-fin" })
      assert.strictEqual(after._tag, "ReplayAmbiguous")
    }).pipe(Effect.scoped)
  )

  it.effect("asks for the server name that it is given, and verifies that one", () =>
    Effect.gen(function* () {
      const ca = yield* caOf(trusted)
      const server = yield* tlsServer(yield* issued({ hosts: ["provider.test"] }))
      const origin = `https://127.0.0.1:${server.port}`
      const call = (serverName: string) =>
        Effect.provide(fetchText(ask(origin)), transport({ tls: { ca, serverName } }))
      const { status } = yield* call("provider.test")
      assert.strictEqual(status, 200)
      assert.strictEqual(server.seen[0]?.servername, "provider.test")
      const other = yield* Effect.provide(
        failureOf(ask(origin)),
        transport({ tls: { ca, serverName: "another.test" } })
      )
      assert.deepInclude(other.reason, { _tag: "TlsFailure", code: "ERR_TLS_CERT_ALTNAME_INVALID" })
    }).pipe(Effect.scoped)
  )

  it.effect.each([
    ["CERT_HAS_EXPIRED", { from: -2, to: -1 }],
    ["CERT_NOT_YET_VALID", { from: 1, to: 2 }],
    ["ERR_TLS_CERT_ALTNAME_INVALID", { hosts: ["elsewhere.test", "192.0.2.1"] }],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", {}],
    ["SELF_SIGNED_CERT_IN_CHAIN", {}],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", {}]
  ] as const)("tells the certificate that was not accepted: %s", ([code, claims]) =>
    Effect.gen(function* () {
      const {
        from = -1,
        hosts = ["localhost", "127.0.0.1"],
        to = 1
      } = { from: undefined, hosts: undefined, to: undefined, ...claims }
      const ca = yield* caOf(trusted)
      const unknown = code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE" || code === "SELF_SIGNED_CERT_IN_CHAIN"
      const leaf = yield* Effect.promise(async () =>
        (await (unknown ? foreign : trusted)).issue({ ...claims, name: "the leaf" })
      )
      const chain = code === "SELF_SIGNED_CERT_IN_CHAIN" ? `${leaf.cert}\n${yield* caOf(foreign)}` : leaf.cert
      const own = code === "DEPTH_ZERO_SELF_SIGNED_CERT"
      const server = yield* tlsServer(own ? yield* selfSigned : { cert: chain, key: leaf.key })
      for (const http2 of [false, true]) {
        const failure = yield* Effect.provide(
          failureOf(ask(`https://localhost:${server.port}`)),
          transport({ http2, tls: { ca } })
        )
        const { reason } = failure
        if (reason._tag !== "TlsFailure") return assert.fail(reason._tag)
        assert.strictEqual(reason.code, code)
        assert.strictEqual(failure._tag, "ReplaySafe")
        const { certificate } = reason
        if (own) {
          assert.deepInclude(certificate, { subject: "CN=localhost", issuer: "CN=localhost" })
          continue
        }
        assert.deepInclude(certificate, {
          subject: "CN=the leaf, O=Holdfast tests",
          issuer: unknown ? "CN=Interceptor" : "CN=Trusted authority",
          names: hosts
        })
        assert.strictEqual(day(certificate?.validFrom), from)
        assert.strictEqual(day(certificate?.validTo), to)
        if (code === "CERT_NOT_YET_VALID") assert.include(reason.message, `from ${certificate?.validFrom}`)
        if (code === "ERR_TLS_CERT_ALTNAME_INVALID") assert.include(reason.message, "elsewhere.test, 192.0.2.1")
      }
    }).pipe(Effect.scoped)
  )

  it.effect("takes any certificate where it is told to, and says so of every connection", () =>
    Effect.gen(function* () {
      const expired = yield* tlsServer(yield* issued({ from: -2, to: -1, hosts: ["elsewhere.test"] }))
      const sound = yield* tlsServer(yield* issued())
      const calls = Effect.gen(function* () {
        for (const { port } of [expired, sound]) {
          for (const connection of ["any", "any", "fresh"] as const) {
            assert.strictEqual((yield* fetchText(ask(`https://localhost:${port}`, { connection }))).status, 200)
          }
        }
      })
      const events = yield* watching({ tls: { dangerouslyAcceptAnyCertificate: true } }, calls)
      const said = events.filter((event) => event._tag === "ConnectionUnverified")
      // Each time the whole objection: of a session that is resumed Node would not tell it.
      assert.deepStrictEqual(
        said.map(({ code, origin, provider }) => ({ code, origin, provider })),
        [expired, expired, sound, sound].map(({ port }) => ({
          code: port === expired.port ? "CERT_HAS_EXPIRED" : "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
          origin: `https://localhost:${port}`,
          provider: candidate.provider
        }))
      )
      assert.isFalse([...expired.seen, ...sound.seen].some(({ resumed }) => resumed))
    }).pipe(Effect.scoped)
  )

  it.effect("says nothing of the kind where certificates are verified", () =>
    Effect.gen(function* () {
      const ca = yield* caOf(trusted)
      const server = yield* tlsServer(yield* issued())
      const events = yield* watching({ tls: { ca } }, fetchText(ask(`https://localhost:${server.port}`)))
      assert.strictEqual(events[0]?._tag, "ConnectionOpened")
      assert.isFalse(events.some(({ _tag }) => _tag === "ConnectionUnverified"))
    }).pipe(Effect.scoped)
  )

  it.effect("resumes sessions, and verifies all the same", () =>
    Effect.gen(function* () {
      const ca = yield* caOf(trusted)
      const server = yield* tlsServer(yield* issued({ hosts: ["localhost"] }))
      yield* Effect.gen(function* () {
        const origin = `https://localhost:${server.port}`
        yield* fetchText(ask(origin))
        yield* fetchText(ask(origin, { connection: "fresh" }))
        assert.deepStrictEqual(
          server.seen.map(({ resumed }) => resumed),
          [false, true]
        )
        // The same server under a name that it has no certificate for.
        const failure = yield* failureOf(ask(`https://127.0.0.1:${server.port}`))
        assert.deepInclude(failure.reason, { _tag: "TlsFailure", code: "ERR_TLS_CERT_ALTNAME_INVALID" })
      }).pipe(Effect.provide(transport({ tls: { ca } })))
    }).pipe(Effect.scoped)
  )

  it.effect("does not trust for one provider what another was told to take", () =>
    Effect.gen(function* () {
      const server = yield* tlsServer(yield* issued())
      const origin = `https://localhost:${server.port}`
      const careless = Dispatchers.swap(
        "careless",
        Dispatcher.layerPool({ tls: { dangerouslyAcceptAnyCertificate: true } })
      )
      yield* Effect.gen(function* () {
        yield* fetchText(ask(origin, { candidate: { provider: "careless", model: "m" } }))
        const { reason } = yield* failureOf(ask(origin))
        assert.deepInclude(reason, { _tag: "TlsFailure", code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" })
      }).pipe(Effect.provide(NodeTransport.layer.pipe(Layer.provide(careless), Layer.provide(Telemetry.layer))))
    }).pipe(Effect.scoped)
  )
})

const selfSigned = Effect.promise(async () => {
  const { localCertificate } = await import("./support/localCertificate.ts")
  return localCertificate()
})

/** Runs with a transport, and gives what it told. */
const watching = <A, E>(
  pool: Dispatcher.PoolOptions,
  calls: Effect.Effect<A, E, HttpTransport | Scope.Scope>
): Effect.Effect<ReadonlyArray<TelemetryEvent>, E | InvalidInput> =>
  Effect.gen(function* () {
    const events: Array<TelemetryEvent> = []
    const telemetry = yield* Telemetry.Telemetry
    yield* telemetry.listen((event) => void events.push(event))
    yield* calls
    return events
  }).pipe(
    Effect.scoped,
    Effect.provide(
      NodeTransport.layer.pipe(
        Layer.provide(Dispatchers.swap(candidate.provider, Dispatcher.layerPool({ proxy: false, ...pool }))),
        Layer.provideMerge(Telemetry.layer)
      )
    )
  )
