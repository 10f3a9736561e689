/** Tools as Anthropic's request says them (docs, "Tool use"). */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Tool from "effect/ai/Tool"
import type { ModelCall } from "../../Codec.ts"
import { typeOf } from "../prompt/providerTools.ts"
import * as Json from "../json.ts"
import * as Params from "../prompt/params.ts"
import { schemaOf } from "../prompt/toolText.ts"

/** A tool: one of the app's, or one of Anthropic's own, whose arguments are written as Anthropic names them. */
export const toolOf = (tool: Tool.Any): Json.Json => {
  if (Tool.isProviderDefined(tool)) {
    return { ...Json.object(tool.args), type: typeOf(tool), name: tool.providerName }
  }
  const description = Tool.getDescription(tool)
  const { schema, ...strict } = schemaOf(tool)
  return {
    name: tool.name,
    ...(description === undefined ? undefined : { description }),
    input_schema: schema,
    ...strict
  }
}

/** Anthropic's names for its own tools among these, by the toolkit's. */
export const namesOf = (tools: ReadonlyArray<Tool.Any>): ReadonlyMap<string, string> => {
  const names = new Map<string, string>()
  for (const tool of tools) if (Tool.isProviderDefined(tool)) names.set(tool.name, tool.providerName)
  return names
}

/** What Anthropic cannot take of the tools. */
export const problemsOf = (tools: ReadonlyArray<Json.Json>): ReadonlyArray<Problem> =>
  tools.flatMap((tool, index) => {
    if (tool["type"] !== undefined) return []
    const problems: Array<Problem> = []
    const name = Json.string(tool["name"]) ?? ""
    if (!/^[\w-]{1,128}$/.test(name)) {
      const expected = "a name of 1 to 128 letters, digits, _ and -"
      problems.push(Params.unsupported(`tools[${index}].name`, expected, JSON.stringify(name.slice(0, 140))))
    }
    const type = Json.object(tool["input_schema"])["type"]
    if (type !== "object") {
      const found = typeof type === "string" ? type : "something else"
      problems.push(Params.unsupported(`tools[${index}].parameters`, "an object", found))
    }
    return problems
  })

/** Which tools may or must be called; the app's parameters may add that calls come one at a time. */
export const choiceOf = (choice: ModelCall["toolChoice"], own: unknown): Json.Json => {
  const { disable_parallel_tool_use: alone, ...rest } = Json.object(own)
  const said = { ...wordsOf(choice), ...rest }
  return alone === undefined || said["type"] === "none" ? said : { ...said, disable_parallel_tool_use: alone }
}

const wordsOf = (choice: ModelCall["toolChoice"]): Json.Json => {
  if (choice === "auto") return { type: "auto" }
  if (choice === "none") return { type: "none" }
  if (choice === "required") return { type: "any" }
  // Tools outside `oneOf` are not in the request.
  return "tool" in choice ? { type: "tool", name: choice.tool } : { type: choice.mode === "required" ? "any" : "auto" }
}
