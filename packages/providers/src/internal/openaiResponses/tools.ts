/** Tools as a request says them: the app's as functions, OpenAI's own by their type. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Tool from "effect/ai/Tool"
import type { ModelCall } from "../../Codec.ts"
import * as Json from "../json.ts"
import * as Params from "../params.ts"
import { schemaOf } from "../toolText.ts"

/** The tools; what the API would refuse of them is added to `problems`. */
export const toolsOf = (tools: ReadonlyArray<Tool.Any>, problems: Array<Problem>): ReadonlyArray<Json.Json> =>
  tools.map((tool, index) => {
    const place = `tools[${index}]`
    if (Tool.isProviderDefined(tool)) return ownOf(tool, place, problems)
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(tool.name)) {
      const expected = "a name of letters, digits, dashes and underscores, 64 of them at most"
      problems.push(Params.unsupported(`${place}.name`, expected, JSON.stringify(tool.name.slice(0, 80))))
    }
    const { schema, strict } = schemaOf(tool)
    if (schema["type"] !== "object") {
      problems.push(Params.unsupported(`${place}.parameters`, "a JSON Schema of type object", found(schema)))
    }
    const description = Tool.getDescription(tool)
    return {
      type: "function",
      name: tool.name,
      ...(description === undefined ? undefined : { description }),
      // An object without them is refused.
      parameters: schema["properties"] === undefined ? { ...schema, properties: {} } : schema,
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

const typeOf = ({ id }: Tool.AnyProviderDefined): string => id.slice(id.indexOf(".") + 1)

const found = ({ anyOf, type }: Json.Json): string =>
  typeof type === "string" ? `one of type ${type}` : anyOf === undefined ? "one without a type" : "a union"

/** Which tool the model is to call. Tools outside `oneOf` are not in the request. */
export const choiceOf = ({ toolChoice: choice, tools }: ModelCall): unknown => {
  if (typeof choice === "string") return choice
  if (!("tool" in choice)) return choice.mode ?? "auto"
  const tool = tools.find(({ name }) => name === choice.tool)
  return tool !== undefined && Tool.isProviderDefined(tool)
    ? { type: typeOf(tool) }
    : { type: "function", name: choice.tool }
}
