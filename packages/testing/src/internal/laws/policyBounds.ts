/** What one decision keeps to. */
import { label } from "@holdfast/core/Candidate"
import type { Decision, Onward, Why } from "@holdfast/core/Decision"
import type { Policy } from "@holdfast/core/FailoverPolicy"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { Failure } from "@holdfast/core/Failure"
import * as SwapRule from "@holdfast/core/SwapRule"
import { isLimit } from "@holdfast/core/TimeLimits"
import type { Holds } from "./policyLaw.ts"
import { coolsFor, decided, failedIn, ofDecision, own, reservedFor, ruleIn } from "./policyLaw.ts"
import type { Situation } from "./policyWorld.ts"

const isOnward = (decision: Decision): decision is Onward => "index" in decision

/** On what ground the call may be made again; nothing where it may not. */
const groundOf = (failure: Failure): "proven" | "assumed" | undefined => {
  if (failure._tag === "ReplaySafe") return failure.assumed ? "assumed" : "proven"
  return failure._tag === "ReplayAmbiguous" && failure.declaration === "repeatable" ? "assumed" : undefined
}

/** Why the turn forbids what the verdict would allow. */
const turnForbids = ({ failure, state }: Situation): string | undefined => {
  if (state.turn === "abandoned") return "the turn was abandoned"
  if (state.replays !== "turn") return undefined
  if (state.turn !== "allowed") return "a replay would run the turn again, which is not known to be allowed"
  return isLimit(failure.reason) && groundOf(failure) !== "proven"
    ? "a replay would run the turn again, and what it had done when the limit was reached is not known"
    : undefined
}

const replays = ofDecision(
  "replays only what may be replayed",
  "Nothing is sent again unless the verdict and the declaration allow it, on the ground that is so, and the turn does.",
  (_policy, situation, decision) => {
    if (decision._tag === "Surface") return undefined
    const { failure } = situation
    const ground = groundOf(failure)
    if (ground === undefined) return `replays what is ${failure.verdict} and declared ${failure.declaration}`
    if (decision.ground !== ground) return `says that the replay is ${decision.ground}, which is ${ground}`
    const forbids = turnForbids(situation)
    return forbids === undefined ? undefined : `goes on though ${forbids}`
  }
)

const swaps = ofDecision(
  "stays within the swap rule",
  "Whoever is asked next may stand in for whom the swap is counted from, is not denied by the app, and is asked about where the rule asks.",
  (policy, { state }, decision) => {
    if (!isOnward(decision)) return undefined
    const { asks, index } = decision
    const candidate = state.chain[index]
    if (candidate === undefined || candidate !== decision.candidate)
      return `names nobody in the chain at place ${index}`
    if (state.denied?.includes(index) === true) return `goes on with ${label(candidate)}, which the app said no to`
    const met = SwapRule.meets(ruleIn(policy, state), state.from, candidate)
    if (met === "no") return `goes on with ${label(candidate)}, which the swap rule does not allow`
    if (asks === (met === "ask")) return undefined
    return asks ? "asks the app about a swap that needs no word" : "does not ask the app where the rule asks"
  }
)

const opens = ofDecision(
  "goes on only with who is open",
  "Nobody is asked next who has failed, was left, does not suit, is there for another reason, or cools down; who cools down is waited for.",
  (_policy, { failure, state }, decision) => {
    if (!isOnward(decision)) return undefined
    const { index } = decision
    if (index === state.index) return "goes on with the candidate that failed"
    if (state.left.includes(index)) return "goes on with a candidate that was left"
    if (state.unsuited?.includes(index) === true) return "goes on with a candidate that the call cannot be put to"
    const reason = reservedFor(state, index)
    if (reason !== undefined && reason !== failure.reason._tag && reason !== reservedFor(state, state.index)) {
      return `goes on with a candidate that is there for ${reason} alone`
    }
    return coolsFor(state, index) !== undefined && decision._tag !== "Wait"
      ? "goes on at once with a candidate that cools down"
      : undefined
  }
)

const bounds = ofDecision(
  "keeps to attempts, time and budget",
  "Nothing is sent when the attempts, the time or the provider's retry budget are spent; no wait outlasts the call.",
  ({ maxAttempts }, { state }, decision) => {
    if (decision._tag === "Surface") return undefined
    const { attempts, leftMs } = state
    if (!(attempts < maxAttempts)) return `goes on after ${attempts} of ${maxAttempts} attempts`
    if (leftMs !== undefined && !(leftMs > 0)) return "goes on when the call's time is up"
    const delayMs = "delayMs" in decision ? decision.delayMs : 0
    if (!(delayMs >= 0 && delayMs < Number.POSITIVE_INFINITY)) return `waits for ${delayMs} ms`
    if (leftMs !== undefined && delayMs >= leftMs) return `waits ${delayMs} ms of ${leftMs} that are left`
    const { provider } = (isOnward(decision) ? state.chain[decision.index] : undefined) ?? failedIn(state)
    if (state.spent?.includes(provider) === true) return `asks ${provider} again, whose retry budget is spent`
    return decision._tag === "RefreshCredential" && state.refreshable !== true
      ? "renews a credential that cannot be renewed, or has been"
      : undefined
  }
)

/** The laws that a decision is held to whoever decides. */
export const hard: ReadonlyArray<Holds> = [replays, swaps, opens, bounds]

/** The first of them that a decision breaks. */
export const brokenBy = (policy: Policy, situation: Situation, decision: Decision): string | undefined => {
  for (const law of hard) {
    const found = law.find({ policy, decide: () => decision }, situation)
    if (found !== undefined) return found.what
  }
  return undefined
}

const says = ofDecision(
  "gives up for what is so",
  "Why a failure is given to the app is true of the failure and of the call.",
  (policy, situation, decision) =>
    decision._tag !== "Surface" || isFounded(decision.why, policy, situation, decision)
      ? undefined
      : `gives up as ${decision.why}, which is not so`
)

/** A law of what is said when a call is given up. What was put in place of the policy's own word is not its own. */
export const founded: Holds = {
  ...says,
  find: (subject, situation) => {
    const isOwn =
      subject.decide !== FailoverPolicy.decide || decided({ ...subject, decide: own }, situation)?._tag === "Surface"
    return isOwn ? says.find(subject, situation) : undefined
  }
}

const isFounded = (
  why: Why,
  policy: Policy,
  situation: Situation,
  { skipped }: Extract<Decision, { _tag: "Surface" }>
): boolean => {
  const { failure, state } = situation
  const { leftMs } = state
  const others = state.chain.flatMap((candidate, index) =>
    index === state.index || state.left.includes(index) ? [] : [{ candidate, index }]
  )
  switch (why) {
    case "unsafe":
      return failure.verdict === "Unsafe"
    case "ambiguous":
      return groundOf(failure) !== "proven" && failure.verdict !== "Unsafe"
    case "turn-invalid":
      return turnForbids(situation) !== undefined
    case "attempts-spent":
      return !(state.attempts < policy.maxAttempts)
    case "deadline":
      return leftMs !== undefined && (leftMs <= 0 || (state.retryDelayMs ?? 0) >= leftMs)
    case "swap-denied":
      return others.some(
        ({ candidate, index }) =>
          state.denied?.includes(index) === true ||
          SwapRule.meets(ruleIn(policy, state), state.from, candidate) === "no"
      )
    case "budget-spent":
      return state.spent !== undefined && state.spent.length > 0
    case "cooling-down":
      return others.some(({ index }) => coolsFor(state, index) !== undefined)
    case "chain-exhausted":
      // Whoever is still there was passed over, and it is said why.
      return others.every(({ candidate }) => skipped.some((each) => each.candidate === candidate))
    case "reason-surfaces":
      return true
  }
}
