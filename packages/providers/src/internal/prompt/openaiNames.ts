/**
 * Names of tools and of schemas in OpenAI's formats ("Create chat completion", `tools[].function.name`), whose limits
 * others have from it.
 */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Params from "./params.ts"

const isName = (text: string): boolean => /^[a-zA-Z0-9_-]{1,64}$/.test(text)

/** What is wrong with a tool's name, if anything. */
export const nameProblem = (place: string, name: string): Problem | undefined =>
  isName(name)
    ? undefined
    : Params.unsupported(
        `${place}.name`,
        "1 to 64 letters, digits, underscores and dashes",
        JSON.stringify(name.slice(0, 80))
      )

/** The name as the formats take it, whoever allowed it. */
export const nameOf = (text: string): string =>
  isName(text) ? text : text.replace(/[^a-zA-Z0-9_-]/g, "_").slice(0, 64) || "unnamed"
