/** As much of a configuration as can be read, so that what is wrong elsewhere in it is said in one go. */
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Json from "../json.ts"
import type { Path } from "./path.ts"
import { findingsOf } from "./problems.ts"

type Decode<A> = (value: unknown) => Result.Result<A, Schema.SchemaError>

// Deeper than any part of a configuration stands.
const mostSteps = 12

/**
 * What is left of a value when everything wrong is taken out: each finding alone first, then, where something is missing
 * beside it, what it stands in. Nothing where nothing is left. A list goes as a whole, because places count.
 */
export const readable = <A>(decode: Decode<A>, value: unknown): A | undefined => {
  let rest = value
  for (let step = 0; step < mostSteps; step++) {
    const file = decode(rest)
    if (Result.isSuccess(file)) return file.success
    const wider = Math.max(0, step - 1)
    for (const { path } of findingsOf(file.failure.issue, rest, "")) {
      const list = path.findIndex((key) => typeof key === "number")
      const whole = list === -1 ? path : path.slice(0, list)
      rest = without(rest, whole.slice(0, Math.max(1, whole.length - wider)))
    }
  }
  return undefined
}

const without = (value: unknown, [key, ...rest]: Path): unknown => {
  if (key === undefined || !Json.isObject(value) || !Object.hasOwn(value, key)) return value
  const { [String(key)]: inner, ...others } = value
  return rest.length === 0 ? others : { ...value, [key]: without(inner, rest) }
}
