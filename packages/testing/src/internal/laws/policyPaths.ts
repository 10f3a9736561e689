/** What follows from decisions, one after the other: that calls end, and that they go on where they may. */
import { label } from "@holdfast/core/Candidate"
import type { CallState } from "@holdfast/core/CallState"
import type { Decision } from "@holdfast/core/Decision"
import type { Policy } from "@holdfast/core/FailoverPolicy"
import * as Failure from "@holdfast/core/Failure"
import * as SwapRule from "@holdfast/core/SwapRule"
import type { Holds } from "./policyLaw.ts"
import { decided, failedIn, reservedFor } from "./policyLaw.ts"
import type { Situation } from "./policyWorld.ts"
import { failureAt, markOf } from "./policyWorld.ts"

/** Attempts beyond which a call is held to have no end, should the policy itself name none. */
const mostAttempts = 1000

const ends: Holds = {
  name: "ends",
  says: "A call whose every attempt fails is given up after as many steps as it has attempts, and one wait for each.",
  find: (subject, situation) => {
    const { maxAttempts } = subject.policy
    const most = 2 * (maxAttempts <= mostAttempts ? Math.max(1, maxAttempts) : mostAttempts)
    let now = situation
    for (let steps = 0; steps <= most; steps++) {
      const decision = decided(subject, now)
      if (decision === undefined || decision._tag === "Surface") return undefined
      now = after(subject.policy, now, decision, situation.state.refreshable === true)
    }
    const decision = decided(subject, situation)
    return { ...situation, what: `has no end: it still goes on after ${most} decisions`, decision }
  }
}

/** Where the call stands when what was decided has been done, in no time, and has failed of the same. */
const after = (
  policy: Policy,
  { failure, state }: Situation,
  decision: Exclude<Decision, { _tag: "Surface" }>,
  refreshable: boolean
): Situation => {
  const attempts = state.attempts + 1
  switch (decision._tag) {
    case "RetryHere":
      return { state: { ...state, attempts }, failure }
    case "RefreshCredential":
      return { state: { ...state, attempts, refreshable: false }, failure }
    case "Wait": {
      const cooling = (state.cooling ?? []).filter(({ index }) => index !== decision.index)
      return { state: { ...state, cooling }, failure }
    }
    case "RotateCredential":
    case "NextCandidate": {
      const { index } = decision
      const mark = markOf(policy, state.index, failure.reason)
      const next = {
        ...state,
        ...(mark === undefined ? undefined : { failed: [...(state.failed ?? []), mark] }),
        attempts,
        index,
        refreshable,
        left: [...state.left, state.index]
      }
      return { state: next, failure: movedTo(next, failure) }
    }
  }
}

const movedTo = (state: CallState, failure: Failure.Failure): Failure.Failure => {
  const { declaration, evidence, exposure, reason } = failure
  const moved = Failure.make({ reason, evidence, exposure, declaration, candidate: failedIn(state) })
  return failure.assumed && Failure.isReplayAmbiguous(moved) ? Failure.assumeSafe(moved) : moved
}

const goesOn: Holds = {
  name: "goes on where it may",
  says: "At the start of a turn, what is proven not to have run at one endpoint goes on to an untouched candidate elsewhere, where table and swap rule allow it.",
  find: (subject, { failure, state }) => {
    const calm = calmed(state)
    const { policy } = subject
    const failed = failedIn(state)
    const { reason } = failure
    const isElsewhere = calm.chain.some(
      (candidate, index) =>
        index !== calm.index &&
        candidate.provider !== failed.provider &&
        (candidate.endpoint === undefined || candidate.endpoint !== failed.endpoint) &&
        reservedFor(calm, index) === undefined &&
        SwapRule.meets(policy.swap.start, calm.from, candidate) !== "no"
    )
    const isAllowed = reason.scope === "endpoint" && policy.table[reason._tag].onward !== "surface"
    if (!isElsewhere || !isAllowed || !(calm.attempts < policy.maxAttempts)) return undefined
    const refused = failureAt(failed, reason, {
      evidence: "unsent",
      exposure: "nothing",
      declaration: "unknown",
      assumed: false
    })
    const situation = { state: calm, failure: refused }
    const decision = decided(subject, situation)
    if (decision === undefined || decision._tag !== "Surface") return undefined
    return { ...situation, what: `gives up, though ${label(failed)} alone has failed`, decision }
  }
}

/** The call at its first failure, with nothing held against anybody. */
const calmed = ({ chain, from, index }: CallState): CallState => ({
  chain,
  index,
  left: [],
  attempts: 1,
  retryDelayMs: undefined,
  moment: "start",
  from
})

/** The laws of what follows. */
export const ofPaths: ReadonlyArray<Holds> = [ends, goesOn]
