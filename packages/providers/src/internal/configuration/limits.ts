/** Time limits, as an operator writes them. */
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
