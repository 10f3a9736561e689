/** Tools, and the choice among them, in the format's words. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Tool from "effect/ai/Tool"
import type { ModelCall } from "../../Codec.ts"
import type { CompletionsDialect, ToolChoice } from "../../CompletionsDialect.ts"
import * as Json from "../json.ts"
import { nameProblem } from "../prompt/openaiNames.ts"
import * as Params from "../prompt/params.ts"
import { schemaOf, schemaProblem } from "../prompt/toolText.ts"

/** The fields of a request that say which tools there are. */
export const toolsOf = (
  { params, toolChoice, tools }: ModelCall,
  dialect: CompletionsDialect,
  problems: Array<Problem>
): Json.Json => {
  const own = Json.array(params["tools"])
  const choice = choiceOf(toolChoice)
  const known = dialect.toolChoices?.includes(choice.kind) ?? true
  // To call none of them is to have none, where it cannot be said otherwise.
  const offered = choice.kind === "none" && !known ? [] : tools
  for (const [index, { name }] of offered.entries()) {
    const problem = nameProblem(`tools[${index}]`, name)
    if (problem !== undefined) problems.push(problem)
  }
  if (offered.length > 0 && !known) {
    const expected = `a choice that the provider knows: ${dialect.toolChoices?.join(", ")}`
    problems.push(Params.unsupported("toolChoice", expected, choice.kind))
  }
  const all = [
    ...offered.map((tool, index) => toolOf(tool, dialect.strictTools ?? true, `tools[${index}]`, problems)),
    ...own
  ]
  return {
    ...(all.length === 0 ? undefined : { tools: all }),
    ...(offered.length === 0 ? undefined : { tool_choice: choice.said })
  }
}

/** These fields are refused where there are no tools. */
export const withoutTools = ["tool_choice", "parallel_tool_calls"]

const toolOf = (tool: Tool.Any, strictly: boolean, place: string, problems: Array<Problem>): Json.Json => {
  const description = Tool.getDescription(tool)
  const { schema, ...strict } = schemaOf(tool)
  const problem = schemaProblem(place, schema)
  if (problem !== undefined) problems.push(problem)
  return {
    type: "function",
    function: {
      name: tool.name,
      ...(description === undefined ? undefined : { description }),
      parameters: schema,
      ...(strictly ? strict : undefined)
    }
  }
}

const choiceOf = (choice: ModelCall["toolChoice"]): { readonly kind: ToolChoice; readonly said: unknown } => {
  if (typeof choice === "string") return { kind: choice, said: choice }
  if ("tool" in choice) return { kind: "named", said: { type: "function", function: { name: choice.tool } } }
  // Tools outside `oneOf` are not in the request.
  const mode = choice.mode ?? "auto"
  return { kind: mode, said: mode }
}
