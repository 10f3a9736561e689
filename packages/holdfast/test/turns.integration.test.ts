/**
 * Turns of agents on real sockets, with faults at every point: no side effect twice, no swap unsaid, no content twice.
 *
 * `HOLDFAST_TURNS` sets how many, `HOLDFAST_TURNS_SEED` the seed of the faults, which is printed. The order in which turns
 * meet on the wire is the machine's, so that a seed draws the same faults and not the same run.
 */
import { assert, describe, layer } from "@effect/vitest"
import type { FaultTruth } from "@holdfast/testing"
import { FaultServer } from "@holdfast/testing"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Plan } from "./turnApps.ts"
import { planOf, takeTurn, takeTurnNaively } from "./turnApps.ts"
import type { Findings } from "./turnChecks.ts"
import { check } from "./turnChecks.ts"
import { drawn, faults, scriptOf } from "./turnFaults.ts"
import type { Book, Own } from "./turnWorld.ts"
import { chains, endpointNames, endpoints, holdfast, makeBook, modelOf, tools } from "./turnWorld.ts"

const turns = Number(process.env["HOLDFAST_TURNS"] ?? 20_000)
const seed = Number(process.env["HOLDFAST_TURNS_SEED"] ?? Date.now() % 1_000_000_000)
const atATime = 64
const inARound = 2500
// Of attempts; turns of several calls on chains of three then meet several.
const share = 0.3

const none: Findings = { duplicateSideEffects: [], silentSwaps: [], contentTwice: [], untrue: [] }

/** What the rounds saw, for what must have been seen for them to mean anything. */
const makeSeen = () => ({
  completed: 0,
  failed: 0,
  /** Turns that failed and could be run again. */
  runAgain: 0,
  effects: 0,
  calls: 0,
  attempts: 0,
  swaps: 0,
  /** Calls that failed after the app had got something of them. */
  brokenOff: 0,
  faults: new Map<string, number>()
})

type Seen = ReturnType<typeof makeSeen>

const see = (seen: Seen, { calls, effects, ended }: Book, truth: FaultTruth.Truth): void => {
  seen.completed += ended.completed
  seen.failed += ended.failed
  seen.runAgain += ended.runAgain
  seen.effects += effects.size
  seen.calls += calls.length
  for (const { outcome, sent, told } of calls) {
    seen.attempts += sent
    if (told.some(({ _tag }) => _tag === "Swap")) seen.swaps++
    if (outcome !== "answered" && told.length > 0) seen.brokenOff++
  }
  for (const { counts } of Object.values(truth.endpoints)) {
    for (const [fault, times] of Object.entries(counts.faults)) {
      seen.faults.set(fault, (seen.faults.get(fault) ?? 0) + times)
    }
  }
}

/** One round: a new script and a new truth, the same connections. */
const round = Effect.fnUntraced(function* <R>(
  seen: Seen,
  from: number,
  size: number,
  take: (book: Book, plan: Plan) => Effect.Effect<unknown, never, R>
) {
  const server = yield* FaultServer.FaultServer
  const book = makeBook()
  for (const [i, name] of endpointNames.entries()) {
    yield* server.script(name, scriptOf(Math.floor(drawn(seed, from, i) * 1e9), size))
    yield* server.armStorm(name, {
      seed: seed + from + i,
      quietMs: [100, 400],
      burstMs: [20, 80],
      idleMs: [0, 5],
      how: { fin: 2, reset: 1, "half-fin": 1 }
    })
  }
  yield* Effect.forEach(
    Array.from({ length: size }, (_, i) => planOf(seed, from + i)),
    (plan) => take(book, plan),
    { concurrency: atATime, discard: true }
  ).pipe(Effect.provide(tools(book)))
  for (const name of endpointNames) yield* server.calmStorm(name)
  const truth = yield* server.truth
  see(seen, book, truth)
  return { findings: check(book, truth) }
})

/**
 * One app as it is without settings: in the middle of a turn it goes on within the family alone, and its retry budget is
 * spent most of the time. The other may go on with any model, and as often as it takes.
 */
const apps: ReadonlyArray<Own> = [{}, { policy: { swap: { midTurn: "any" } }, budget: { ratio: 5 } }]

/** Models on one Holdfast. */
const build = <A, E, R>(own: Own, models: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Layer.build(holdfast({ seed, share }, own)), (context) => Effect.provide(models, context))

describe("turns on real sockets, with faults at every point", () => {
  layer(FaultServer.layer({ endpoints }), { excludeTestServices: true })((it) => {
    it.effect(
      `${turns} turns do nothing twice, leave no swap unsaid, and give no content twice`,
      () =>
        Effect.gen(function* () {
          yield* Console.log(`HOLDFAST_TURNS_SEED=${seed}`)
          const models = yield* Effect.forEach(apps, (own) =>
            build(
              own,
              Effect.forEach(chains, ([primary, ...fallbacks]) => modelOf(primary, fallbacks))
            )
          )
          const seen = makeSeen()
          for (let from = 0; from < turns; from += inARound) {
            const { findings } = yield* round(seen, from, Math.min(inARound, turns - from), (book, plan) => {
              const model = models[plan.turn % apps.length]?.[plan.chain]
              return model === undefined ? Effect.die("no such model") : takeTurn(book, plan, model)
            })
            assert.deepStrictEqual(findings, none, `HOLDFAST_TURNS_SEED=${seed}, turns from ${from}`)
          }
          yield* Console.log(JSON.stringify({ seed, turns, ...seen, faults: Object.fromEntries(seen.faults) }))
          assertMeant(seen)
        }),
      600_000
    )

    it.effect(
      "the same turns on a naive fallback do: the checks see it",
      () =>
        Effect.gen(function* () {
          const models = yield* build(
            { policy: { maxAttempts: 1 } },
            Effect.forEach(chains, (chain) => Effect.forEach(chain, (model) => modelOf(model, [])))
          )
          const { findings } = yield* round(makeSeen(), turns, 1000, (book, plan) =>
            takeTurnNaively(book, plan, models[plan.chain] ?? [])
          )
          assert.isAbove(findings.duplicateSideEffects.length, 0, `HOLDFAST_TURNS_SEED=${seed}`)
          assert.isAbove(findings.silentSwaps.length, 0, `HOLDFAST_TURNS_SEED=${seed}`)
          assert.isAbove(findings.contentTwice.length, 0, `HOLDFAST_TURNS_SEED=${seed}`)
        }),
      120_000
    )
  })
})

/** That every kind of fault struck, and that turns met each of the ways in which they can end. */
const assertMeant = (seen: Seen): void => {
  assert.strictEqual(seen.completed + seen.failed, turns)
  assert.isAbove(seen.completed, turns / 2)
  assert.isAbove(seen.attempts, seen.calls)
  for (const each of ["failed", "runAgain", "effects", "swaps", "brokenOff"] as const) {
    assert.isAbove(seen[each], 0, `${each}, HOLDFAST_TURNS_SEED=${seed}`)
  }
  const kinds = new Set(faults.map(([, fault]) => fault._tag))
  assert.deepStrictEqual(new Set(seen.faults.keys()), kinds, `HOLDFAST_TURNS_SEED=${seed}`)
}
