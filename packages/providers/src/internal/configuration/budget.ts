/** Numbers of the retry budgets, as an operator writes them. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as RetryBudget from "@holdfast/core/RetryBudget"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Time } from "./fields.ts"

const bounds = { minimum: Duration.millis(100), maximum: Duration.hours(1) }

const Window = Schema.declare(
  (u): u is Duration.Input => Schema.is(Time)(u) && Duration.between(Duration.fromInputUnsafe(u), bounds),
  { expected: 'a duration from 100 millis to 1 hour, such as "10 seconds"' }
)

/** The section. */
export const Budget = Schema.Union([
  Schema.Literal(false),
  Schema.Struct({
    ratio: Schema.optionalKey(Schema.Finite),
    floorPerSecond: Schema.optionalKey(Schema.Finite),
    window: Schema.optionalKey(Window)
  })
]).annotate({ expected: 'false, or an object such as { ratio: 0.2, floorPerSecond: 10, window: "10 seconds" }' })

/** The numbers, if they make sense; what is wrong with them goes to `problems`. */
export const budgetOf = (
  budget: typeof Budget.Type | undefined,
  problems: Array<Problem>
): { readonly budget?: RetryBudget.Options | false } => {
  if (budget === undefined) return {}
  if (budget === false) return { budget }
  const { window, ...numbers } = budget
  const options: RetryBudget.Options = {
    ...numbers,
    ...(window === undefined
      ? undefined
      : { windowMs: Math.round(Duration.toMillis(Duration.fromInputUnsafe(window))) })
  }
  return Result.match(RetryBudget.check(options), {
    onSuccess: () => ({ budget: options }),
    onFailure: (wrong) => {
      problems.push(...wrong.problems)
      return {}
    }
  })
}
