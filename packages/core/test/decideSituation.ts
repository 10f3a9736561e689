/** A call in a chain of four, for tests of single decisions. */
import type { Decision, Skipped } from "@holdfast/core/Decision"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import { gemini, gpt, opus, opusAtHome, overloaded } from "./fixtures.ts"

/** Opus, Opus with another credential, GPT, Gemini. */
export const chain = [opus, opusAtHome, gpt, gemini] as const

/** A call of which the first attempt, at the first candidate, has failed; its schedule has ended. */
export const stateWith = (more: Partial<FailoverPolicy.State> = {}): FailoverPolicy.State => ({
  chain,
  index: 0,
  left: [],
  attempts: 1,
  retryDelayMs: undefined,
  moment: "start",
  from: opus,
  ...more
})

/** Decides under the default policy with parts of it replaced. */
export const decideWith = (
  state: Partial<FailoverPolicy.State>,
  failure = overloaded(),
  overrides: FailoverPolicy.Overrides = {}
): Decision => FailoverPolicy.decide(FailoverPolicy.make(overrides), stateWith(state), failure)

/** The reason and place of all that were passed over. */
export const passedOver = (decision: Decision): ReadonlyArray<readonly [number, Skipped["why"]]> =>
  "skipped" in decision
    ? decision.skipped.map(({ candidate, why }) => [chain.findIndex((each) => each === candidate), why] as const)
    : []

/** A decision in short: what, whom, when. */
export const short = (decision: Decision): string => {
  switch (decision._tag) {
    case "Surface":
      return decision.why
    case "RefreshCredential":
      return "refresh"
    case "RetryHere":
      return `again after ${decision.delayMs}`
    case "Wait":
      return `${decision.index} after ${decision.delayMs}`
    case "RotateCredential":
      return `rotate to ${decision.index}`
    case "NextCandidate":
      return `${decision.index}`
  }
}
