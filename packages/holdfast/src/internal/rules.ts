/** Policy, health and budget: what the app and the operator say of them, and what of it is in force. */
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { InvalidInput, Problem } from "@holdfast/core/InvalidInput"
import * as ProviderHealth from "@holdfast/core/ProviderHealth"
import * as RetryBudget from "@holdfast/core/RetryBudget"
import * as Equal from "effect/Equal"
import * as Result from "effect/Result"

/** What one of them says. `false`: off. */
export interface Said {
  readonly policy?: FailoverPolicy.Overrides
  readonly health?: ProviderHealth.Options | false
  readonly budget?: RetryBudget.Options | false
}

/** What both say together; absent: the defaults. */
export interface Rules {
  readonly policy: FailoverPolicy.Overrides
  readonly health: ProviderHealth.Options | false | undefined
  readonly budget: RetryBudget.Options | false | undefined
}

/** The app's own parts come before the operator's. */
export const merged = (written: Said, own: Said): Rules => ({
  policy: policyOf(written.policy ?? {}, own.policy ?? {}),
  health: numbersOf(written.health, own.health),
  budget: numbersOf(written.budget, own.budget)
})

const policyOf = (written: FailoverPolicy.Overrides, own: FailoverPolicy.Overrides): FailoverPolicy.Overrides => ({
  ...both(written, own),
  swap: both(written.swap ?? {}, own.swap),
  retry: both(written.retry ?? {}, own.retry),
  table: both(written.table ?? {}, own.table),
  chains: both(written.chains ?? {}, own.chains)
})

/** What is `undefined` says nothing; what is no object is left as it is, for the check to find. */
const both = <O extends object>(written: O, own: O | undefined): O => {
  if (own === undefined) return written
  // JavaScript may say anything.
  if (typeof own !== "object" || own === null) return own
  const said = Object.entries(own).filter(([, value]) => value !== undefined)
  return { ...written, ...(Object.fromEntries(said) as Partial<O>) }
}

const numbersOf = <O extends object>(written: O | false | undefined, own: O | false | undefined) =>
  own === undefined ? written : own === false || written === false || written === undefined ? own : both(written, own)

/** What is wrong with them. */
export const problemsOf = ({ budget, health, policy }: Rules): Array<Problem> => [
  ...problemsIn(FailoverPolicy.check(policy)),
  ...(health === false ? [] : problemsIn(ProviderHealth.check(health))),
  ...(budget === false ? [] : problemsIn(RetryBudget.check(budget)))
]

const problemsIn = (checked: Result.Result<unknown, InvalidInput>): ReadonlyArray<Problem> =>
  Result.isFailure(checked) ? checked.failure.problems : []

/**
 * What is in force. Calls follow the policy as it changes. Health and budget count what happened by the numbers that they
 * began with: others hold from the next start on.
 */
export class InForce {
  /** The policy as it is now. */
  policy: FailoverPolicy.Policy
  /** What health and budget are made from. */
  rules: Rules
  private isTaken = false

  constructor(rules: Rules) {
    this.rules = rules
    this.policy = FailoverPolicy.make(rules.policy)
  }

  take(rules: Rules): void {
    this.policy = FailoverPolicy.make(rules.policy)
    if (!this.isTaken) this.rules = rules
    this.isTaken = true
  }

  /** What of the rules would not be in force if they were taken now. */
  waiting(rules: Rules): ReadonlyArray<Problem> {
    if (!this.isTaken) return []
    return (["health", "budget"] as const).filter((part) => !Equal.equals(rules[part], this.rules[part])).map(waits)
  }
}

const waits = (place: string): Problem => ({
  kind: "InvalidOption",
  place,
  expected: "what it was when the program began, which stays in force until the next start",
  found: "something else"
})
