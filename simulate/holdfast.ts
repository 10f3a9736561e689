/** Agents that put their calls to Holdfast's `Failover`, and ask its `Turn` before they run a turn again. */
import type * as Candidate from "@holdfast/core/Candidate"
import * as Failover from "@holdfast/core/Failover"
import type * as Failure from "@holdfast/core/Failure"
import { isSwapDenied } from "@holdfast/core/SwapDenied"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Turn from "@holdfast/core/Turn"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { chain } from "./chain.ts"
import type { Part, Provider, Request } from "./provider.ts"
import type { Strategy } from "./strategy.ts"
import * as Strategies from "./strategy.ts"
import type { CallTruth, TurnTruth } from "./truth.ts"
import type { Agent, World } from "./world.ts"

/** What agents may get wrong, so that a simulation can show that it would be noticed. */
export interface Habits {
  /** A turn is run again without asking whether it may be. */
  readonly rerunsAnyway?: boolean
  /** Every call is said to be repeatable, one that makes the provider run tools too. */
  readonly declaresAllRepeatable?: boolean
  /** Nothing is done with what the library says of swaps. */
  readonly ignoresSwaps?: boolean
  /** Nobody remembers that a provider is in trouble. */
  readonly withoutHealth?: boolean
  /** Retries are not counted. */
  readonly withoutBudget?: boolean
}

/** The services as an app has them. */
const layer = ({ withoutBudget, withoutHealth }: Habits) =>
  Failover.layerMemory({
    ...(withoutHealth === true ? { health: false } : undefined),
    ...(withoutBudget === true ? { budget: false } : undefined)
  }).pipe(
    Layer.provide(Telemetry.layer),
    // The numbers are in order.
    Layer.orDie
  )

/** How often a turn that may be run again is, and how long the agent waits before. */
const reruns = 2
const rerunAfterMs = 60_000

/** The agents' way. It is made on the fleet's own clock, which the services read. */
export const make = (habits: Habits = {}): Effect.Effect<Strategy, never, Scope.Scope> =>
  Effect.map(Layer.build(layer(habits)), (services): Strategy => {
    const failover = Context.get(services, Failover.Failover)
    return Effect.fnUntraced(function* (world, agent, turn) {
      for (let run = 0; ; run++) {
        const end = yield* Turn.run(once({ failover, habits, world, agent }, turn))
        if (end === "completed") return true
        if (run === reruns || !(end === "may-run-again" || habits.rerunsAnyway === true)) return false
        world.tally.reruns++
        yield* Effect.sleep(rerunAfterMs)
      }
    })
  })

/** What an agent does its turns with. */
interface Means {
  readonly failover: Failover.Failover["Service"]
  readonly habits: Habits
  readonly world: World
  readonly agent: Agent
}

/** One run of a turn. */
const once = Effect.fnUntraced(function* (means: Means, turn: TurnTruth) {
  for (const [number, step] of turn.steps.entries()) {
    const call = Strategies.callOf(means.world, turn, number)
    const failure = yield* made(means, call)
    if (failure !== undefined) {
      const mayRunAgain = failure._tag !== "ReplayUnsafe" && (yield* Turn.mayRunAgain)
      return mayRunAgain ? "may-run-again" : "over"
    }
    if (step.kind === "provider-tools") yield* Turn.markReplayInvalid("the provider ran a tool")
    if (step.kind !== "streamed") yield* runsTool(call)
    if (step.toolMs > 0) yield* Effect.sleep(step.toolMs)
  }
  return "completed"
})

/** Makes a call, and has the tally compare who answered with who is said to have. */
const made = (means: Means, call: CallTruth): Effect.Effect<Failure.Failure | undefined> => {
  const { clock, tally } = means.world
  const heard: Heard = { by: chain[0], told: undefined }
  return Effect.match(call.kind === "streamed" ? streamed(means, call, heard) : whole(means, call, heard), {
    onSuccess: () => {
      tally.answered(call, clock.currentTimeMillisUnsafe(), heard.by, heard.told)
      return undefined
    },
    onFailure: (error) => {
      const failure = isSwapDenied(error) ? error.failure : error
      tally.failed(call, clock.currentTimeMillisUnsafe(), isSwapDenied(error) ? "SwapDenied" : failure.reason._tag)
      return failure
    }
  })
}

/** What an agent hears: who answered, by the answer's own word, and who by the library's, if there was a swap. */
interface Heard {
  by: Candidate.Candidate
  told: Candidate.Candidate | undefined
}

const whole = (means: Means, call: CallTruth, heard: Heard): Effect.Effect<void, Failover.GivenUp> =>
  Effect.map(
    means.failover.run({
      ...options(means, heard),
      attempt: (given) => {
        const [provider, request] = asked(means, call, given)
        return provider.ask(request)
      }
    }),
    ({ answered, swap, value }) => {
      heard.by = value.by
      // The answer says it too: a swap that one of the two leaves out is a silent one.
      if (swap === undefined || heard.told !== answered) heard.told = undefined
    }
  )

const streamed = (means: Means, call: CallTruth, heard: Heard): Effect.Effect<void, Failover.GivenUp> =>
  Stream.runForEach(
    means.failover.stream({
      ...options(means, heard),
      attempt: (given) => {
        const [provider, request] = asked(means, call, given)
        return provider.stream(request)
      },
      exposure: ({ gives }: Part) => gives
    }),
    ({ by, gives }) => {
      heard.by = by
      return gives === "tool-call" ? runsTool(call) : Effect.void
    }
  )

const options = ({ agent, habits }: Means, heard: Heard): Failover.CallOptions & Failover.Timed => ({
  chain,
  totalMs: agent.callLimitMs,
  onSwap: ({ answered }) =>
    Effect.sync(() => {
      if (habits.ignoresSwaps !== true) heard.told = answered
    })
})

const asked = ({ agent, habits, world }: Means, call: CallTruth, given: Failover.Attempt): [Provider, Request] => {
  const { connection, provider } = Strategies.at(world, agent, chain.indexOf(given.candidate))
  const hasEffects = call.kind === "provider-tools" && habits.declaresAllRepeatable !== true
  const declaration = hasEffects ? "provider-tools" : "repeatable"
  return [provider, { call, connection, wants: given.connection, declaration }]
}

/** Runs the tool of a call's step, which may change the world. */
const runsTool = (call: CallTruth): Effect.Effect<void> =>
  call.turn.steps[call.step]?.hasSideEffect === true
    ? Turn.sideEffect(Effect.sync(() => call.turn.toolRan(call.step)))
    : Effect.void
