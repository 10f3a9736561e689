/** Time limits and rate limits, as an operator writes them. */
import * as Schema from "effect/Schema"
import { Limit } from "./fields.ts"

/** Time limits. */
export const Limits = Schema.Struct({
  connect: Schema.optionalKey(Limit),
  headers: Schema.optionalKey(Limit),
  liveness: Schema.optionalKey(Limit),
  firstContent: Schema.optionalKey(Limit),
  stall: Schema.optionalKey(Limit),
  total: Schema.optionalKey(Limit)
})

// No provider grants so much to anybody.
const mostPerMinute = 1e12

/** Whether something can be a number of a minute. */
export const isPerMinute = (u: unknown): u is number =>
  typeof u === "number" && Number.isSafeInteger(u) && u >= 1 && u <= mostPerMinute

/** What is expected of it. */
export const perMinuteExpected = "a whole number for a minute, from 1"

const PerMinute = Schema.declare(isPerMinute, { expected: perMinuteExpected })

/** Rate limits. */
export const RateLimits = Schema.Struct({
  requestsPerMinute: Schema.optionalKey(PerMinute),
  tokensPerMinute: Schema.optionalKey(PerMinute)
})
