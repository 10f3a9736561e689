/** Numbers of cooldowns and circuits, as an operator writes them. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as ProviderHealth from "@holdfast/core/ProviderHealth"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Time, TimeOrNone } from "./fields.ts"

const Cooldown = Schema.optionalKey(
  Schema.Struct({
    after: Schema.optionalKey(Schema.Int.annotate({ expected: "a whole number of failures from 1" })),
    windows: Schema.optionalKey(Schema.Array(Time))
  })
)

const kinds = {
  capacity: Cooldown,
  refusal: Cooldown,
  billing: Cooldown,
  access: Cooldown,
  fault: Cooldown
} satisfies { readonly [K in ProviderHealth.Kind]: typeof Cooldown }

/** The section. */
export const Health = Schema.Union([
  Schema.Literal(false),
  Schema.Struct({
    ...kinds,
    longestRetryAfter: Schema.optionalKey(TimeOrNone),
    idleTimeToLive: Schema.optionalKey(Time)
  })
]).annotate({ expected: 'false, or an object such as { capacity: { windows: ["30 seconds", "5 minutes"] } }' })

/** The numbers, if they make sense; what is wrong with them goes to `problems`. */
export const healthOf = (
  health: typeof Health.Type | undefined,
  problems: Array<Problem>
): { readonly health?: ProviderHealth.Options | false } => {
  if (health === undefined) return {}
  if (health === false) return { health }
  return Result.match(ProviderHealth.check(health), {
    onSuccess: () => ({ health }),
    onFailure: (wrong) => {
      problems.push(...wrong.problems)
      return {}
    }
  })
}
