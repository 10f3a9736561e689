/** What every call keeps to, whatever fails, in whatever order, under whatever policy. */
import { assert, describe, it } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import { Failover, failureOf } from "@holdfast/core/Failover"
import type * as Failure from "@holdfast/core/Failure"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as ModelRef from "@holdfast/core/ModelRef"
import type { Chain } from "@holdfast/core/ProviderRegistry"
import * as SwapRule from "@holdfast/core/SwapRule"
import type * as Turn from "@holdfast/core/Turn"
import * as Verdict from "@holdfast/core/Verdict"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Part } from "./failoverScript.ts"
import { layer, patiently, received } from "./failoverScript.ts"
import { AnyChain, AnyFault, AnyPolicy, failureAt, mayBeReplayed, overridesOf } from "./policyWorld.ts"

const faults = Schema.Array(AnyFault).check(Schema.isMaxLength(8))
const runs = { arbitrary: { runs: 400, seed: 20261121 }, timeout: 60_000 }

const world = {
  policy: AnyPolicy,
  chain: AnyChain,
  faults,
  /** Whether the call answers when the faults are spent; else the last goes on for ever. */
  recovers: Schema.Boolean,
  midTurn: Schema.Boolean
}

/** What the attempts of a call did. */
interface Trace {
  readonly at: Array<Candidate>
  readonly failures: Array<Failure.Failure>
}

const momentIn = (chain: Chain, midTurn: boolean): Turn.Moment => {
  const last = chain.at(-1) ?? chain[0]
  return midTurn
    ? { at: "mid", answered: ModelRef.make(last.provider, last.model) }
    : { at: "start", answered: undefined }
}

/** The laws that a finished call has kept, told from its attempts alone. */
const keepsTheLaws = (
  trace: Trace,
  {
    chain,
    midTurn,
    policy
  }: { readonly chain: Chain; readonly midTurn: boolean; readonly policy: typeof AnyPolicy.Type }
): void => {
  const { maxAttempts, swap } = FailoverPolicy.make(overridesOf(policy))
  assert.isAtMost(trace.at.length, maxAttempts)

  const replayed = trace.failures.slice(0, trace.at.length - 1)
  assert.isTrue(replayed.every(mayBeReplayed), "nothing is replayed that may not be")

  const places = trace.at.map((candidate) => chain.indexOf(candidate))
  assert.notInclude(places, -1, "nobody is asked who is not in the chain")
  const visits = places.filter((place, i) => place !== places[i - 1])
  assert.strictEqual(new Set(visits).size, visits.length, "nobody is asked again who was left")

  const [first, ...others] = trace.at
  const rule = midTurn ? swap.midTurn : swap.start
  for (const other of others) {
    if (first !== undefined && other !== first)
      assert.isTrue(SwapRule.meets(rule, first, other) === "yes", "the swap rule holds")
  }
}

describe("run", () => {
  it.effect.prop(
    "ends, and keeps the laws, for any sequence of failures",
    world,
    ({ chain, recovers, midTurn, policy, ...given }) =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const trace: Trace = { at: [], failures: [] }
        const exit = yield* Effect.exit(
          patiently(
            failover.run({
              chain,
              moment: momentIn(chain, midTurn),
              attempt: ({ candidate, attempt }) => {
                trace.at.push(candidate)
                assert.strictEqual(attempt, trace.at.length)
                const fault = given.faults[trace.at.length - 1] ?? (recovers ? undefined : given.faults.at(-1))
                if (fault === undefined) return Effect.succeed("answer")
                const failure = failureAt(candidate, fault)
                trace.failures.push(failure)
                return Effect.fail(failure)
              }
            })
          )
        )
        keepsTheLaws(trace, { chain, midTurn, policy })
        assert.strictEqual(Exit.isSuccess(exit), trace.failures.length < trace.at.length)
        if (Exit.isSuccess(exit)) {
          assert.strictEqual(exit.value.answered, trace.at.at(-1))
          assert.strictEqual(exit.value.failed.length, trace.failures.length)
        } else {
          const failure = failureOf(yield* Effect.flip(exit))
          assert.strictEqual(failure.attempts.length, trace.failures.length)
          const worst = failure.attempts.map((each) => each.verdict).reduce(Verdict.worst)
          if (failure.attempts.length > 1) assert.strictEqual(failure.verdict, worst)
        }
      }).pipe(Effect.provide(layer(overridesOf(policy)))),
    runs
  )
})

describe("stream", () => {
  const step = Schema.Struct({
    /** What each part of the attempt gives out, before it ends. */
    gives: Schema.Array(Schema.Literals(["nothing", "nothing", "nothing", "output", "tool-call"])).check(
      Schema.isMaxLength(4)
    ),
    fault: AnyFault
  })

  it.effect.prop(
    "ends, keeps the laws, and gives the parts of one attempt alone, each once and in order",
    { ...world, faults: Schema.Array(step).check(Schema.isMaxLength(8)) },
    ({ chain, recovers, midTurn, policy, ...given }) =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const trace: Trace = { at: [], failures: [] }
        let parts: ReadonlyArray<Part> = []
        const { texts, exit, failure } = yield* patiently(
          received(
            failover.stream<Part, Failure.Failure, never>({
              chain,
              moment: momentIn(chain, midTurn),
              exposure: (part) => part.gives,
              attempt: ({ candidate, attempt }) => {
                trace.at.push(candidate)
                const each = given.faults[attempt - 1] ?? (recovers ? undefined : given.faults.at(-1))
                const gives = each?.gives ?? ["nothing", "output"]
                parts = gives.map((exposure, i) => ({ gives: exposure, text: `${attempt}.${i}` }))
                if (each === undefined) return Stream.fromArrays(...parts.map((part) => [part]))
                const failed = failureAt(candidate, each.fault)
                trace.failures.push(failed)
                return Stream.concat(Stream.fromArrays(...parts.map((part) => [part])), Stream.fail(failed))
              }
            })
          )
        )
        keepsTheLaws(trace, { chain, midTurn, policy })
        const expected = parts.map(({ text }) => text)
        const exposed = parts.some(({ gives }) => gives !== "nothing")
        if (Exit.isSuccess(exit)) {
          assert.deepStrictEqual(texts, expected)
        } else {
          assert.deepStrictEqual(texts, exposed ? expected : [])
          assert.deepStrictEqual(failure?.partial, exposed ? parts : undefined)
          if (exposed) assert.strictEqual(failure?._tag, "ReplayUnsafe")
          assert.strictEqual(failure?.attempts.length, trace.failures.length)
        }
        assert.strictEqual(Exit.isSuccess(exit), trace.failures.length < trace.at.length)
      }).pipe(Effect.provide(layer(overridesOf(policy)))),
    runs
  )
})
