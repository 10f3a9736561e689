import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FaultScript from "../src/FaultScript.ts"
import * as FaultServer from "../src/FaultServer.ts"
import * as FaultTruth from "../src/FaultTruth.ts"
import { mulberry32 } from "../src/internal/storm.ts"
import { connect, request } from "./rawClient.ts"

const hows = ["fin", "half-fin", "reset", "stall"] as const
const kinds = FaultScript.FramingKind.literals

const faults: ReadonlyArray<FaultScript.Fault> = [
  ...hows.flatMap((how) => [
    FaultScript.cut(how, FaultScript.afterRequestBytes(70)),
    FaultScript.cut(how, FaultScript.afterRequest),
    FaultScript.cut(how, FaultScript.afterHeadBytes(9)),
    FaultScript.cut(how, FaultScript.afterHead),
    FaultScript.cut(how, FaultScript.afterEvents(4)),
    FaultScript.cut(how, FaultScript.afterEvents(40))
  ]),
  ...(["fin", "half-fin", "reset", "408", "200"] as const).map((how) => FaultScript.idleClose(how, 1)),
  ...(["provider", "html", "empty", "json-foreign"] as const).map((shape) => FaultScript.status(503, { shape })),
  FaultScript.inBandError(2),
  FaultScript.noEndMarker(),
  FaultScript.drip(1),
  FaultScript.informational(103),
  FaultScript.connectionClose,
  ...kinds.map((kind) => FaultScript.framing(kind))
]

const script = faults.map((fault, index) => FaultScript.on({ tag: `${index}` }, fault))

describe("the books of a fault server", () => {
  it.live("are in order after every fault, on plain and TLS connections, with clients that misbehave too", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.make({
        endpoints: { plain: { script }, secure: { tls: "good", script } }
      })
      const random = mulberry32(2026)
      const pick = (count: number) => Math.floor(random() * count)
      const visit = Effect.fnUntraced(function* (name: "plain" | "secure") {
        const endpoint = yield* server.endpoint(name)
        const client = yield* connect(endpoint, name === "secure" ? { ca: endpoint.ca } : undefined)
        for (let count = 1 + pick(3); count > 0; count--) {
          const whole = request({
            api: pick(2) === 0 ? "anthropic" : "openai",
            stream: pick(2) === 0,
            text: `text ${pick(20)}`,
            headers: [`x-fault-tag: ${pick(faults.length + 5)}`]
          })
          const part = pick(4) === 0 ? whole.slice(0, pick(whole.length)) : whole
          client.socket.write(part)
          yield* Effect.sleep(pick(3))
        }
        const leave = [() => client.socket.end(), () => client.socket.destroy(), () => client.socket.resetAndDestroy()]
        if (name === "plain") leave[pick(3)]?.()
        yield* Effect.sleep(pick(4))
      }, Effect.scoped)
      const visits = Array.from({ length: 600 }, (_, index) => visit(index % 3 === 0 ? "secure" : "plain"))
      yield* Effect.all(visits, { concurrency: 20, discard: true })
      yield* Effect.sleep("50 millis")
      const truth = yield* server.truth
      for (const name of ["plain", "secure"]) {
        const endpoint = truth.endpoints[name]
        if (endpoint === undefined) return assert.fail(`no ${name}`)
        const { connections, counts } = endpoint
        const requests = FaultTruth.requests(truth, name)
        assert.strictEqual(counts.open, 0)
        assert.strictEqual(counts.connections, connections.length)
        assert.strictEqual(counts.requests, requests.length)
        assert.isTrue(connections.every((connection) => connection.closed !== undefined))
        assert.strictEqual(counts.closedByServer + counts.closedByClient, connections.length)
        for (const answered of ["none", "partial", "full"] as const) {
          const count = { none: counts.answeredNone, partial: counts.answeredPartial, full: counts.answeredFull }
          assert.strictEqual(requests.filter((seen) => seen.answered === answered).length, count[answered])
        }
        assert.strictEqual(requests.filter((seen) => seen.ran).length, counts.ran)
        assert.isTrue(requests.every((seen) => seen.complete || !seen.ran))
        assert.deepStrictEqual(
          requests.map((seen) => seen.nth),
          requests.map((_, index) => index + 1)
        )
        for (const connection of connections) {
          const taken = connection.requests.reduce((sum, seen) => sum + seen.bytes, 0)
          assert.isAtMost(taken, connection.bytesReceived)
        }
      }
      assert.isAbove(Object.keys(truth.endpoints["plain"]?.counts.faults ?? {}).length, 7)
      const runs = ["plain", "secure"].flatMap((name) => FaultTruth.requests(truth, name)).filter((seen) => seen.ran)
      assert.strictEqual(truth.runs.total, runs.length)
      assert.strictEqual(truth.runs.distinct, new Set(runs.map((seen) => seen.runKey)).size)
    }).pipe(Effect.scoped)
  )

  it.live("hold what a client had sent before it asked, even if it has gone", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.make({ endpoints: { a: {} } })
      const endpoint = yield* server.endpoint("a")
      for (let count = 1; count <= 100; count++) {
        const client = yield* connect(endpoint)
        yield* client.send(request({ text: `${count}` }))
        client.socket.destroy()
        const truth = yield* server.truth
        assert.deepInclude(truth.endpoints["a"]?.counts, { requests: count, complete: count, ran: count, open: 0 })
      }
    }).pipe(Effect.scoped)
  )
})
