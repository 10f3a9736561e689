/**
 * That what gets worse never allows more.
 *
 * Allowed is whoever is named when all whom a policy named before have been taken away, one after the other: the places
 * where the call could be made again. `here` is the candidate that failed.
 */
import { label } from "@holdfast/core/Candidate"
import type { CallState } from "@holdfast/core/CallState"
import type { Policy } from "@holdfast/core/FailoverPolicy"
import type { Failure } from "@holdfast/core/Failure"
import type * as SwapRule from "@holdfast/core/SwapRule"
import type { Holds, Subject } from "./policyLaw.ts"
import { coolsFor, decided, failedIn } from "./policyLaw.ts"
import type { Fate, Situation } from "./policyWorld.ts"
import { failureAt } from "./policyWorld.ts"

type Allowed = ReadonlySet<number | "here">

const allowedBy = (subject: Subject, { failure, state }: Situation): Allowed => {
  const allowed = new Set<number | "here">()
  for (;;) {
    const decision = decided(subject, { state: without(state, allowed), failure })
    if (decision === undefined || decision._tag === "Surface") return allowed
    const named = "index" in decision ? decision.index : "here"
    // Who names somebody again who was taken away has nobody else to name.
    if (allowed.has(named)) return allowed
    allowed.add(named)
  }
}

/** The state in which some are taken away. */
const without = (state: CallState, named: Allowed): CallState => ({
  ...state,
  ...(named.has("here") ? { retryDelayMs: undefined, refreshable: false } : undefined),
  unsuited: [...(state.unsuited ?? []), ...[...named].filter((each) => each !== "here")]
})

/** What is compared: the same, and worse. */
interface Worse {
  readonly policy?: Policy
  readonly situation: Situation
  /** What became worse, as a clause. */
  readonly because: string
}

const noMore = (
  name: string,
  says: string,
  worsen: (policy: Policy, situation: Situation) => ReadonlyArray<Worse>
): Holds => ({
  name,
  says: `${says} Allowed is whoever is named once those named before are taken away.`,
  find: (subject, situation) => {
    let better: Allowed | undefined
    for (const { because, policy = subject.policy, situation: worse } of worsen(subject.policy, situation)) {
      const less = allowedBy({ ...subject, policy }, worse)
      if (less.size === 0) continue
      better ??= allowedBy(subject, situation)
      for (const place of less) {
        if (better.has(place)) continue
        const who = label(place === "here" ? failedIn(worse.state) : (worse.state.chain[place] ?? worse.state.chain[0]))
        const what = `allows ${who} ${because}, and does not before`
        return { ...worse, what, decision: decided({ ...subject, policy }, worse) }
      }
    }
    return undefined
  }
})

/** What may be done again, best first: proven, assumed, ambiguous, unsafe. */
const rank = (failure: Failure): number => {
  if (failure._tag === "ReplayUnsafe") return 3
  if (failure._tag === "ReplaySafe" && !failure.assumed) return 0
  return failure._tag === "ReplaySafe" || failure.declaration === "repeatable" ? 1 : 2
}

const fates = (declaration: Fate["declaration"]): ReadonlyArray<Fate> => [
  { evidence: "lost", exposure: "nothing", declaration, assumed: true },
  { evidence: "lost", exposure: "nothing", declaration, assumed: false },
  { evidence: "lost", exposure: "output", declaration, assumed: false }
]

const onEvidence = noMore(
  "allows no more on worse evidence",
  "What is assumed to be harmless may not do what a proof that nothing ran could not, and so on down to what is unsafe.",
  (_policy, { failure, state }) =>
    fates(failure.declaration)
      .map((each) => failureAt(failedIn(state), failure.reason, each))
      .filter((worse) => rank(worse) > rank(failure))
      .map((worse) => ({ because: `when the failure is a ${worse._tag}`, situation: { state, failure: worse } }))
)

const narrower: ReadonlyArray<SwapRule.SwapRule> = ["any", "same-family", "same-model", "never"]

const narrowerThan = (rule: SwapRule.SwapPolicy): ReadonlyArray<SwapRule.SwapRule> => {
  if (typeof rule === "string") return narrower.slice(narrower.indexOf(rule) + 1)
  // The same model is not asked about.
  return narrower.slice(Math.min(narrower.indexOf(rule.within ?? "any"), 1) + 1)
}

const onRule = noMore(
  "allows no more under a narrower swap rule",
  "A rule that lets fewer models answer lets no other model answer than the wider one did.",
  (policy, situation) => {
    const moment = situation.state.moment === "mid" ? "midTurn" : "start"
    return narrowerThan(policy.swap[moment]).map((rule) => ({
      because: `under the swap rule ${rule}`,
      policy: { ...policy, swap: { ...policy.swap, [moment]: rule } },
      situation
    }))
  }
)

const withState = (situation: Situation, more: Partial<CallState>): Situation => ({
  ...situation,
  state: { ...situation.state, ...more }
})

const onBudget = noMore(
  "allows no more when a budget is spent",
  "A retry budget that is spent takes candidates away and brings none.",
  (_policy, situation) => {
    const { chain, spent = [] } = situation.state
    return [...new Set(chain.map(({ provider }) => provider))].map((provider) => ({
      because: `when the budget of ${provider} is spent`,
      situation: withState(situation, { spent: [...spent, provider] })
    }))
  }
)

const onTime = noMore(
  "allows no more in less time",
  "A call that has less time left may do nothing that it could not with more; one without a deadline has what the policy waits at most.",
  (policy, situation) =>
    [50_000, 500, 100, 0]
      .filter((leftMs) => leftMs < (situation.state.leftMs ?? policy.longestRetryAfterMs))
      .map((leftMs) => ({
        because: `with ${leftMs} ms left`,
        situation: withState(situation, { leftMs })
      }))
)

const onCooling = noMore(
  "allows no more while a candidate cools down",
  "A candidate that cools down, or does so for longer, brings no other that was not allowed without it.",
  (_policy, situation) => {
    const { chain, cooling = [] } = situation.state
    return chain.flatMap((candidate, index) =>
      [500, 100_000]
        .filter((forMs) => forMs > (coolsFor(situation.state, index) ?? 0))
        .map((forMs) => ({
          because: `while ${label(candidate)} cools down for ${forMs} ms`,
          situation: withState(situation, {
            cooling: [...cooling.filter((each) => each.index !== index), { index, forMs }]
          })
        }))
    )
  }
)

/** The laws of what gets worse. */
export const whenWorse: ReadonlyArray<Holds> = [onEvidence, onRule, onBudget, onTime, onCooling]
