/** A chain that names nobody, which the types rule out and a file or a program without types does not. */
import { assert, describe, it } from "@effect/vitest"
import * as Failover from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Turn from "@holdfast/core/Turn"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { layer } from "./failoverScript.ts"
import { gpt } from "./fixtures.ts"

const attempt = () => Effect.die("nothing is sent")

// What no program with types can write.
const callsWith = (chain: unknown) => {
  const call = { chain: chain as Failover.CallOptions["chain"], chains: { ContextOverflow: [gpt] } }
  const failover = Effect.service(Failover.Failover)
  return {
    run: Effect.flatMap(failover, ({ run }) => run({ ...call, attempt })),
    stream: Effect.flatMap(failover, ({ stream }) =>
      Stream.runDrain(stream({ ...call, attempt: () => Stream.fromEffect(attempt()), exposure: () => "output" }))
    ),
    open: Effect.flatMap(failover, ({ open }) => open(call)),
    explain: FailoverPolicy.explain(FailoverPolicy.make(), { ...call, failures: ["Overloaded"] })
  }
}

/** The words of the defect that an effect dies of. */
const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(Effect.sandbox(effect)), (cause) => {
    const defects = cause.reasons.filter(Cause.isDieReason).map(({ defect }) => defect)
    const [defect] = defects
    if (!(defect instanceof InvalidInput)) return assert.fail(`expected InvalidInput, found ${String(defect)}`)
    assert.lengthOf(defects, cause.reasons.length)
    return defect.problems
  })

const problem = (place: string, found: string): InvalidInput["problems"] => [
  {
    kind: "EmptyChain",
    place,
    expected: "a chain of at least one candidate",
    found,
    fix: "name a candidate, or resolve a model with ProviderRegistry"
  }
]

describe("a call without anybody to ask", () => {
  for (const [chain, found] of [
    [[], "an empty one"],
    [undefined, "nothing"]
  ] as const) {
    const { explain, ...calls } = callsWith(chain)
    for (const [name, call] of Object.entries(calls)) {
      it.effect(`is a defect of ${name} that names the chain, where it is ${found}`, () =>
        Effect.gen(function* () {
          assert.deepEqual(yield* defectOf(call), problem("call.chain", found))
          assert.deepEqual(yield* defectOf(Turn.run(call)), problem("call.chain", found))
        }).pipe(Effect.provide(layer()))
      )
    }

    it.effect(`is a defect of explain that names the chain, where it is ${found}`, () =>
      Effect.gen(function* () {
        assert.deepEqual(yield* defectOf(explain), problem("scenario.chain", found))
      })
    )
  }
})
