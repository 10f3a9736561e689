/** Candidates that are named for one reason alone, credentials that are renewed, and attempts that are whole turns. */
import { assert, describe, it } from "@effect/vitest"
import { Failover, failureOf } from "@holdfast/core/Failover"
import type { CallOptions } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import * as Evidence from "@holdfast/core/Evidence"
import * as Reason from "@holdfast/core/Reason"
import * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import { answers, fails, givenUp, layer, patiently, script } from "./failoverScript.ts"
import { gemini, gpt, opus, stale, unreachable } from "./fixtures.ts"

const long = { ...gpt, model: "gpt-5.5-long", identity: "gpt-5.5-long" }
const longer = { ...gemini, model: "gemini-3-long", identity: "gemini-3-long" }
const chains = { ContextOverflow: [long, longer] } as const

const overflow = fails(({ candidate = opus }: { readonly candidate?: typeof opus }) =>
  Failure.make({
    reason: new Reason.ContextOverflow({ rule: "test", status: 400 }),
    evidence: Evidence.asNotRun({ _tag: "Unknown", status: 400 }),
    declaration: "repeatable",
    candidate
  })
)

const timeout = (evidence: Evidence.Evidence) =>
  Failure.make({
    reason: new Reason.FirstOutputTimeout({ limitMs: 1000 }),
    evidence,
    declaration: "repeatable",
    candidate: opus
  })

const models = (made: ReadonlyArray<string>) => made.map((line) => line.split(" ")[1]?.split("/")[1])

describe("a chain that is named for a reason", () => {
  it.effect("is taken for that reason, to its end, and by no other", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const one = script(overflow, overflow, answers("hello"))
      const { answered, swap } = yield* failover.run({ chain: [opus, gpt], chains, attempt: one.attempt })
      assert.strictEqual(answered, longer)
      assert.strictEqual(swap?.why, "ContextOverflow")
      assert.deepStrictEqual(models(one.made), ["claude-opus-4-7", "gpt-5.5-long", "gemini-3-long"])

      const two = script(fails(unreachable), fails(unreachable))
      yield* givenUp(failover.run({ chain: [opus, gpt], chains, attempt: two.attempt }))
      assert.deepStrictEqual(models(two.made), ["claude-opus-4-7", "gpt-5.5"])

      const three = script(fails(unreachable), overflow, fails(unreachable), answers("hello"))
      yield* failover.run({ chain: [opus, gpt], chains, attempt: three.attempt })
      assert.deepStrictEqual(models(three.made), ["claude-opus-4-7", "gpt-5.5", "gpt-5.5-long", "gemini-3-long"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("surfaces where it ends, and where none is named", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (const [named, count] of [
        [chains, 3],
        [undefined, 1]
      ] as const) {
        const { attempt, made } = script(overflow, overflow, overflow, overflow)
        const call: CallOptions = { chain: [opus, gpt], ...(named === undefined ? undefined : { chains: named }) }
        const failure = yield* givenUp(failover.run({ ...call, attempt }))
        assert.strictEqual(failure.reason._tag, "ContextOverflow")
        assert.lengthOf(made, count)
      }
    }).pipe(Effect.provide(layer()))
  )
})

describe("an attempt that is a whole turn of somebody else's", () => {
  const harness = { chain: [opus, gpt], replays: "turn" } as const

  it.effect("is made again in a turn that may be run again, and in no other", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const count = (before: Effect.Effect<unknown>) =>
        Effect.gen(function* () {
          yield* before
          const { attempt, made } = script(fails(unreachable), answers("hello"))
          yield* Effect.exit(failover.run({ ...harness, attempt }))
          return made.length
        })
      assert.strictEqual(yield* Turn.run(count(Effect.void)), 2)
      assert.strictEqual(yield* Turn.run(count(Turn.sideEffect(Effect.void))), 1)
      assert.strictEqual(yield* Turn.run(count(Turn.markReplayInvalid("a message was delivered"))), 1)
      assert.strictEqual(yield* count(Effect.void), 1, "nothing is known without a turn")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is not made again for a limit that it reached after it began", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const count = (evidence: Evidence.Evidence) =>
        Turn.run(
          Effect.gen(function* () {
            const { attempt, made } = script(() => Effect.fail(timeout(evidence)), answers("hello"))
            yield* patiently(Effect.exit(failover.run({ ...harness, attempt })))
            return made.length
          })
        )
      assert.strictEqual(yield* count(Evidence.unknown), 1)
      assert.strictEqual(yield* count(Evidence.unsent), 2)
    }).pipe(Effect.provide(layer()))
  )
})

describe("a call in a turn that was given up", () => {
  it.effect("is neither repaired nor swapped", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(fails(stale), answers("hello"))
      const error = yield* Turn.run(
        Effect.andThen(Turn.abandon("the user left"), Effect.flip(failover.run({ chain: [opus, gpt], attempt })))
      )
      assert.strictEqual(failureOf(error).reason._tag, "StaleConnection")
      assert.lengthOf(made, 1)
    }).pipe(Effect.provide(layer()))
  )
})
