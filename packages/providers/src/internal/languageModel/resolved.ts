/** What was asked and what was set beside it, judged together. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Resolution } from "@holdfast/core/ProviderRegistry"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"

/** What was asked, or all that is wrong with it and with the settings beside it. */
export const resolvedWith = (
  resolved: Effect.Effect<Resolution, InvalidInput>,
  problems: ReadonlyArray<Problem>
): Effect.Effect<Resolution, InvalidInput> => {
  if (!Arr.isReadonlyArrayNonEmpty(problems)) return resolved
  return Effect.matchEffect(resolved, {
    onFailure: (wrong) => Effect.fail(new InvalidInput({ problems: [...wrong.problems, ...problems] })),
    onSuccess: () => Effect.fail(new InvalidInput({ problems }))
  })
}
