/** Names with several addresses: all are tried, and each that fails is told. */
import type { LookupAddress } from "node:dns"
import * as Net from "node:net"
import { assert, layer } from "@effect/vitest"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { deafServer } from "./support/deafServer.ts"
import { ask, failureOf, fetchText, observed, transport } from "./support/harness.ts"
import { ok } from "./support/rawServer.ts"

const name = "provider.test"

/** A resolver that knows every name by these addresses. */
const knows =
  (...addresses: ReadonlyArray<string>): Net.LookupFunction =>
  (_host, options, answer) => {
    const found: Array<LookupAddress> = addresses.map((address) => ({ address, family: Net.isIP(address) }))
    setImmediate(() => answer(null, options.all === true ? found : (found[0]?.address ?? ""), found[0]?.family ?? 0))
  }

/** A server at one address; with a port, at that one. */
const serverAt = (host: string, port = 0): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer((socket) => {
        socket.on("error", () => undefined)
        socket.on("data", () => socket.end(ok(host)))
      })
      server.listen({ port, host, ipv6Only: true }, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(
    Effect.map((server) => {
      const address = server.address()
      return typeof address === "object" && address !== null ? address.port : 0
    })
  )

const unused = Effect.scoped(serverAt("127.0.0.1"))

const limits = (connect: Duration.Input) => TimeLimits.resolve({ connect, headers: "20 seconds" })

const it = layer(Layer.empty, { excludeTestServices: true })

it("the addresses of a name", (it) => {
  it.effect.each([
    ["the only one, of IPv6", ["::1"], "::1"],
    ["IPv4 behind an IPv6 that refuses", ["::1", "127.0.0.1"], "127.0.0.1"],
    ["IPv6 behind an IPv4 that refuses", ["127.0.0.1", "::1"], "::1"],
    ["the third", ["127.0.0.3", "127.0.0.2", "127.0.0.1"], "127.0.0.1"]
  ] as const)("are tried until one answers: %s", ([, addresses, answering]) =>
    Effect.gen(function* () {
      const port = yield* serverAt(answering)
      const { text } = yield* Effect.provide(
        fetchText(ask(`http://${name}:${port}`)),
        transport({ lookup: knows(...addresses) })
      )
      assert.strictEqual(text, answering)
    }).pipe(Effect.scoped)
  )

  it.effect("are each told with what became of it where none answers", () =>
    Effect.gen(function* () {
      const port = yield* unused
      const lookup = knows("::1", "127.0.0.1", "127.0.0.2")
      const failure = yield* Effect.provide(failureOf(ask(`http://${name}:${port}`)), transport({ lookup }))
      assert.deepInclude(failure.reason, {
        _tag: "ConnectFailure",
        host: `${name}:${port}`,
        code: "ECONNREFUSED",
        addresses: [`[::1]:${port}`, `127.0.0.1:${port}`, `127.0.0.2:${port}`].map((address) => ({
          address,
          code: "ECONNREFUSED"
        }))
      })
      assert.strictEqual(failure._tag, "ReplaySafe")
    })
  )

  it.effect("are given up in time for the next one where they give no answer", () =>
    Effect.gen(function* () {
      const port = yield* deafServer("127.0.0.2")
      yield* serverAt("127.0.0.1", port)
      const { text } = yield* Effect.provide(
        fetchText(ask(`http://${name}:${port}`, { limits: limits("2 seconds") })),
        transport({ lookup: knows("127.0.0.2", "127.0.0.1") })
      )
      assert.strictEqual(text, "127.0.0.1")
    }).pipe(Effect.scoped)
  )

  it.effect("are told where the last of them refuses, too", () =>
    Effect.gen(function* () {
      const port = yield* deafServer("127.0.0.2")
      const { reason } = yield* Effect.provide(
        failureOf(ask(`http://${name}:${port}`, { limits: limits("4 seconds") })),
        transport({ lookup: knows("127.0.0.2", "127.0.0.1") })
      )
      assert.deepInclude(reason, {
        _tag: "ConnectFailure",
        code: "ETIMEDOUT",
        addresses: [
          { address: `127.0.0.2:${port}`, code: "ETIMEDOUT" },
          { address: `127.0.0.1:${port}`, code: "ECONNREFUSED" }
        ]
      })
    }).pipe(Effect.scoped)
  )

  it.effect("are told where the connect limit strikes first", () =>
    Effect.gen(function* () {
      const port = yield* deafServer("127.0.0.2")
      const failure = yield* Effect.provide(
        failureOf(ask(`http://${name}:${port}`, { limits: limits("500 millis") })),
        transport({ lookup: knows("127.0.0.1", "127.0.0.2") })
      )
      assert.deepInclude(failure.reason, {
        _tag: "ConnectTimeout",
        limitMs: 500,
        addresses: [
          { address: `127.0.0.1:${port}`, code: "ECONNREFUSED" },
          { address: `127.0.0.2:${port}`, code: "ETIMEDOUT" }
        ]
      })
      assert.strictEqual(observed(failure.evidence).phase, "connecting")
      assert.strictEqual(failure._tag, "ReplaySafe")
    }).pipe(Effect.scoped)
  )

  it.effect("are told of a URL with an address in it", () =>
    Effect.gen(function* () {
      const port = yield* deafServer()
      const { reason } = yield* Effect.provide(
        failureOf(ask(`http://127.0.0.1:${port}`, { limits: limits("300 millis") })),
        transport()
      )
      assert.deepInclude(reason, {
        _tag: "ConnectTimeout",
        addresses: [{ address: `127.0.0.1:${port}`, code: "ETIMEDOUT" }]
      })
    }).pipe(Effect.scoped)
  )
})

const answersTwice: Net.LookupFunction = (_host, _options, answer) => {
  answer(null, "127.0.0.1", 4)
  answer(null, "127.0.0.2", 4)
}

it("a look-up of the app's own", (it) => {
  it.effect("that does not answer ends by the connect limit, while resolving", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.provide(
        failureOf(ask(`http://${name}`, { limits: limits("300 millis") })),
        transport({ lookup: () => undefined })
      )
      assert.deepInclude(failure.reason, { _tag: "ConnectTimeout", limitMs: 300 })
      assert.notProperty(failure.reason, "addresses")
      assert.strictEqual(observed(failure.evidence).phase, "resolving")
    })
  )

  const coded = Object.assign(new Error("no"), { code: "ESERVFAIL" })
  it.effect.each([
    ["answers with no address", "ENODATA", knows()],
    ["answers with what is none", "ENODATA", knows("nonsense")],
    ["answers with nothing", "ENODATA", (_host, _options, answer) => answer(null, [])],
    ["fails with a code", "ESERVFAIL", (_host, _options, answer) => answer(coded, "")],
    ["fails without one", "ENOTFOUND", (_host, _options, answer) => answer(new Error("no"), "")],
    [
      "throws",
      "ESERVFAIL",
      () => {
        throw coded
      }
    ]
  ] satisfies ReadonlyArray<readonly [string, string, Net.LookupFunction]>)(
    "is DnsFailure where it %s",
    ([, code, lookup]) =>
      Effect.gen(function* () {
        const failure = yield* Effect.provide(failureOf(ask(`http://${name}`)), transport({ lookup }))
        assert.deepInclude(failure.reason, { _tag: "DnsFailure", host: name, code })
        assert.strictEqual(observed(failure.evidence).phase, "resolving")
        assert.strictEqual(failure._tag, "ReplaySafe")
      })
  )

  it.effect("may answer twice, and with a single address", () =>
    Effect.gen(function* () {
      const port = yield* serverAt("127.0.0.1")
      const { text } = yield* Effect.provide(
        fetchText(ask(`http://${name}:${port}`)),
        transport({ lookup: answersTwice })
      )
      assert.strictEqual(text, "127.0.0.1")
    }).pipe(Effect.scoped)
  )
})
