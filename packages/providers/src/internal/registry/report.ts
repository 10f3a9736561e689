/** Says what became of a configuration. */
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { Telemetry } from "@holdfast/core/Telemetry"
import type { Draft } from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Loaded } from "../../ConfigurationSource.ts"

/** A configuration is in force; what of it was not understood, or waits for a restart, is a warning. */
export const taken = ({ configuration: { unknown }, place }: Loaded): Effect.Effect<void> => {
  const said = publish({ _tag: "ConfigurationTaken", place, unknown })
  if (unknown.length === 0) return said
  const lines = unknown.map((problem) => `${problem.place}: expected ${problem.expected}, found ${problem.found}`)
  return Effect.andThen(said, Effect.logWarning(`Not everything in ${place} is in force:\n${lines.join("\n")}`))
}

/** A configuration cannot be, and the one before it stays in force. */
export const refused = (place: string, { message, problems }: InvalidInput): Effect.Effect<void> =>
  Effect.andThen(
    publish({ _tag: "ConfigurationRefused", place, problems }),
    Effect.logWarning(`${place} cannot be used, the configuration before it stays in force:\n${message}`)
  )

const publish = (event: Draft): Effect.Effect<void> =>
  Effect.map(Effect.serviceOption(Telemetry), (telemetry) => {
    if (Option.isSome(telemetry) && telemetry.value.isActive()) telemetry.value.publishUnsafe(event)
  })
