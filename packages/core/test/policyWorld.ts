/** A small world of candidates, failures and policies, in which arbitrary values often share something. */
import * as Declaration from "@holdfast/core/Declaration"
import * as Evidence from "@holdfast/core/Evidence"
import * as Exposure from "@holdfast/core/Exposure"
import * as Failure from "@holdfast/core/Failure"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { Candidate } from "@holdfast/core/Candidate"
import * as Reason from "@holdfast/core/Reason"
import * as SwapRule from "@holdfast/core/SwapRule"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

/** A candidate out of a few names. */
export const AnyCandidate = Schema.Struct({
  provider: Schema.Literals(["anthropic", "bedrock", "openai"]),
  model: Schema.Literals(["opus", "opus-older", "gpt"]),
  credential: Schema.optionalKey(Schema.Literals(["home", "work"])),
  endpoint: Schema.optionalKey(Schema.Literals(["a:443", "b:443"])),
  family: Schema.optionalKey(Schema.Struct({ maker: Schema.Literal("maker"), line: Schema.Literals(["opus", "gpt"]) })),
  identity: Schema.optionalKey(Schema.Literals(["opus", "gpt"]))
})

/** A chain of one to six. */
export const AnyChain = Schema.NonEmptyArray(AnyCandidate).check(Schema.isMaxLength(6))

/** How an attempt failed: everything that a verdict and a decision depend on. */
export const AnyFault = Schema.Struct({
  reason: Reason.Reason,
  evidence: Evidence.Evidence,
  exposure: Schema.Literals([...Exposure.Exposure.literals, "nothing", "nothing", "nothing", "nothing"]),
  declaration: Schema.Literals([...Declaration.Declaration.literals, "repeatable", "repeatable", "repeatable"]),
  /** The app takes an ambiguous failure as safe. */
  assumed: Schema.Boolean
})

/** A failure of that fault at a candidate. */
export const failureAt = (candidate: Candidate, { assumed, ...fault }: typeof AnyFault.Type): Failure.Failure => {
  const failure = Failure.make({ candidate, ...fault })
  return assumed && Failure.isReplayAmbiguous(failure) ? Failure.assumeSafe(failure) : failure
}

/** Whether it may be replayed, said once more and otherwise than the code under test says it. */
export const mayBeReplayed = (failure: Failure.Failure): boolean => {
  if (failure._tag === "ReplayUnsafe") return false
  return failure._tag === "ReplaySafe" || failure.declaration === "repeatable"
}

const AnyRow = Schema.Struct({
  same: Schema.Literals(["connection", "response", "capacity", "never"]),
  onward: Schema.Literals(["next", "outside-scope", "next-if-proven", "surface"])
})

/** A policy as an app could write it: the default table or one row for all reasons, schedules that end or do not. */
export const AnyPolicy = Schema.Struct({
  start: SwapRule.SwapRule,
  midTurn: SwapRule.SwapRule,
  maxAttempts: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })),
  /** Retries of each class; 9 stands for retries without end. */
  retries: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
  row: Schema.optionalKey(AnyRow)
})

/** The policy's parts that differ from the default. */
export const overridesOf = (policy: typeof AnyPolicy.Type): FailoverPolicy.Overrides => {
  const schedule = policy.retries === 9 ? Schedule.forever : Schedule.recurs(policy.retries)
  return {
    swap: { start: policy.start, midTurn: policy.midTurn },
    maxAttempts: policy.maxAttempts,
    retry: { connection: schedule, response: schedule, capacity: schedule },
    ...(policy.row === undefined ? undefined : { table: tableOf(policy.row) })
  }
}

const tableOf = (row: FailoverPolicy.Row): FailoverPolicy.Policy["table"] =>
  // fromEntries forgets the keys it was given.
  Object.fromEntries(Reason.tags.map((tag) => [tag, row])) as FailoverPolicy.Policy["table"]
