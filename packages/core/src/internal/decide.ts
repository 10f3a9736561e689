/** The decision itself: pure and total over policy, state and failure. */
import type { CallState } from "../CallState.ts"
import type * as Candidate from "../Candidate.ts"
import type { Decision, Onward, Skipped, Why } from "../Decision.ts"
import type { Policy, Row } from "../FailoverPolicy.ts"
import type { Failure } from "../Failure.ts"
import type * as Reason from "../Reason.ts"
import * as SwapRule from "../SwapRule.ts"
import * as TimeLimits from "../TimeLimits.ts"
import * as Verdict from "../Verdict.ts"
import type { Shared } from "./shares.ts"
import { shares } from "./shares.ts"

/** On what ground a call is replayed. */
type Ground = "proven" | "assumed"

/** What follows a failed attempt. */
export const decide = (policy: Policy, state: CallState, failure: Failure): Decision => {
  const ground = groundOf(failure)
  const never = whyNever(policy, state, failure, ground)
  if (never !== undefined || ground === "no") return surface(never ?? "unsafe")
  const row = policy.table[failure.reason._tag]
  const here = retryHere(row, state, ground)
  if (here._tag !== "Kept") return here
  const named = laneOf(state, failure.reason._tag)
  // In the middle of a chain that is named for one reason, failures of others surface as ever.
  if (row.onward === "surface" && named !== failure.reason._tag) return surface(here.why ?? "reason-surfaces")
  if (row.onward === "next-if-proven" && ground !== "proven") return surface("ambiguous")
  const onward = goOn(policy, state, {
    isBeginning: false,
    // A connection that failed says something about its endpoint, though not enough to rule it out.
    elsewhereFirst: row.same === "connection",
    shared: row.onward === "outside-scope" ? whatFailed(failure) : undefined,
    ground,
    lane: named
  })
  // Who was denied is told of it, whatever else kept the call from asking the same candidate again.
  return onward._tag === "Surface" && onward.why !== "swap-denied" && here.why !== undefined
    ? { ...onward, why: here.why }
    : onward
}

/**
 * Where a call begins whose candidates are not all to be asked now: at the first that may be, or when one may be. Nothing
 * was sent, so that every candidate is open as far as the swap rule goes.
 */
export const begin = (policy: Policy, state: CallState): Decision => {
  const isCooling = state.cooling?.some(({ index }) => index === state.index) === true
  const candidate = candidateAt(state, state.index)
  if (!isCooling)
    return { _tag: "NextCandidate", index: state.index, candidate, ground: "proven", asks: false, skipped: [] }
  return goOn(policy, state, {
    isBeginning: true,
    elsewhereFirst: false,
    shared: undefined,
    ground: "proven",
    // Where a candidate that is named for a reason has answered so far in the turn, the call begins among those.
    lane: reservedFor(state, state.index)
  })
}

/**
 * A decision that is not the default's own, held to what no policy may do: replay what must not be, send beyond the
 * bounds of the call, or leave the chain.
 *
 * Whom it asks within these is its own to say, also one who shares what failed, now or earlier in the call. That he is not
 * worth trying is the table's word; it may be in vain to try him, and does nothing twice.
 */
export const within = (policy: Policy, state: CallState, failure: Failure, decision: Decision): Decision => {
  if (decision._tag === "Surface") return decision
  const ground = groundOf(failure)
  const never = whyNever(policy, state, failure, ground)
  if (never !== undefined || ground === "no") return surface(never ?? "unsafe")
  const delayMs = "delayMs" in decision ? decision.delayMs : 0
  if (!(delayMs >= 0 && delayMs < (state.leftMs ?? Number.POSITIVE_INFINITY))) return surface("deadline")
  if (!("index" in decision)) {
    if (decision._tag === "RefreshCredential" && state.refreshable !== true) return surface("chain-exhausted")
    return isSpent(state, candidateAt(state, state.index)) ? surface("budget-spent") : { ...decision, ground }
  }
  const candidate = state.chain[decision.index]
  // Whoever names these names them again when asked again, and the call would not end.
  if (candidate === undefined || isGone(state, failure, decision.index)) {
    return surface("chain-exhausted", decision.skipped)
  }
  if (decision._tag !== "Wait" && state.cooling?.some(({ index }) => index === decision.index) === true) {
    return surface("cooling-down", decision.skipped)
  }
  if (isSpent(state, candidate)) return surface("budget-spent", decision.skipped)
  const met = SwapRule.meets(ruleOf(policy, state), state.from, candidate)
  if (met === "no" || state.denied?.includes(decision.index) === true) return surface("swap-denied", decision.skipped)
  return { ...decision, candidate, ground, asks: met === "ask" }
}

/** Whether a candidate is nobody to go on with: it failed, was left, does not suit, or is there for another reason. */
const isGone = (state: CallState, failure: Failure, index: number): boolean => {
  if (index === state.index || state.left.includes(index) || state.unsuited?.includes(index) === true) return true
  const reason = reservedFor(state, index)
  return reason !== undefined && reason !== failure.reason._tag && reason !== reservedFor(state, state.index)
}

const ruleOf = ({ swap }: Policy, { moment }: CallState): SwapRule.SwapPolicy =>
  moment === "mid" ? swap.midTurn : swap.start

/** What the app assumed is not proven, though its failure is of the class that may be replayed. */
const groundOf = (failure: Failure): Ground | "no" =>
  failure.assumed && failure.verdict === "Safe" ? "assumed" : Verdict.mayReplay(failure.verdict, failure.declaration)

/** Why nothing may be sent any more, whoever would decide it. */
const whyNever = (policy: Policy, state: CallState, failure: Failure, ground: Ground | "no"): Why | undefined => {
  if (ground === "no") return failure.verdict === "Unsafe" ? "unsafe" : "ambiguous"
  if (!turnAllows(state, failure, ground)) return "turn-invalid"
  if (!(state.attempts < policy.maxAttempts)) return "attempts-spent"
  return state.leftMs !== undefined && !(state.leftMs > 0) ? "deadline" : undefined
}

const surface = (why: Why, skipped: ReadonlyArray<Skipped> = []): Decision => ({ _tag: "Surface", why, skipped })

/**
 * A call in a turn that was given up is nobody's any more. Where an attempt is a whole turn in somebody else's harness, a
 * replay runs the turn again; and of a limit that was reached there, only an attempt that never began is known to have
 * done nothing.
 */
const turnAllows = ({ replays, turn }: CallState, { reason }: Failure, ground: Ground): boolean => {
  if (turn === "abandoned") return false
  if (replays !== "turn") return true
  return turn === "allowed" && (ground === "proven" || !TimeLimits.isLimit(reason))
}

/** Why the candidate is left, where something else than its row says so. */
interface Kept {
  readonly _tag: "Kept"
  readonly why: Why | undefined
}

const retryHere = (row: Row, state: CallState, ground: Ground): Decision | Kept => {
  const { leftMs, retryDelayMs } = state
  const wants = row.same === "refresh" ? state.refreshable === true : row.same !== "never" && retryDelayMs !== undefined
  if (!wants) return { _tag: "Kept", why: undefined }
  if (isSpent(state, candidateAt(state, state.index))) return { _tag: "Kept", why: "budget-spent" }
  if (row.same === "refresh") return { _tag: "RefreshCredential", ground }
  const delayMs = retryDelayMs ?? 0
  if (leftMs !== undefined && !(delayMs < leftMs)) return { _tag: "Kept", why: "deadline" }
  return { _tag: "RetryHere", delayMs, fresh: row.same === "connection", ground }
}

const isSpent = ({ spent }: CallState, { provider }: Candidate.Candidate): boolean => spent?.includes(provider) === true

/** For which reason's candidates the call goes on: that of the candidate that failed, else the failure's own if it names any. */
const laneOf = (state: CallState, tag: Reason.Tag): Reason.Tag | undefined =>
  reservedFor(state, state.index) ?? state.reserved?.find(({ reason }) => reason === tag)?.reason

const reservedFor = ({ reserved }: CallState, at: number): Reason.Tag | undefined =>
  reserved?.find(({ index }) => index === at)?.reason

interface Looking {
  /** Nothing has been sent, so that the candidate where the call stands is as good as any. */
  readonly isBeginning: boolean
  /** Whoever does not share the endpoint comes first. */
  readonly elsewhereFirst: boolean
  /** What failed, where whoever shares it is not worth trying. */
  readonly shared: Shared | undefined
  readonly ground: Ground
  readonly lane: Reason.Tag | undefined
}

interface Open {
  readonly index: number
  readonly candidate: Candidate.Candidate
  readonly asks: boolean
}

interface Cooling extends Open {
  readonly forMs: number
}

const goOn = (policy: Policy, state: CallState, looking: Looking): Decision => {
  const { cooling, open, skipped } = lookAlong(policy, state, looking)
  const { ground, isBeginning } = looking
  const here = candidateAt(state, state.index)
  const elsewhere = looking.elsewhereFirst
    ? open.find(({ candidate }) => !shares({ scope: "endpoint" }, here, candidate))
    : undefined
  const chosen = elsewhere ?? open[0]
  if (chosen !== undefined) return onward(here, !isBeginning, { ...chosen, ground, skipped })
  const soonest = cooling.toSorted((a, b) => a.forMs - b.forMs)[0]
  if (soonest === undefined) return surface(whyNobody(skipped), skipped)
  const { forMs, ...rest } = soonest
  return mayWait(policy, forMs, state.leftMs)
    ? { _tag: "Wait", delayMs: forMs, ...rest, ground, skipped }
    : surface("cooling-down", skipped)
}

/** Whether a cooldown may be waited for: as far as the call's deadline goes, else as the policy has it, which 0 forbids. */
export const mayWait = ({ longestRetryAfterMs }: Policy, forMs: number, leftMs: number | undefined): boolean =>
  leftMs === undefined ? forMs <= longestRetryAfterMs : longestRetryAfterMs > 0 && forMs < leftMs

const onward = (
  failed: Candidate.Candidate,
  hasFailed: boolean,
  to: Omit<Extract<Onward, { _tag: "NextCandidate" }>, "_tag">
): Decision => {
  const isRotation = hasFailed && failed.provider === to.candidate.provider && failed.model === to.candidate.model
  return {
    _tag: isRotation && failed.credential !== to.candidate.credential ? "RotateCredential" : "NextCandidate",
    ...to
  }
}

/** Why nobody is left, by what would have had to be otherwise. */
const whyNobody = (skipped: ReadonlyArray<Skipped>): Why => {
  const has = (why: Skipped["why"]) => skipped.some((each) => each.why === why)
  if (has("swap-denied")) return "swap-denied"
  return has("budget-spent") ? "budget-spent" : "chain-exhausted"
}

/** Who may be asked next, in the order of the chain; who may be later; and who may not, and why. */
const lookAlong = (
  policy: Policy,
  state: CallState,
  looking: Looking
): {
  readonly open: ReadonlyArray<Open>
  readonly cooling: ReadonlyArray<Cooling>
  readonly skipped: ReadonlyArray<Skipped>
} => {
  const open: Array<Open> = []
  const cooling: Array<Cooling> = []
  const skipped: Array<Skipped> = []
  const rule = ruleOf(policy, state)
  for (const [index, candidate] of state.chain.entries()) {
    if ((index === state.index && !looking.isBeginning) || state.left.includes(index)) continue
    const why = whyNot(rule, state, looking, index)
    const forMs = state.cooling?.find((each) => each.index === index)?.forMs
    const asks = SwapRule.meets(rule, state.from, candidate) === "ask"
    if (why !== undefined) skipped.push({ candidate, why })
    else if (forMs === undefined) open.push({ index, candidate, asks })
    else {
      skipped.push({ candidate, why: "cooling-down", forMs })
      cooling.push({ index, candidate, asks, forMs })
    }
  }
  return { open, cooling, skipped }
}

const whyNot = (
  rule: SwapRule.SwapPolicy,
  state: CallState,
  { lane, shared }: Looking,
  index: number
): Skipped["why"] | undefined => {
  const candidate = candidateAt(state, index)
  if (reservedFor(state, index) !== lane) return "other-reason"
  // Who is named for a reason is named because of what failed: the call leaves the lane of the candidate for theirs.
  const isNamed = reservedFor(state, state.index) !== lane
  if (shared !== undefined && !isNamed && shares(shared, candidateAt(state, state.index), candidate))
    return "same-scope"
  if (hasFailedIn(state, index)) return "same-scope"
  if (state.unsuited?.includes(index) === true) return "unsuited"
  if (isSpent(state, candidate)) return "budget-spent"
  // After what no word of the app's would change: only the rule kept the call from whom it denies.
  const isDenied = SwapRule.meets(rule, state.from, candidate) === "no" || state.denied?.includes(index) === true
  return isDenied ? "swap-denied" : undefined
}

/** What failed, where the policy says that whoever shares it is not worth trying. */
export const sharedBy = ({ table }: Policy, failure: Failure): Shared | undefined =>
  table[failure.reason._tag].onward === "outside-scope" && failure.reason.scope !== "request"
    ? whatFailed(failure)
    : undefined

const whatFailed = ({ reason }: Failure): Shared => ({ scope: reason.scope, reason: reason._tag })

/** Whether a candidate shares what failed at another that was left, and is not named because of that. */
const hasFailedIn = (state: CallState, index: number): boolean => {
  const { failed } = state
  if (failed === undefined) return false
  const name = reservedFor(state, index)
  return failed.some((mark) => {
    const isNamedFor = name !== undefined && mark.reason === name && reservedFor(state, mark.index) !== name
    return !isNamedFor && shares(mark, candidateAt(state, mark.index), candidateAt(state, index))
  })
}

const candidateAt = ({ chain }: CallState, index: number): Candidate.Candidate => chain[index] ?? chain[0]
