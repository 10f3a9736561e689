/** The model of one step of a plan: asked once a call, and said to stand in where the step is not the first. */
import * as Candidate from "@holdfast/core/Candidate"
import type { Answered, Attempt, Failover, GivenUp } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import type { Policy } from "@holdfast/core/FailoverPolicy"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as ModelRef from "@holdfast/core/ModelRef"
import type { Chain } from "@holdfast/core/ProviderRegistry"
import type { RetryBudget } from "@holdfast/core/RetryBudget"
import { SwapDenied } from "@holdfast/core/SwapDenied"
import * as SwapRule from "@holdfast/core/SwapRule"
import type { Telemetry } from "@holdfast/core/Telemetry"
import * as Turn from "@holdfast/core/Turn"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type { ModelCall } from "../../Codec.ts"
import * as Marks from "../answer/marks.ts"
import { usageOf } from "../answer/usage.ts"
import { renew } from "../attempt/keyInUse.ts"
import * as ModelAttempt from "../attempt/modelAttempt.ts"
import * as Ours from "./languageModel.ts"
import { momentOf } from "./moment.ts"
import type { PlannedRun } from "./plannedRun.ts"

/** What the models of a plan have in common. */
export interface Plan {
  readonly means: ModelAttempt.Means
  readonly policy: Policy
  readonly telemetry: Telemetry["Service"]
  readonly budget: RetryBudget["Service"]
  /** The models, as they were when the plan was made: the first is the one that is asked for. */
  readonly candidates: Chain
  readonly params: ModelCall["params"] | undefined
  readonly onSwap: ((answered: Answered) => Effect.Effect<void>) | undefined
}

/** One step of it. */
export interface Step {
  /** As it was named. */
  readonly model: string
  /** Makes one attempt a call. */
  readonly failover: Failover["Service"]
}

/** The model of a step, in one run of the plan. */
export const make = (plan: Plan, step: Step, run: PlannedRun): Effect.Effect<LanguageModel.LanguageModel> => {
  const { means, telemetry } = plan
  const requested = plan.candidates[0]
  const renewed = renew(means.registry)
  const priceAt = (candidate: Candidate.Candidate) => means.codecs.of(candidate)?.facts?.price

  /** What every call of the step says to `Failover`. */
  const begin = Effect.fnUntraced(function* (call: ModelCall, streaming: boolean) {
    const { chain } = yield* means.registry.resolve({ model: step.model, fallbacks: [] })
    const moment = yield* momentOf(call.prompt, requested)
    if (run.last !== undefined) {
      let refused: GivenUp | undefined = run.last
      if (ModelAttempt.suits(means, call, streaming)(chain[0])) {
        refused = yield* denied(plan, run, run.last, moment, chain[0])
        if (refused === undefined && !mayAsk(plan, chain[0], run.last)) refused = run.last
      }
      if (refused !== undefined) {
        run.passedOver = true
        return yield* refused
      }
    } else {
      plan.budget.called(chain[0].provider)
    }
    const provider = yield* means.registry.provider(chain[0].provider, chain[0].credential)
    // Who answered before decides on swaps, which the plan makes by itself.
    return {
      chain,
      moment: { ...moment, answered: undefined },
      totalMs: ModelAttempt.limitsAt(means, provider).totalMs
    }
  })

  /** Who answers, said as of the whole plan. */
  const told = ({ answered, failed }: Answered): Answered => ({
    requested,
    answered,
    swap:
      Candidate.closeness(requested, answered) === "same-model"
        ? undefined
        : { why: run.last?.reason._tag ?? "TurnContinues" },
    failed: run.records(failed)
  })

  /** The app, the turn and whoever listens are told. */
  const tell = (call: string, by: Answered) =>
    Effect.flatMap(Turn.Current, (turn) => {
      run.answered = true
      if (turn !== undefined) Turn.recordAnswer(turn, requested, Candidate.ref(by.answered), by.answered.credential)
      if (by.swap === undefined) return Effect.void
      if (telemetry.isActive()) {
        telemetry.publishUnsafe({
          _tag: "Swapped",
          call,
          ...(turn === undefined ? undefined : { turn: turn.id }),
          requested,
          answered: by.answered,
          why: by.swap.why
        })
      }
      return plan.onSwap === undefined
        ? Effect.void
        : Effect.catchCauseIf(
            plan.onSwap(by),
            (cause) => !Cause.hasInterrupts(cause),
            (cause) => Effect.logError("onSwap failed", cause)
          )
    })

  const whole = <E>(error: E) => (Failure.isFailure(error) ? run.whole(error) : error)

  return Ours.make({
    generate: (asked) => {
      const call = Ours.callOf(asked, plan.params)
      let made: Attempt | undefined
      return Effect.gen(function* () {
        const answer = yield* step.failover
          .run({
            ...(yield* begin(call, false)),
            refresh: (_attempt, failure) => made && renewed(made, failure),
            attempt: (attempt) => {
              made = run.counted(attempt)
              return ModelAttempt.generate(means, call, made)
            },
            usage: (parts, candidate) => usageOf(parts.at(-1), priceAt(candidate))
          })
          .pipe(Effect.mapError(whole))
        const by = told(answer)
        yield* tell(made?.call ?? "", by)
        return {
          parts: Marks.mark(answer.value, by, priceAt(answer.answered)),
          declaration: ModelAttempt.declarationAt(means, call, answer.answered)
        }
      })
    },
    stream: (asked, exposing) => {
      const call = Ours.callOf(asked, plan.params)
      let made: Attempt | undefined
      let by: Answered | undefined
      return Effect.map(begin(call, true), (said) =>
        step.failover
          .stream({
            ...said,
            refresh: (_attempt, failure) => made && renewed(made, failure),
            attempt: (attempt) => {
              made = run.counted(attempt)
              const mark = Marks.marker(requested, attempt.candidate, priceAt(attempt.candidate))
              return ModelAttempt.stream(means, call, made, mark)
            },
            exposure: Marks.exposure,
            size: Marks.size,
            usage: (part, candidate) => usageOf(part, priceAt(candidate)),
            announce: (answered, held) => {
              exposing()
              by = told(answered)
              return Marks.announce(by, held)
            }
          })
          .pipe(
            Stream.mapError(whole),
            // Nothing comes before who answers is known.
            Stream.onFirst(() => (by === undefined ? Effect.void : tell(made?.call ?? "", by)))
          )
      )
    }
  })
}

/** Whether the provider may be asked: if an earlier step has asked it, as its retry budget allows. */
const mayAsk = ({ budget }: Plan, { provider }: Candidate.Candidate, { attempts }: Failure.Failure): boolean => {
  if (attempts.some(({ candidate }) => candidate.provider === provider)) return budget.take(provider)
  budget.called(provider)
  return true
}

/** What the call fails with where another model may not stand in; nothing where it may. */
const denied = Effect.fnUntraced(function* (
  { candidates, policy }: Plan,
  run: PlannedRun,
  failure: Failure.Failure,
  { answered, at }: Turn.Moment,
  to: Candidate.Candidate
): Effect.fn.Return<GivenUp | undefined> {
  const { swap } = FailoverPolicy.snapshot(policy)
  const rule = at === "mid" ? swap.midTurn : swap.start
  const from = candidates.find((each) => answered !== undefined && ModelRef.equals(each, answered)) ?? candidates[0]
  const met = SwapRule.meets(rule, from, to)
  if (met === "yes") return undefined
  if (met === "ask" && typeof rule !== "string") {
    if (yield* SwapRule.ask(rule, { from, to, moment: at, failure })) return undefined
  }
  run.denied = [...run.denied, to]
  const [first = to, ...others] = run.denied
  return new SwapDenied({ failure, from, moment: at, denied: [first, ...others] })
})
