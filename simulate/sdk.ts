/**
 * Agents on vendors' SDKs with their retries as they come, and a fallback to the next provider behind them. A turn that
 * fails is run again by the queue it came from, once.
 */
import type * as Failure from "@holdfast/core/Failure"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { chain } from "./chain.ts"
import type { Provider, Reply, Request } from "./provider.ts"
import type { Strategy } from "./strategy.ts"
import * as Strategies from "./strategy.ts"
import type { CallTruth, TurnTruth } from "./truth.ts"
import type { Agent, World } from "./world.ts"

// The OpenAI and Anthropic SDKs: two retries on connection errors, 408, 409, 429 and from 500, after 0.5 to 8 s.
const retries = 2
const firstPauseMs = 500
const longestPauseMs = 8000
/** A Retry-After beyond a minute is not heeded. */
const longestRetryAfterMs = 60_000
const rerunAfterMs = 60_000

/** The agents' way. */
export const strategy: Strategy = Effect.fnUntraced(function* (world, agent, turn) {
  if (yield* once(world, agent, turn)) return true
  world.tally.reruns++
  yield* Effect.sleep(rerunAfterMs)
  return yield* once(world, agent, turn)
})

const once = Effect.fnUntraced(function* (world: World, agent: Agent, turn: TurnTruth) {
  for (const [number, step] of turn.steps.entries()) {
    if (!(yield* call(world, agent, turn, number))) return false
    if (step.kind !== "streamed" && step.hasSideEffect) turn.toolRan(number)
    if (step.toolMs > 0) yield* Effect.sleep(step.toolMs)
  }
  return true
})

/** A call along the chain. */
const call = Effect.fnUntraced(function* (world: World, agent: Agent, turn: TurnTruth, number: number) {
  const { clock, tally } = world
  const made = Strategies.callOf(world, turn, number)
  let why = "none"
  for (const place of chain.keys()) {
    const outcome = yield* Effect.result(atProvider(world, agent, made, place))
    if (outcome._tag === "Success") {
      tally.answered(made, clock.currentTimeMillisUnsafe(), outcome.success.by, undefined)
      return true
    }
    why = outcome.failure.reason._tag
  }
  tally.failed(made, clock.currentTimeMillisUnsafe(), why)
  return false
})

/** One provider's SDK. */
const atProvider = Effect.fnUntraced(function* (world: World, agent: Agent, made: CallTruth, place: number) {
  const { connection, provider } = Strategies.at(world, agent, place)
  const request = { call: made, connection, wants: "any", declaration: "unknown" } as const
  for (let retry = 0; ; retry++) {
    const outcome = yield* Effect.result(made.kind === "streamed" ? streamed(provider, request) : provider.ask(request))
    if (outcome._tag === "Success" || retry === retries || !isRetried(outcome.failure))
      return yield* Effect.fromResult(outcome)
    yield* Effect.sleep(pauseOf(agent, retry, outcome.failure))
  }
})

/** Reads a stream as it comes, and runs the tool as soon as it is called. */
const streamed = (provider: Provider, request: Request): Effect.Effect<Reply, Failure.Failure> => {
  const { step, turn } = request.call
  return Stream.runFold(
    provider.stream(request),
    (): Reply => ({ by: chain[0] }),
    (_, { by, gives }) => {
      if (gives === "tool-call" && turn.steps[step]?.hasSideEffect === true) turn.toolRan(step)
      return { by }
    }
  )
}

/** Connection errors and these statuses; not what breaks while the answer is read. */
const isRetried = ({ evidence }: Failure.Failure): boolean => {
  const { status } = evidence
  return status === undefined || status === 408 || status === 409 || status === 429 || status >= 500
}

const pauseOf = ({ dice }: Agent, retry: number, { reason }: Failure.Failure): number => {
  const asked = reason._tag === "RateLimited" ? (reason.retryAfterMs ?? 0) : 0
  if (asked > 0 && asked <= longestRetryAfterMs) return asked
  return Math.ceil(Math.min(longestPauseMs, firstPauseMs * 2 ** retry) * dice.between(0.75, 1))
}
