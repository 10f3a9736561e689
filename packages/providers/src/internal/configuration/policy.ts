/** Parts of a policy, as an operator writes them. */
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Reason from "@holdfast/core/Reason"
import { SwapRule } from "@holdfast/core/SwapRule"
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Time, TimeOrNone } from "./fields.ts"

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
  same: Schema.Literals(["connection", "response", "capacity", "never"]),
  onward: Schema.Literals(["next", "outside-scope", "next-if-proven", "surface"])
})

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
  )
})

/** The parts in the shape that a policy is made from. */
export const policyOf = ({ longestRetryAfter, maxAttempts, reasons, retry, swap }: typeof Policy.Type) =>
  ({
    ...(swap === undefined ? undefined : { swap }),
    ...(maxAttempts === undefined ? undefined : { maxAttempts }),
    ...(retry === undefined ? undefined : { retry: schedulesOf(retry) }),
    ...(longestRetryAfter === undefined
      ? undefined
      : { longestRetryAfterMs: Duration.toMillis(Duration.fromInputUnsafe(longestRetryAfter)) }),
    ...(reasons === undefined ? undefined : { table: reasons })
  }) satisfies FailoverPolicy.Overrides

const schedulesOf = ({ capacity, connection, response }: NonNullable<(typeof Policy.Type)["retry"]>) => ({
  ...(capacity === undefined ? undefined : { capacity: scheduleOf(capacity) }),
  ...(connection === undefined ? undefined : { connection: scheduleOf(connection) }),
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
