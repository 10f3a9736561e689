/** Fields of a provider's own request that an app sets. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type { ModelCall } from "../../Codec.ts"
import { isForeign } from "./providerTools.ts"

/** What the call itself says, so that no parameter may. */
const reserved = ["model", "messages", "stream"]

/** Everything in a call's parameters and tools that no codec can send; a provider's tools go to that provider alone. */
export const check = ({ params, tools }: ModelCall, provider?: string): Result.Result<void, InvalidInput> => {
  const problems: Array<Problem> = []
  for (const name of reserved) {
    if (name in params) problems.push(taken(name))
  }
  for (const tool of tools) {
    if (isForeign(tool, provider)) {
      problems.push(unsupported("tools", "tools of the app's own", `${tool.name}, a provider's`))
    }
  }
  return Arr.isArrayNonEmpty(problems) ? Result.fail(new InvalidInput({ problems })) : Result.void
}

/** A field that the app may not set. */
export const taken = (name: string, why = "the call itself says it"): Problem => ({
  kind: "InvalidOption",
  place: `params.${name}`,
  expected: `no such field, because ${why}`,
  found: "one"
})

/** Content that this format has no words for, yet. */
export const unsupported = (place: string, expected: string, found: string): Problem => ({
  kind: "UnsupportedContent",
  place,
  expected,
  found
})
