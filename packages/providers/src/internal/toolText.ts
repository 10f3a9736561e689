/** What a model reads of a tool and of its result. */
import type * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"

/** The result as text: what the tool wrote for the model, else its JSON. */
export const resultText = (part: Prompt.ToolResultPart): string =>
  part.modelOutput === undefined ? json(part.result) : Prompt.toolModelOutputToText(part.modelOutput)

const json = (result: unknown): string => (typeof result === "string" ? result : (JSON.stringify(result) ?? "null"))

/** The tool's parameters as JSON Schema, and whether the model is to be held to them, where the tool says. */
export const schemaOf = (tool: Tool.Any): { readonly schema: JsonSchema.JsonSchema; readonly strict?: boolean } => {
  const strict = Tool.getStrictMode(tool)
  if (strict === undefined) return { schema: Tool.getJsonSchema(tool) }
  return { schema: strict ? closed(tool) : Tool.getJsonSchema(tool), strict }
}

/** Where a model is held to a schema, the schema must exclude all that it does not name. */
const closed = (tool: Tool.Any): JsonSchema.JsonSchema => {
  if (Tool.isDynamic(tool) && tool.jsonSchema !== undefined) return tool.jsonSchema
  const { definitions, schema } = Schema.toJsonSchemaDocument(tool.parametersSchema, { onExcessProperty: "error" })
  return Object.keys(definitions).length === 0 ? schema : { ...schema, $defs: definitions }
}
