/** Parts of a policy, as an operator writes them. */
import { NamedReason } from "@holdfast/core/CallState"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type * as Hedging from "@holdfast/core/Hedge"
import * as Holding from "@holdfast/core/Hold"
import * as Reason from "@holdfast/core/Reason"
import { SwapRule } from "@holdfast/core/SwapRule"
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Text, Time, TimeOrNone } from "./fields.ts"

const Times = Schema.Int.annotate({ expected: "a whole number from 0" }).check(
  Schema.isGreaterThanOrEqualTo(0, { expected: "a whole number from 0" }),
  Schema.isLessThanOrEqualTo(1000, { expected: "a whole number up to 1000" })
)

/** How often and when the same candidate is asked again. */
const Retry = Schema.Struct({
  times: Times,
  delay: Schema.optionalKey(TimeOrNone),
  factor: Schema.optionalKey(
    Schema.Finite.check(
      Schema.isGreaterThanOrEqualTo(1, { expected: "a number from 1" }),
      Schema.isLessThanOrEqualTo(100, { expected: "a number up to 100" })
    )
  ),
  longestDelay: Schema.optionalKey(Time),
  within: Schema.optionalKey(Time),
  jitter: Schema.optionalKey(Schema.Boolean)
})

const RetryOrNot = Schema.Union([Schema.Literal(false), Retry]).annotate({
  expected: 'false, or an object such as { times: 3, delay: "1 second" }'
})

const Row = Schema.Struct({
  same: Schema.Literals(["reach", "connection", "response", "capacity", "refresh", "never"]),
  onward: Schema.Literals(["next", "outside-scope", "next-if-proven", "surface"])
})

const Names = Schema.optionalKey(Schema.Array(Text))

const upTo = (most: number) => {
  const expected = `a whole number from 1 to ${most}`
  return Schema.Int.annotate({ expected }).check(Schema.isBetween({ minimum: 1, maximum: most }, { expected }))
}

const Amount = Schema.Struct({
  parts: Schema.optionalKey(upTo(Holding.longestParts)),
  bytes: Schema.optionalKey(upTo(Holding.longestBytes))
}).check(Schema.makeFilter(({ bytes, parts }) => (bytes === undefined) !== (parts === undefined)))

const Hold = Schema.Union([Schema.Literals(["first-content", "tool-call", "whole"]), Amount]).annotate({
  expected: '"first-content", "tool-call", "whole", or one of { parts: 20 } and { bytes: 4096 }'
})

const After = Schema.declare(
  (u): u is Hedging.Hedge["after"] =>
    u === "p95" || (Schema.is(Time)(u) && Duration.isFinite(Duration.fromInputUnsafe(u))),
  { expected: 'a duration above zero with its unit, such as "2 seconds", or "p95"' }
)

/** Parts of a policy. */
export const Policy = Schema.Struct({
  swap: Schema.optionalKey(
    Schema.Struct({ start: Schema.optionalKey(SwapRule), midTurn: Schema.optionalKey(SwapRule) })
  ),
  maxAttempts: Schema.optionalKey(
    Schema.Int.annotate({ expected: "a whole number from 1" }).check(
      Schema.isGreaterThanOrEqualTo(1, { expected: "a whole number from 1" })
    )
  ),
  retry: Schema.optionalKey(
    Schema.Struct({
      reach: Schema.optionalKey(RetryOrNot),
      connection: Schema.optionalKey(RetryOrNot),
      response: Schema.optionalKey(RetryOrNot),
      capacity: Schema.optionalKey(RetryOrNot)
    })
  ),
  longestRetryAfter: Schema.optionalKey(
    Schema.declare(
      (u): u is Duration.Input =>
        Schema.is(TimeOrNone)(u) && Duration.toMillis(Duration.fromInputUnsafe(u)) <= 86_400_000,
      { expected: 'a duration up to a day, such as "1 minute"' }
    )
  ),
  reasons: Schema.optionalKey(
    Schema.Struct(
      Object.fromEntries(Reason.tags.map((tag) => [tag, Schema.optionalKey(Row)])) as {
        // `fromEntries` forgets which keys there were.
        readonly [T in Reason.Tag]: Schema.optionalKey<typeof Row>
      }
    )
  ),
  chains: Schema.optionalKey(
    Schema.Struct(
      Object.fromEntries(NamedReason.literals.map((tag) => [tag, Names])) as {
        readonly [T in NamedReason]: typeof Names
      }
    )
  ),
  hold: Schema.optionalKey(Hold),
  hedge: Schema.optionalKey(Schema.Struct({ after: After })),
  rotation: Schema.optionalKey(Schema.Literals(["in-order", "least-recently-used"]))
})

/** The parts in the shape that a policy is made from. */
export const policyOf = ({ hold, longestRetryAfter, reasons, retry, ...same }: typeof Policy.Type) =>
  ({
    ...same,
    ...(hold === undefined ? undefined : { hold: holdOf(hold) }),
    ...(retry === undefined ? undefined : { retry: schedulesOf(retry) }),
    ...(longestRetryAfter === undefined
      ? undefined
      : { longestRetryAfterMs: Duration.toMillis(Duration.fromInputUnsafe(longestRetryAfter)) }),
    ...(reasons === undefined ? undefined : { table: reasons })
  }) satisfies FailoverPolicy.Overrides

const holdOf = (hold: typeof Hold.Type): Holding.Hold => {
  if (typeof hold === "string") return hold
  return hold.parts === undefined ? { bytes: hold.bytes ?? 1 } : { parts: hold.parts }
}

const schedulesOf = ({ capacity, connection, reach, response }: NonNullable<(typeof Policy.Type)["retry"]>) => ({
  ...(capacity === undefined ? undefined : { capacity: scheduleOf(capacity) }),
  ...(connection === undefined ? undefined : { connection: scheduleOf(connection) }),
  ...(reach === undefined ? undefined : { reach: scheduleOf(reach) }),
  ...(response === undefined ? undefined : { response: scheduleOf(response) })
})

/** A schedule that ends: as often as is said, with delays that grow by the factor, up to the longest. */
export const scheduleOf = (retry: typeof RetryOrNot.Type): Schedule.Schedule<unknown> => {
  if (retry === false) return Schedule.recurs(0)
  const { delay, factor = 2, jitter = true, longestDelay = "30 seconds", times, within } = retry
  const limits = { times, ...(within === undefined ? undefined : { duration: within }) }
  if (delay === undefined) return Schedule.upTo(Schedule.recurs(times), limits)
  const growing = Schedule.min([Schedule.exponential(delay, factor), Schedule.spaced(longestDelay)])
  return Schedule.upTo(jitter ? Schedule.jittered(growing) : growing, limits)
}
