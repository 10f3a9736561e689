/** Which models may be asked for. What agents and explicit fallbacks name was chosen already, and passes. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import * as Result from "effect/Result"
import type { Configuration } from "../../Configuration.ts"
import { shown } from "../settings.ts"
import type { Entry } from "./entry.ts"
import type { Names } from "./names.ts"
import { unknownProvider } from "./names.ts"

/** Says what is wrong with asking for a model, if anything. */
export type Allowed = (ref: ModelRef.ModelRef, place: string) => Problem | undefined

/** Reads the list; an entry that names nothing goes to `problems`. */
export const make = (
  configuration: Configuration,
  names: Names,
  entries: ReadonlyMap<string, Entry>,
  problems: Array<Problem>
): Allowed => {
  const { agents, allow } = configuration
  if (allow === undefined) return () => undefined
  const models = new Set<string>()
  const providers = new Set<string>()
  const add = (name: string, place: string): void => {
    const ref = names.refOf(name, place)
    if (Result.isFailure(ref)) problems.push(ref.failure)
    else models.add(ModelRef.format(ref.success))
  }
  for (const [index, entry] of allow.entries()) {
    const provider = /^([^/]+)\/\*$/.exec(entry)?.[1]
    if (provider === undefined) add(entry, `allow[${index}]`)
    else if (entries.has(provider)) providers.add(provider)
    else problems.push(unknownProvider(provider, `allow[${index}]`, entries))
  }
  for (const { fallbacks, primary } of Object.values(agents)) {
    for (const name of [primary, ...fallbacks]) {
      const ref = names.refOf(name, "agents")
      if (Result.isSuccess(ref)) models.add(ModelRef.format(ref.success))
    }
  }
  return (ref, place) =>
    models.has(ModelRef.format(ref)) || providers.has(ref.provider)
      ? undefined
      : {
          kind: "ModelNotAllowed",
          place,
          expected: `a model that the allow list names: ${[...models, ...[...providers].map((id) => `${id}/*`)].join(", ")}`,
          found: shown(ModelRef.format(ref)),
          fix: "ask for one of these, or add it to the list"
        }
}
