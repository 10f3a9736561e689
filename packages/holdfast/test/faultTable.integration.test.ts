/** Every fault, met on fresh and reused connections, streaming and not: our verdict against the server's truth. */
import { assert, describe, layer } from "@effect/vitest"
import { FaultScript, FaultServer, FaultTruth } from "@holdfast/testing"
import * as Effect from "effect/Effect"
import type { Cell, Outcome } from "./faultCell.ts"
import { cells, hello, meet, nameOf, ruleOf, say, truthOf } from "./faultCell.ts"
import { rows } from "./faultRows.ts"

/** What must hold of every outcome, whatever the table says. */
const assertHonest = (outcome: Outcome, ran: boolean, where: string): void => {
  if (typeof outcome === "string") return
  const { evidence, verdict } = outcome
  if (ran) assert.notStrictEqual(verdict, "Safe", `${where}: the server ran it`)
  if (
    evidence._tag === "Observed" &&
    ["queued", "resolving", "connecting", "proxying", "securing"].includes(evidence.phase)
  ) {
    assert.strictEqual(verdict, "Safe", `${where}: no connection carried anything`)
    assert.isFalse(ran, `${where}: what never left cannot have run`)
  }
}

describe("a request that meets a fault", () => {
  layer(FaultServer.layer({ endpoints: { plain: {}, secure: { tls: "good" } } }), { excludeTestServices: true })(
    (it) => {
      for (const row of rows) {
        it.effect(row.says, () =>
          Effect.gen(function* () {
            const server = yield* FaultServer.FaultServer
            const script = cells.map((cell) => ruleOf(cell, nameOf(cell), row.fault))
            yield* server.script("plain", script)
            yield* server.script("secure", script)
            const outcomes = yield* Effect.forEach(
              cells,
              (cell) => Effect.flatMap(server.endpoint(cell.endpoint), (at) => meet(at, cell, nameOf(cell))),
              { concurrency: "unbounded" }
            )
            const truth = yield* server.truth
            const told: Record<string, string> = {}
            const expected: Record<string, string> = {}
            cells.forEach((cell, index) => {
              const outcome = outcomes[index] ?? "no outcome"
              const seen = truthOf(truth, cell, nameOf(cell))
              assert.strictEqual(seen?.fault, row.fault._tag, `${nameOf(cell)} met the fault`)
              assert.strictEqual(seen?.ran, row.ran, `${nameOf(cell)} ran`)
              assertHonest(outcome, seen?.ran === true, nameOf(cell))
              told[nameOf(cell)] = say(outcome)
              expected[nameOf(cell)] = row.expected(cell)
            })
            assert.deepStrictEqual(told, expected)
          })
        )
      }
    }
  )
})

const reused = cells.filter((cell) => cell.reused && cell.endpoint === "plain")

describe("a connection that ends while idle", () => {
  layer(FaultServer.layer({ endpoints: { plain: {} } }), { excludeTestServices: true })((it) => {
    for (const how of FaultScript.IdleHow.literals) {
      it.effect(`by ${how}, around the moment of the next request`, () =>
        Effect.gen(function* () {
          const server = yield* FaultServer.FaultServer
          const endpoint = yield* server.endpoint("plain")
          // The close is on its way, has just arrived, or long has: the request is written a little before, at, or after.
          const trials = reused.flatMap((cell) =>
            [1, 2, 3, 4, 5, 6].flatMap((idleMs) =>
              [0, 1].map((late) => ({
                cell,
                idleMs: idleMs + late,
                closeMs: idleMs,
                tag: `${nameOf(cell)} ${idleMs} ${late}`
              }))
            )
          )
          yield* server.script(
            "plain",
            trials.map(({ closeMs, tag }) =>
              FaultScript.on({ tag, request: 1 }, FaultScript.idleClose(how, closeMs), { times: 1 })
            )
          )
          const outcomes = yield* Effect.forEach(trials, ({ cell, idleMs, tag }) => meet(endpoint, cell, tag, idleMs), {
            concurrency: 4
          })
          const truth = yield* server.truth
          trials.forEach(({ cell, tag }, index) => {
            const outcome = outcomes[index] ?? "no outcome"
            const struck = FaultTruth.requests(truth, "plain").find((seen) => seen.tag === tag)
            assert.strictEqual(struck?.fault, "IdleClose", `${tag}: the connection was to be closed`)
            // The first request is the one before; what ran beyond it is the one that met the close.
            const ran = FaultTruth.requests(truth, "plain").filter((seen) => seen.tag === tag && seen.ran).length - 1
            assertHonest(outcome, ran > 0, tag)
            if (outcome === hello) {
              assert.strictEqual(ran, 1, tag)
            } else if (typeof outcome === "string") {
              // An answer that crossed the request on its way. Over a distance it comes sooner than a round trip and is
              // refused, see `earlyAnswer` in @holdfast/node; on loopback nothing tells it from one to the request.
              assert.strictEqual(outcome, unasked, tag)
              assert.strictEqual(how, "200", tag)
            } else {
              assert.include(idleReasons, outcome.reason._tag, `${tag}: ${say(outcome)}`)
            }
            assert.isAtMost(ran, 1, `${tag}: ${nameOf(cell)}`)
          })
        })
      )
    }
  })
})

const unasked = "An answer that nobody asked for."

const idleReasons = ["StaleConnection", "ConnectionLost", "MalformedResponse"]

const fresh: ReadonlyArray<Cell> = cells.filter((cell) => !cell.reused && cell.endpoint === "plain")

const atAccept = (how: FaultScript.CutHow, tls: "good" | false) => ({
  tls,
  script: [FaultScript.always(FaultScript.cut(how, FaultScript.atAccept))]
})

describe("a connection that is not to be had", () => {
  const endpoints = {
    refused: { refuse: true },
    "handshake-fin": atAccept("fin", "good"),
    "handshake-reset": atAccept("reset", "good"),
    "handshake-stall": atAccept("stall", "good"),
    expired: { tls: "expired" },
    "wrong-host": { tls: "wrong-host" },
    "self-signed": { tls: "self-signed" },
    "accept-fin": atAccept("fin", false),
    "accept-half-fin": atAccept("half-fin", false),
    "accept-reset": atAccept("reset", false)
  } as const

  // The connection of the last three stood before it fell: the request may be on it.
  const lost = /^ConnectionLost Ambiguous lost-before-answer$|^Connect\w+ Safe not-started$/
  const expected: { readonly [name in keyof typeof endpoints]: RegExp } = {
    refused: /^ConnectFailure Safe not-started$/,
    "handshake-fin": /^TlsFailure Safe not-started$/,
    // The reset may overtake the news that TCP stands.
    "handshake-reset": /^(Tls|Connect)Failure Safe not-started$/,
    "handshake-stall": /^ConnectTimeout Safe not-started$/,
    expired: /^TlsFailure Safe not-started$/,
    "wrong-host": /^TlsFailure Safe not-started$/,
    "self-signed": /^TlsFailure Safe not-started$/,
    "accept-fin": lost,
    "accept-half-fin": /ConnectionLost Ambiguous/,
    "accept-reset": lost
  }

  layer(FaultServer.layer({ endpoints }), { excludeTestServices: true })((it) => {
    for (const name of Object.keys(endpoints) as ReadonlyArray<keyof typeof endpoints>) {
      it.effect(name, () =>
        Effect.gen(function* () {
          const server = yield* FaultServer.FaultServer
          const endpoint = yield* server.endpoint(name)
          const outcomes = yield* Effect.forEach(fresh, (cell) => meet(endpoint, cell, nameOf(cell)), {
            concurrency: "unbounded"
          })
          const ran = FaultTruth.requests(yield* server.truth, name).some((seen) => seen.ran)
          outcomes.forEach((outcome, index) => {
            const cell = fresh[index]
            const where = cell === undefined ? name : `${name}, ${nameOf(cell)}`
            assert.match(say(outcome), expected[name], where)
            assertHonest(outcome, ran, where)
          })
        })
      )
    }
  })
})
