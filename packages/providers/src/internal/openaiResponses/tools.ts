/** Tools as a request says them: the app's as functions, OpenAI's own by their type. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Tool from "effect/ai/Tool"
import type { ModelCall } from "../../Codec.ts"
import { typeOf } from "../prompt/providerTools.ts"
import * as Json from "../json.ts"
import { nameProblem } from "../prompt/openaiNames.ts"
import * as Params from "../prompt/params.ts"
import { schemaOf, schemaProblem } from "../prompt/toolText.ts"

/** The tools; what the API would refuse of them is added to `problems`. */
export const toolsOf = (tools: ReadonlyArray<Tool.Any>, problems: Array<Problem>): ReadonlyArray<Json.Json> =>
  tools.map((tool, index) => {
    const place = `tools[${index}]`
    if (Tool.isProviderDefined(tool)) return ownOf(tool, place, problems)
    const problem = nameProblem(place, tool.name)
    if (problem !== undefined) problems.push(problem)
    const { schema, strict } = schemaOf(tool)
    const wrong = schemaProblem(place, schema)
    if (wrong !== undefined) problems.push(wrong)
    const description = Tool.getDescription(tool)
    return {
      type: "function",
      name: tool.name,
      ...(description === undefined ? undefined : { description }),
      parameters: schema,
      // Where nothing is said, this API would hold the model to a schema of its own making.
      strict: strict ?? false
    }
  })

/** One of OpenAI's own, whose id is `openai.<type>` and whose arguments are named as OpenAI names them. */
const ownOf = (tool: Tool.AnyProviderDefined, place: string, problems: Array<Problem>): Json.Json => {
  if (tool.requiresHandler) {
    const expected = "a tool that OpenAI runs by itself"
    problems.push(Params.unsupported(place, expected, "one whose calls the app has to answer"))
  }
  return { ...Json.object(tool.args), type: typeOf(tool) }
}

/** Which tool the model is to call. Tools outside `oneOf` are not in the request. */
export const choiceOf = ({ toolChoice: choice, tools }: ModelCall): unknown => {
  if (typeof choice === "string") return choice
  if (!("tool" in choice)) return choice.mode ?? "auto"
  const tool = tools.find(({ name }) => name === choice.tool)
  return tool !== undefined && Tool.isProviderDefined(tool)
    ? { type: typeOf(tool) }
    : { type: "function", name: choice.tool }
}
