/** What the laws of policies share: who decides, and what was seen in place of what a law demands. */
import type { CallState } from "@holdfast/core/CallState"
import type { Candidate } from "@holdfast/core/Candidate"
import type { Decision } from "@holdfast/core/Decision"
import type { Failure } from "@holdfast/core/Failure"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { Situation } from "./policyWorld.ts"

/** Decides for a policy. */
export type Decider = (policy: FailoverPolicy.Policy, state: CallState, failure: Failure) => Decision

/** A policy, and who decides for it. */
export interface Subject {
  readonly policy: FailoverPolicy.Policy
  readonly decide: Decider
}

/** What breaks a law. */
export interface Finding extends Situation {
  /** What is wrong, as a clause whose subject is the policy. */
  readonly what: string
  /** What was decided; nothing where deciding threw. */
  readonly decision: Decision | undefined
}

/** Something that holds of every policy. */
export interface Holds {
  readonly name: string
  /** What it demands, and why. */
  readonly says: string
  readonly find: (subject: Subject, situation: Situation) => Finding | undefined
}

/** A law of one decision. One that throws is the matter of another law. */
export const ofDecision = (
  name: string,
  says: string,
  wrong: (policy: FailoverPolicy.Policy, situation: Situation, decision: Decision) => string | undefined
): Holds => ({
  name,
  says,
  find: (subject, situation) => {
    const decision = decided(subject, situation)
    const what = decision === undefined ? undefined : wrong(subject.policy, situation, decision)
    return what === undefined ? undefined : { ...situation, what, decision }
  }
})

/** What is decided; nothing where deciding throws. */
export const decided = ({ decide, policy }: Subject, { failure, state }: Situation): Decision | undefined => {
  try {
    return decide(policy, state, failure)
  } catch {
    return undefined
  }
}

/** What the default decides for the policy's table, rules and numbers. */
export const otherwise: Decider = (policy, state, failure) =>
  FailoverPolicy.decide({ ...policy, decide: FailoverPolicy.defaults.decide }, state, failure)

/** What the policy's own function decides, before it is held to the bounds. */
export const own: Decider = (policy, state, failure) =>
  policy.decide(policy, state, failure, () => otherwise(policy, state, failure))

/** The candidate that failed. */
export const failedIn = ({ chain, index }: CallState): Candidate => chain[index] ?? chain[0]

/** The rule of the call's moment. */
export const ruleIn = (
  { swap }: FailoverPolicy.Policy,
  { moment }: CallState
): FailoverPolicy.Policy["swap"]["start"] => (moment === "mid" ? swap.midTurn : swap.start)

/** How long a candidate is cooling down; nothing where it is not. */
export const coolsFor = ({ cooling }: CallState, place: number): number | undefined =>
  cooling?.find(({ index }) => index === place)?.forMs

/** For which reason's failures alone a candidate is there. */
export const reservedFor = ({ reserved }: CallState, place: number) =>
  reserved?.find(({ index }) => index === place)?.reason
