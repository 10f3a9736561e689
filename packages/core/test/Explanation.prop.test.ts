/** A dry run decides what the run itself decides. */
import { assert, describe, it } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import * as Explanation from "@holdfast/core/Explanation"
import { Failover } from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as ModelRef from "@holdfast/core/ModelRef"
import type * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { eventsFromHere, layer, patiently } from "./failoverScript.ts"
import { AnyChain, AnyFault, AnyPolicy, failureAt, overridesOf } from "./policyWorld.ts"

const world = {
  policy: AnyPolicy,
  chain: AnyChain,
  faults: Schema.Array(AnyFault).check(Schema.isMaxLength(8)),
  repeats: Schema.Boolean,
  midTurn: Schema.Boolean,
  totalMs: Schema.Literals([0, 0, 1_000, 60_000])
}

const codec = Schema.toCodecJson(Explanation.Explanation)
const strict = { onExcessProperty: "error" } as const

describe("explain", () => {
  it.effect.prop(
    "gives, for any sequence of failures, the decisions that a run of the same policy takes",
    world,
    ({ chain, faults, midTurn, policy, repeats, totalMs }) =>
      Effect.gen(function* () {
        const overrides = overridesOf(policy)
        const places: ReadonlyArray<Candidate> = chain
        const last = chain.at(-1) ?? chain[0]
        const moment: Turn.Moment = midTurn
          ? { at: "mid", answered: ModelRef.make(last.provider, last.model) }
          : { at: "start", answered: undefined }
        const faultOf = (attempt: number) => faults[attempt - 1] ?? (repeats ? faults.at(-1) : undefined)

        const failover = yield* Failover
        const events = yield* eventsFromHere
        const asked: Array<string> = []
        const exit = yield* Effect.exit(
          patiently(
            failover.run({
              chain,
              moment,
              totalMs,
              attempt: ({ attempt, candidate, connection }) => {
                asked.push(`${attempt} ${places.indexOf(candidate)} ${connection}`)
                const fault = faultOf(attempt)
                return fault === undefined ? Effect.succeed("answer") : Effect.fail(failureAt(candidate, fault))
              }
            })
          )
        )
        const explanation = yield* FailoverPolicy.explain(
          FailoverPolicy.make({ ...overrides, retry: { reach: Schedule.recurs(0), ...overrides.retry } }),
          { chain, moment, totalMs, repeats, failures: faults.map((fault) => failureAt(chain[0], fault)) }
        )

        const taken = events.flatMap((event) => (event._tag === "Decided" ? [event.decision] : []))
        assert.deepStrictEqual(
          explanation.steps.flatMap(({ decisions }) => decisions.map(({ decision }) => decision)),
          taken
        )
        const { end, steps } = explanation
        const made = steps.map(({ attempt, connection, index }) => `${attempt} ${index} ${connection}`)
        assert.deepStrictEqual(
          end._tag === "Asks" ? [...made, `${end.attempt} ${end.index} ${end.connection}`] : made,
          asked
        )
        assert.strictEqual(end._tag === "Asks", Exit.isSuccess(exit))
        if (end._tag === "Fails") assert.strictEqual(end.error, (yield* Effect.flip(exit))._tag)

        const read = Schema.decodeUnknownSync(codec, strict)(JSON.parse(JSON.stringify(explanation)))
        assert.deepStrictEqual(read, explanation)
      }).pipe(Effect.provide(layer(overridesOf(policy))), Effect.scoped),
    { arbitrary: { runs: 300, seed: 20261121 }, timeout: 60_000 }
  )
})
