/**
 * The connect phase: what may happen before a request has a connection, and on one that is lost at once.
 *
 * Of undici's API alone, and so without a row:
 * - the error classes (`AggregateError` with an empty message, and so on): what they hold is in `addresses`;
 * - connectors that fail with codes on which undici connects again without end: ours lets none through, which
 *   tracedClient.test.ts shows;
 * - an abort that undici puts off until the request starts: its rows here say that ours ends at once.
 */
import Net from "node:net"
import type { LookupFunction } from "node:net"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { vi } from "vitest"
import { deafServer } from "../support/deafServer.ts"
import { ask, fetchText, untilTruth } from "../support/harness.ts"
import { rawServer } from "../support/rawServer.ts"
import { endpoint, fails, row } from "./connectScenes.ts"
import type { Row } from "./row.ts"
import type { Elsewhere } from "./scenes.ts"
import { scripted, seenBy } from "./scenes.ts"

const { afterRequest, cut, on } = FaultScript

const host = "provider.invalid"
const limits = TimeLimits.resolve({ connect: "150 millis" })
const impatient = { asked: () => ({ limits }) }

/** A resolver that knows every host by these addresses, fails with a code of getaddrinfo, or never answers. */
const resolver =
  (answer: ReadonlyArray<string> | { readonly code: string } | "silence"): LookupFunction =>
  (name, _, done) => {
    if (answer === "silence") return
    const error = "code" in answer ? Object.assign(new Error(`getaddrinfo ${answer.code} ${name}`), answer) : null
    const found = "code" in answer ? [] : answer.map((address) => ({ address, family: Net.isIP(address) }))
    setImmediate(() => done(error, found))
  }

const unused = Effect.map(endpoint("nobody"), ({ port }) => port)

const byName = (addresses: ReadonlyArray<string>) =>
  Effect.map(unused, (port): Elsewhere => ({ origin: `http://${host}:${port}`, pool: { lookup: resolver(addresses) } }))

/** The kernel's word in its place: its routes are not a test's to change. */
const kernel = (code: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const connect = Net.connect
      const failing = (options: Net.NetConnectOpts) => {
        if (!("port" in options) || options.host !== "192.0.2.7") return connect(options)
        const socket = new Net.Socket()
        const { host: address, port } = options
        const error = Object.assign(new Error(`connect ${code} ${address}`), {
          code,
          syscall: "connect",
          address,
          port
        })
        setImmediate(() => socket.destroy(error))
        return socket
      }
      // The overloads of `connect` are more than a function can have.
      return vi.spyOn(Net, "connect").mockImplementation(failing as unknown as typeof Net.connect)
    }),
    (spy) => Effect.sync(() => spy.mockRestore())
  ).pipe(Effect.as<Elsewhere>({ origin: "http://192.0.2.7:8080" }))

const connecting: ReadonlyArray<Row> = [
  row(
    "refused, 1 address",
    Effect.map(endpoint("nobody"), ({ origin }) => ({ origin, seen: seenBy("nobody") })),
    fails("connecting", {
      _tag: "ConnectFailure",
      code: "ECONNREFUSED",
      addresses: /^\[\{"address":"127\.0\.0\.1:\d+","code":"ECONNREFUSED"\}\]$/
    })
  ),
  row(
    "refused, 2 addresses",
    byName(["127.0.0.1", "127.0.0.2"]),
    fails("connecting", {
      _tag: "ConnectFailure",
      code: "ECONNREFUSED",
      addresses:
        /^\[\{"address":"127\.0\.0\.1:\d+","code":"ECONNREFUSED"\},\{"address":"127\.0\.0\.2:\d+","code":"ECONNREFUSED"\}\]$/
    })
  ),
  row(
    // A broadcast address, to which no route leads for TCP; of IPv6 the machine may have none.
    "1 address unreachable, 1 refused",
    byName(["127.255.255.255", "127.0.0.1"]),
    fails("connecting", {
      _tag: "ConnectFailure",
      code: "ENETUNREACH",
      addresses:
        /^\[\{"address":"127\.255\.255\.255:\d+","code":"ENETUNREACH"\},\{"address":"127\.0\.0\.1:\d+","code":"ECONNREFUSED"\}\]$/
    })
  ),
  row(
    "unreachable network",
    Effect.map(unused, (port) => ({ origin: `http://127.255.255.255:${port}` })),
    fails("connecting", { _tag: "ConnectFailure", code: "ENETUNREACH" })
  ),
  ...(
    [
      ["unreachable host", "EHOSTUNREACH"],
      ["prohibited", "EACCES"]
    ] as const
  ).map(([says, code]) => row(says, kernel(code), fails("connecting", { _tag: "ConnectFailure", code }))),
  row(
    "blackhole",
    Effect.map(deafServer(), (port) => ({ origin: `http://127.0.0.1:${port}`, ...impatient })),
    fails("connecting", { _tag: "ConnectTimeout", limitMs: 150 })
  ),
  row(
    "hanging lookup",
    Effect.succeed({ origin: `http://${host}`, pool: { lookup: resolver("silence") }, ...impatient }),
    fails("resolving", { _tag: "ConnectTimeout", limitMs: 150 })
  ),
  row(
    "silent TLS",
    Effect.map(
      rawServer((socket) => socket.resume()),
      ({ port }) => ({ origin: `https://127.0.0.1:${port}`, ...impatient })
    ),
    fails("securing", { _tag: "ConnectTimeout", limitMs: 150 })
  ),
  row(
    "blackhole + 2nd address failing",
    Effect.map(deafServer(), (port) => ({
      origin: `http://${host}:${port}`,
      pool: { lookup: resolver(["127.0.0.1", "127.0.0.2"]) }
    })),
    fails("connecting", {
      _tag: "ConnectFailure",
      code: "ETIMEDOUT",
      addresses:
        /^\[\{"address":"127\.0\.0\.1:\d+","code":"ETIMEDOUT"\},\{"address":"127\.0\.0\.2:\d+","code":"ECONNREFUSED"\}\]$/
    })
  ),
  ...(["ENOTFOUND", "EAI_AGAIN"] as const).map((code) =>
    row(
      `DNS ${code}`,
      Effect.succeed({ origin: `http://${host}`, pool: { lookup: resolver({ code }) } }),
      fails("resolving", { _tag: "DnsFailure", host, code })
    )
  ),
  row(
    "DNS, the machine's own resolver",
    Effect.succeed({ origin: `http://${host}` }),
    fails("resolving", { _tag: "DnsFailure", host, code: /^(ENOTFOUND|EAI_AGAIN)$/ })
  ),
  row(
    "empty lookup list",
    Effect.succeed({ origin: `http://${host}`, pool: { lookup: resolver([]) } }),
    fails("resolving", { _tag: "DnsFailure", host, code: "ENODATA" })
  )
]

const interrupted: ReadonlyArray<Row> = [
  row(
    "abort during a connect",
    Effect.map(deafServer(), (port) => ({
      origin: `http://127.0.0.1:${port}`,
      attempt: ({ send }) =>
        Effect.gen(function* () {
          const going = yield* Effect.forkChild(send)
          yield* Effect.sleep("50 millis")
          yield* Fiber.interrupt(going)
          return yield* Fiber.join(going)
        })
    })),
    "interrupted"
  ),
  {
    ...row("abort while queued", Effect.die("not used"), "interrupted"),
    scene: scripted((tag) => [on({ tag: `${tag}, busy` }, cut("stall", afterRequest))], {
      pool: { connections: 1 },
      attempt: ({ request, send }) =>
        Effect.gen(function* () {
          const tag = `${request.headers["x-fault-tag"] as string}, busy`
          const busy = yield* Effect.forkChild(fetchText(ask(new URL(request.url).origin, { tag })))
          yield* Effect.orDie(untilTruth(({ counts }) => counts.complete === 1))
          const going = yield* Effect.forkChild(send)
          yield* Effect.sleep("20 millis")
          yield* Fiber.interrupt(going)
          yield* Fiber.interrupt(busy)
          return yield* Fiber.join(going)
        })
    })
  }
]

export const rows: ReadonlyArray<Row> = [...connecting, ...interrupted]
