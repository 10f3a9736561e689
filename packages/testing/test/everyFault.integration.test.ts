/** Every fault on the wire, in both wire formats, streaming and not, over TCP and TLS: what a client meets, and the truth. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FaultScript from "../src/FaultScript.ts"
import * as FaultServer from "../src/FaultServer.ts"
import * as FaultTruth from "../src/FaultTruth.ts"
import type { RawConnection } from "./rawClient.ts"
import { connect, request } from "./rawClient.ts"

interface Case {
  readonly api: "anthropic" | "openai"
  readonly stream: boolean
}

/** What a client that sends one request meets. */
interface Row {
  readonly says: string
  readonly fault: FaultScript.Fault
  /** How the connection ends; `open`: it does not. */
  readonly ends: "fin" | "reset" | "open"
  /** What is heard, and at least when to stop waiting for more on a connection that stays open. */
  readonly heard: (client: Case) => RegExp
  readonly truth: Partial<FaultTruth.Request>
}

const nothing = () => /^$/
const unanswered = { complete: true, ran: true, answered: "none" } as const
const partly = { complete: true, ran: true, answered: "partial" } as const
const whole = { complete: true, ran: true, answered: "full" } as const
const refused = { complete: true, ran: false, answered: "full" } as const

/** The end of a whole answer. */
const end = ({ api, stream }: Case): string =>
  stream ? `${api === "anthropic" ? '"message_stop"}' : "data: \\[DONE\\]"}\n\n\r\n0\r\n\r\n` : "[}\\]]}"
const answer = (client: Case) => new RegExp(`^HTTP/1\\.1 200 OK\r\n[\\s\\S]*${end(client)}$`)

const { afterEvents, afterHead, afterHeadBytes, afterRequest, afterRequestBytes, cut } = FaultScript

const cuts: ReadonlyArray<Row> = (["fin", "half-fin", "reset", "stall"] as const).flatMap((how): ReadonlyArray<Row> => {
  const ends = how === "stall" ? "open" : how === "reset" ? "reset" : "fin"
  const early =
    how === "half-fin" ? unanswered : ({ bytes: 60, complete: false, ran: false, answered: "none" } as const)
  return [
    { says: `${how} within the request`, fault: cut(how, afterRequestBytes(60)), ends, heard: nothing, truth: early },
    { says: `${how} after the request`, fault: cut(how, afterRequest), ends, heard: nothing, truth: unanswered },
    {
      says: `${how} in the status line`,
      fault: cut(how, afterHeadBytes(9)),
      ends,
      heard: () => /^HTTP\/1\.1 $/,
      truth: partly
    },
    {
      says: `${how} after the head`,
      fault: cut(how, afterHead),
      ends,
      heard: () => /^HTTP\/1\.1 200 OK\r\n(?:(?!\r\n\r\n)[\s\S])*\r\n\r\n$/,
      truth: partly
    },
    {
      says: `${how} after three events`,
      fault: cut(how, afterEvents(3)),
      ends,
      heard: ({ stream }) =>
        stream
          ? /^HTTP[^{]*(?:(?!\n\n)[\s\S])*(?:\n\n\r\n(?:(?!\n\n)[\s\S])*){2}\n\n\r\n$/
          : /\r\n\r\n\{(?!.*\}\}$).+$/,
      truth: partly
    }
  ]
})

const idle: ReadonlyArray<Row> = (["fin", "half-fin", "reset", "408", "200"] as const).map((how) => ({
  says: `${how} while idle`,
  fault: FaultScript.idleClose(how, 20),
  ends: how === "reset" ? "reset" : "fin",
  heard: (client) =>
    how === "408" || how === "200"
      ? new RegExp(`${end(client)}HTTP/1\\.1 ${how} [\\s\\S]+$`)
      : new RegExp(`${end(client)}$`),
  truth: whole
}))

const shapes = {
  provider: ({ api }: Case) => (api === "anthropic" ? /"type":"overloaded_error"[^]*"request_id"/ : /"code":null\}\}$/),
  html: () => /content-type: text\/html\r\n[^]*<\/html>\r\n$/,
  empty: () => /content-length: 0\r\n\r\n$/,
  "json-foreign": () => /\r\n\r\n\{"message":".*"\}$/
}

const statuses: ReadonlyArray<Row> = (["provider", "html", "empty", "json-foreign"] as const).map((shape) => ({
  says: `a status as ${shape}`,
  fault: FaultScript.status(529, { shape }),
  ends: "open",
  heard: shapes[shape],
  truth: refused
}))

const withHeaders: Row = {
  says: "a status with headers, after the model ran",
  fault: FaultScript.status(429, { headers: { "x-more": "1" }, retryAfter: 7, ran: true, connectionClose: true }),
  ends: "fin",
  heard: () => /^HTTP\/1\.1 429 [^]*\r\nretry-after: 7\r\nx-more: 1\r\n[^]*connection: close\r\n/,
  truth: whole
}

const framed: ReadonlyArray<Row> = (
  [
    ["bad-status-line", /^HTTP\/1\.1 2xx OK\r\n/],
    ["bad-version", /^HTTP\/9\.9 200 OK\r\n/],
    ["bad-header", /\r\nthis line has no colon\r\n/],
    ["bad-chunk-size", /\r\nzz\r\n/],
    ["bare-lf", /^HTTP\/1\.1 200 OK\n[^\r]+\n\n/],
    ["both-lengths", /content-length: \d+\r\ntransfer-encoding: chunked/],
    ["two-lengths", /content-length: (\d+)\r\ncontent-length: (?!\1)/],
    ["long-headers", /^[^]{40000,}\r\n\r\n/],
    ["no-length-then-close", /^HTTP\/1\.1 200 OK\r\n(?:(?!content-length|transfer-encoding|connection)[^])+$/],
    ["early-close-header", /\r\nconnection: close\r\n\r\n(?:(?!content-length)[^])+$/],
    ["http-1.0", /^HTTP\/1\.0 200 OK\r\n/]
  ] as const
).map(([kind, heard]) => ({
  says: `wrong framing: ${kind}`,
  fault: FaultScript.framing(kind),
  ends: ["no-length-then-close", "early-close-header", "http-1.0"].includes(kind) ? "fin" : "open",
  heard: () => heard,
  truth: kind === "bad-chunk-size" ? partly : whole
}))

const others: ReadonlyArray<Row> = [
  ...([100, 101, 102, 103] as const).map((status): Row => ({
    says: `an informational ${status}`,
    fault: FaultScript.informational(status),
    ends: "open",
    heard: (client) => new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\n\r\nHTTP/1\\.1 200 OK\r\n[^]*${end(client)}$`),
    truth: whole
  })),
  {
    says: "an error event",
    fault: FaultScript.inBandError(2, { message: "too much" }),
    ends: "open",
    heard: ({ stream }) =>
      stream ? /^HTTP\/1\.1 200 OK[^]*too much[^\n]*\n\n\r\n0\r\n\r\n$/ : /^HTTP\/1\.1 200 OK[^]*too much.*\}$/,
    truth: partly
  },
  {
    says: "a clean end without the end marker",
    fault: FaultScript.noEndMarker(),
    ends: "open",
    heard: ({ stream }) =>
      stream ? /^HTTP(?:(?!message_stop|\[DONE\])[^])*\n\n\r\n0\r\n\r\n$/ : /\r\n\r\n\{(?:(?!\}\}$|\}\]\}$)[^])+$/,
    truth: partly
  },
  { says: "a slow drip", fault: FaultScript.drip(2, { headDelayMs: 5 }), ends: "open", heard: answer, truth: whole },
  {
    says: "an answer that closes its connection",
    fault: FaultScript.connectionClose,
    ends: "fin",
    heard: (client) => new RegExp(`\r\nconnection: close\r\n[^]*${end(client)}$`),
    truth: whole
  }
]

const cases: ReadonlyArray<Case> = (["anthropic", "openai"] as const).flatMap((api) =>
  [false, true].map((stream) => ({ api, stream }))
)

const textOf = ({ api, stream }: Case) => `${api} ${stream ? "streaming" : "whole"}`

/** Waits until what was heard is what a connection that stays open has to say. */
const hears = (client: RawConnection, pattern: RegExp): Effect.Effect<void> =>
  Effect.suspend(() =>
    pattern.test(client.heard()) ? Effect.void : Effect.andThen(Effect.sleep("2 millis"), hears(client, pattern))
  )

const meet = Effect.fnUntraced(function* (name: string, row: Row, client: Case) {
  const server = yield* FaultServer.FaultServer
  const endpoint = yield* server.endpoint(name)
  const connection = yield* connect(endpoint, endpoint.ca === undefined ? undefined : { ca: endpoint.ca })
  yield* connection.send(request({ ...client, text: textOf(client), headers: [`x-fault-tag: ${textOf(client)}`] }))
  if (row.ends === "open") yield* hears(connection, row.heard(client))
  else assert.strictEqual(yield* connection.ended, row.ends, textOf(client))
  assert.match(connection.heard(), row.heard(client), textOf(client))
  return connection
})

layer(FaultServer.layer({ endpoints: { tcp: {}, tls: { tls: "good" } } }), { excludeTestServices: true })(
  "a client meets",
  (it) => {
    for (const name of ["tcp", "tls"]) {
      it.effect.each([...cuts, ...idle, ...statuses, withHeaders, ...framed, ...others])(`$says, over ${name}`, (row) =>
        Effect.gen(function* () {
          const server = yield* FaultServer.FaultServer
          yield* server.script(name, [FaultScript.always(row.fault)])
          const clients = yield* Effect.forEach(cases, (client) => meet(name, row, client), { concurrency: 4 })
          const truth = yield* server.truth
          const seen = FaultTruth.requests(truth, name)
          assert.strictEqual(seen.length, cases.length)
          for (const [index, client] of cases.entries()) {
            // Behind the sixtieth byte stands the tag.
            const mine = row.truth.bytes === undefined ? seen.find(({ tag }) => tag === textOf(client)) : seen[index]
            assert.deepInclude(mine, { ...row.truth, fault: row.fault._tag }, textOf(client))
          }
          const connections = truth.endpoints[name]?.connections ?? []
          assert.deepStrictEqual(
            new Set(connections.map(({ closed }) => closed?.by)),
            new Set([row.ends === "open" ? undefined : "server"])
          )
          for (const client of clients) assert.isFalse(client.socket.destroyed && row.ends === "open")
        }).pipe(Effect.scoped)
      )
    }

    it.effect.each(["tcp", "tls"])("silence from the moment it is accepted, over %s", (name) =>
      Effect.gen(function* () {
        const server = yield* FaultServer.FaultServer
        yield* server.script(name, [FaultScript.always(cut("stall", FaultScript.atAccept))])
        const endpoint = yield* server.endpoint(name)
        const tls = name === "tls" ? { ca: endpoint.ca } : undefined
        const client = yield* Effect.forkScoped(
          Effect.tap(connect(endpoint, tls), (connection) => connection.send(request()))
        )
        const silent = Effect.gen(function* () {
          const truth = yield* server.truth
          const [connection] = truth.endpoints[name]?.connections ?? []
          return connection !== undefined && connection.bytesReceived > 0 ? connection : undefined
        })
        let connection = yield* silent
        while (connection === undefined) {
          yield* Effect.sleep("2 millis")
          connection = yield* silent
        }
        assert.deepInclude(connection, { bytesSent: 0, requests: [] })
        assert.isUndefined(connection.closed)
        assert.strictEqual(client.pollUnsafe() === undefined, name === "tls")
      }).pipe(Effect.scoped)
    )
  }
)
