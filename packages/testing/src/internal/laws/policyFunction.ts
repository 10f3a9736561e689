/** That a policy is a function: it has a decision for everything, the same for the same, and takes nothing for itself. */
import { CallState } from "@holdfast/core/CallState"
import { Decision } from "@holdfast/core/Decision"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Finding, Holds } from "./policyLaw.ts"
import { decided, own } from "./policyLaw.ts"
import { brokenBy } from "./policyBounds.ts"
import type { Situation } from "./policyWorld.ts"

const encodeState = Schema.encodeSync(CallState)
const decodeState = Schema.decodeUnknownSync(CallState)
const encodeDecision = Schema.encodeSync(Decision)
const decodeDecision = Schema.decodeUnknownSync(Decision)

const json = (value: unknown): string => JSON.stringify(value)

const total: Holds = {
  name: "decides on every failure",
  says: "There is a decision for every state and failure, which its schema knows and JSON keeps.",
  find: ({ decide, policy }, situation) => {
    try {
      const decision = decide(policy, situation.state, situation.failure)
      // Where it throws, the default decides; a policy's own function learns of it here.
      policy.decide(policy, situation.state, situation.failure, () => decision)
      return isKept(decision) ? undefined : { ...situation, what: "decides what is no decision", decision }
    } catch (error) {
      const thrown = Predicate.isError(error) ? error.message : String(error)
      return { ...situation, what: `throws: ${thrown}`, decision: undefined }
    }
  }
}

const isKept = (decision: Decision): boolean => {
  try {
    const encoded = json(encodeDecision(decision))
    return encoded === json(encodeDecision(decodeDecision(JSON.parse(encoded))))
  } catch {
    return false
  }
}

const pure: Holds = {
  name: "decides the same for the same",
  says: "Asked twice, or with the state written down and read back, it decides the same; and it changes nothing it is given.",
  find: (subject, situation) => {
    const before = json(encodeState(situation.state))
    const decision = decided(subject, situation)
    if (decision === undefined) return undefined
    if (json(encodeState(situation.state)) !== before) return { ...situation, what: "changes the state", decision }
    const isSame = (other: Situation) => json(decided(subject, other)) === json(decision)
    if (!isSame(situation)) return { ...situation, what: "decides otherwise when it is asked again", decision }
    const readBack = { ...situation, state: decodeState(JSON.parse(before)) }
    return isSame(readBack)
      ? undefined
      : { ...situation, what: "decides otherwise on the state as it is written down", decision }
  }
}

/** Whether what the policy's own function says had to be put right. */
const unaided: Holds = {
  name: "keeps the bounds by itself",
  says: "What the policy's own function decides needs no correction: whatever it may not do is surfaced in its place.",
  find: (subject, situation): Finding | undefined => {
    const raw = decided({ ...subject, decide: own }, situation)
    const held = decided(subject, situation)
    if (raw === undefined || held === undefined || json(raw) === json(held)) return undefined
    const what = brokenBy(subject.policy, situation, raw) ?? "decides what is not taken as it is"
    return { ...situation, what: `by itself, ${what}; that became ${shortly(held)}`, decision: raw }
  }
}

const shortly = (decision: Decision): string => (decision._tag === "Surface" ? decision.why : decision._tag)

/** The laws of a function; first the one that finds a state changed, before others look at it. */
export const ofFunction: ReadonlyArray<Holds> = [pure, total]

/** That nobody needs to put the policy right. */
export const byItself: ReadonlyArray<Holds> = [unaided]
