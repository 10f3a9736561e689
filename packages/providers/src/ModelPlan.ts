/**
 * Models one after another as an `ExecutionPlan` of `effect`, for programs that use those: each step is one model, asked
 * once a call, with no failover of its own.
 *
 * A plan by itself tries the next step whatever the last one failed with, after a stream's content too, and a step whose
 * `while` says no is followed by the next. So a plan of models runs through {@link run} and {@link stream} alone: it goes
 * on where the failure may be replayed, by verdict and declaration, and where the swap rule of the policy in force allows
 * the next model; everything else ends it. `Model.layer` does more, retries, waits and named chains among it.
 */
import type { Answered } from "@holdfast/core/Failover"
import * as Failover from "@holdfast/core/Failover"
import * as Policy from "@holdfast/core/FailoverPolicy"
import { FailoverPolicy } from "@holdfast/core/FailoverPolicy"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { ProviderHealth } from "@holdfast/core/ProviderHealth"
import type { Chain } from "@holdfast/core/ProviderRegistry"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import { Telemetry } from "@holdfast/core/Telemetry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Turn from "@holdfast/core/Turn"
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as ExecutionPlan from "effect/ExecutionPlan"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as AiModel from "effect/ai/Model"
import { Codecs } from "./Codecs.ts"
import type * as ModelAttempt from "./internal/attempt/modelAttempt.ts"
import * as PlannedModel from "./internal/languageModel/plannedModel.ts"
import { PlannedRun } from "./internal/languageModel/plannedRun.ts"

/** What every step provides. */
export type Provided = LanguageModel.LanguageModel | AiModel.ProviderName | AiModel.ModelName

/** A run of a plan, which the steps need: only {@link run} and {@link stream} provide it. */
export class Run extends Context.Service<Run, PlannedRun>()("@holdfast/providers/ModelPlan/Run") {}

/** A plan of models. `ExecutionPlan.merge` joins it with others, whose steps are then held to the same rule. */
export type ModelPlan = ExecutionPlan.ExecutionPlan<{
  provides: Provided
  input: unknown
  error: never
  requirements: Run
}>

/** What an app sets for all steps. */
export interface Options {
  /** Fields of the provider's own request, `max_tokens` for one. They come before those configured. */
  readonly params?: Readonly<Record<string, unknown>>
  /** Time limits of each step's call, which come before those configured. */
  readonly limits?: TimeLimits.TimeLimits
  /** Told of every swap, before the first content of the answer reaches the app. */
  readonly onSwap?: (answered: Answered) => Effect.Effect<void>
}

/** What a plan stands on. */
export type Services =
  | FailoverPolicy
  | HttpTransport
  | ProviderRegistry
  | Codecs
  | ProviderHealth
  | RetryBudget
  | Telemetry

/**
 * Makes a plan that asks models in order, each once a call; again only with a key that replaced a refused one.
 *
 * **Details**
 *
 * Models are named as for `Model.layer`; what cannot be resolved fails here with `InvalidInput`, all problems at once.
 * Attempts count in health, budget and telemetry like any other: a second step at one provider is paid from its retry
 * budget. A model that cools down is passed over, the last one is waited for as the policy says. Every answer says who was
 * asked, the first model, and who answered.
 *
 * **Example**
 *
 * ```ts
 * import { ModelPlan } from "@holdfast/providers"
 * import * as Effect from "effect/Effect"
 * import { LanguageModel } from "effect/ai"
 *
 * const program = Effect.gen(function* () {
 *   const plan = yield* ModelPlan.make(["anthropic/claude-opus-4-7", "openai/gpt-5.5"])
 *   return yield* LanguageModel.generateText({ prompt: "Say hello." }).pipe(ModelPlan.run(plan))
 * })
 * ```
 */
export const make = Effect.fnUntraced(function* (
  models: Arr.NonEmptyReadonlyArray<string>,
  options: Options = {}
): Effect.fn.Return<ModelPlan, InvalidInput, Services> {
  const policy = yield* FailoverPolicy
  const registry = yield* ProviderRegistry
  const budget = yield* RetryBudget
  const means: ModelAttempt.Means = {
    transport: yield* HttpTransport,
    registry,
    codecs: yield* Codecs,
    limits: options.limits
  }
  const plan: PlannedModel.Plan = {
    means,
    policy,
    telemetry: yield* Telemetry,
    budget,
    candidates: yield* candidatesOf(models, options),
    params: options.params,
    onSwap: options.onSwap
  }
  const failoverOf = (longestRetryAfterMs: (policy: Policy.Policy) => number) =>
    Failover.make.pipe(
      Effect.provideService(
        FailoverPolicy,
        Policy.live(() => once(Policy.snapshot(policy), longestRetryAfterMs))
      ),
      // To a step its attempt is a call of its own; here it is known which are.
      Effect.provideService(RetryBudget, { ...budget, called: () => {} })
    )
  const hasty = yield* failoverOf(() => 0)
  const patient = yield* failoverOf((policy) => policy.longestRetryAfterMs)
  const steps = Arr.map(models, (model, index) => ({
    attempts: 1,
    provide: stepOf(plan, { model, failover: index === models.length - 1 ? patient : hasty }, index)
  }))
  return ExecutionPlan.make(...steps)
})

/** One attempt at one model, whoever else could be asked, and one more where its key has been replaced. */
const once = (policy: Policy.Policy, longestRetryAfterMs: (policy: Policy.Policy) => number): Policy.Policy => ({
  ...policy,
  maxAttempts: 2,
  decide: (_, state, failure) => {
    const decision = Policy.decide(policy, state, failure)
    return decision._tag === "RefreshCredential" || decision._tag === "Surface"
      ? decision
      : { _tag: "Surface", why: "attempts-spent", skipped: [] }
  },
  longestRetryAfterMs: longestRetryAfterMs(policy),
  chains: {},
  hedge: undefined
})

const candidatesOf = Effect.fnUntraced(function* (
  models: Arr.NonEmptyReadonlyArray<string>,
  { limits }: Options
): Effect.fn.Return<Chain, InvalidInput, ProviderRegistry> {
  const registry = yield* ProviderRegistry
  const [resolved, wrong] = yield* Effect.partition(models, (model, index) =>
    Effect.mapError(registry.resolve({ model, fallbacks: [] }), ({ problems }) =>
      problems.map((problem): Problem => ({ ...problem, place: `models[${index}]` }))
    )
  )
  const problems = [...wrong.flat(), ...TimeLimits.problems(limits)]
  if (Arr.isArrayNonEmpty(problems)) return yield* new InvalidInput({ problems })
  const candidates = resolved.map(({ chain }) => chain[0])
  if (Arr.isArrayNonEmpty(candidates)) return candidates
  return yield* InvalidInput.of({
    kind: "InvalidOption",
    place: "models",
    expected: "at least one model",
    found: "none"
  })
})

const stepOf = (plan: PlannedModel.Plan, step: PlannedModel.Step, index: number): Layer.Layer<Provided, never, Run> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const languageModel = yield* PlannedModel.make(plan, step, yield* Run)
      const { model, provider } = plan.candidates[index] ?? plan.candidates[0]
      return Context.make(LanguageModel.LanguageModel, languageModel).pipe(
        Context.add(AiModel.ProviderName, provider),
        Context.add(AiModel.ModelName, model)
      )
    })
  )

type Needed<Requirements> = Exclude<Requirements, Run>

/**
 * Runs an effect with the model of the plan's first step, and again with the next one's only where that may be done.
 *
 * **Details**
 *
 * The effect is made again as a whole, so it should hold one call. Once a call of it was answered, or an explicit turn has
 * recorded a tool or a side effect of it, the plan ends with whatever fails; so it does when the time of a call is up.
 * What a call fails with holds the attempts of all steps, and the worst verdict of theirs. A next model that the swap rule
 * does not allow, or whose swap the app denies when it is asked, is passed over; was it the last, the call fails with
 * `SwapDenied`.
 */
export const run =
  <Input, Provides, PlanE, PlanR>(
    plan: ExecutionPlan.ExecutionPlan<{ provides: Provides; input: Input; error: PlanE; requirements: PlanR }>
  ) =>
  <A, E extends Input, R>(
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | PlanE, Needed<Exclude<R, Provides> | PlanR>> =>
    Effect.suspend(() => {
      const planned = new PlannedRun()
      const step = Effect.flatMap(Turn.Current, (turn) => {
        planned.begins(turn)
        // What ends the plan leaves it as a value: a failure would be followed by the next step.
        return Effect.catchCauseIf(
          Effect.map(self, Exit.succeed),
          (cause) => !planned.goesOn(cause),
          (cause) => Effect.succeed(Exit.failCause(cause))
        )
      })
      return Effect.withExecutionPlan(step, plan).pipe(Effect.flatten, Effect.provideService(Run, planned))
    })

/**
 * Runs a stream with the model of the plan's first step, and again with the next one's only where that may be done; see
 * {@link run}. Once anything of it was given out, nothing of it is replayed.
 */
export const stream =
  <Input, Provides, PlanE, PlanR>(
    plan: ExecutionPlan.ExecutionPlan<{ provides: Provides; input: Input; error: PlanE; requirements: PlanR }>
  ) =>
  <A, E extends Input, R>(
    self: Stream.Stream<A, E, R>
  ): Stream.Stream<A, E | PlanE, Needed<Exclude<R, Provides> | PlanR>> =>
    Stream.suspend(() => {
      const planned = new PlannedRun()
      let ended: Cause.Cause<E> | undefined
      const step = Stream.unwrap(
        Effect.map(Turn.Current, (turn) => {
          planned.begins(turn)
          return self.pipe(
            Stream.onFirst(() => {
              planned.answered = true
              return Effect.void
            }),
            Stream.catchCause((cause) => {
              if (planned.goesOn(cause)) return Stream.failCause(cause)
              ended = cause
              return Stream.empty
            })
          )
        })
      )
      return Stream.withExecutionPlan(step, plan).pipe(
        Stream.concat(Stream.suspend(() => (ended === undefined ? Stream.empty : Stream.failCause(ended)))),
        Stream.provideService(Run, planned)
      )
    })
