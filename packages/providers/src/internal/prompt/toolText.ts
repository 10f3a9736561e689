/** What a model reads of a tool and of its result. */
import type { Problem } from "@holdfast/core/InvalidInput"
import type * as JsonSchema from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Params from "./params.ts"

/** The result as text: what the tool wrote for the model, else its JSON. */
export const resultText = (part: Prompt.ToolResultPart): string =>
  part.modelOutput === undefined ? json(part.result) : Prompt.toolModelOutputToText(part.modelOutput)

const json = (result: unknown): string => (typeof result === "string" ? result : (JSON.stringify(result) ?? "null"))

/** A tool's parameters as JSON Schema, and whether the model is to be held to them, where the tool says. */
export interface ToolSchema {
  readonly schema: JsonSchema.JsonSchema
  readonly strict?: boolean
}

// A tool is not changed once it is made, and an agent sends all of its tools with every call.
const known = new WeakMap<Tool.Any, ToolSchema>()

/** The schema of a tool's parameters, made once for each tool. */
export const schemaOf = (tool: Tool.Any): ToolSchema => {
  const made = known.get(tool) ?? makeSchema(tool)
  known.set(tool, made)
  return made
}

const makeSchema = (tool: Tool.Any): ToolSchema => {
  const strict = Tool.getStrictMode(tool)
  const schema = parametersOf(strict === true ? closed(tool) : Tool.getJsonSchema(tool))
  return strict === undefined ? { schema } : { schema, strict }
}

/**
 * The schema as formats take it: an object's, by its own type and not by a reference, and with its properties even where
 * it has none. A struct without fields is written as whatever is not null.
 */
const parametersOf = (schema: JsonSchema.JsonSchema): JsonSchema.JsonSchema => {
  const whole = dereferenced(schema)
  if (isFieldless(whole)) {
    const { not: _, ...rest } = whole
    return { ...rest, type: "object", properties: {}, additionalProperties: false }
  }
  return whole["type"] === "object" && whole["properties"] === undefined ? { ...whole, properties: {} } : whole
}

const isFieldless = ({ not, type }: JsonSchema.JsonSchema): boolean =>
  type === undefined && Predicate.isObject(not) && Reflect.get(not, "type") === "null"

const dereferenced = (schema: JsonSchema.JsonSchema): JsonSchema.JsonSchema => {
  const { $defs, $ref, ...rest } = schema
  const name = typeof $ref === "string" ? /^#\/\$defs\/([^/~]+)$/.exec($ref)?.[1] : undefined
  const named: unknown = name === undefined || !Predicate.isObject($defs) ? undefined : Reflect.get($defs, name)
  return Predicate.isObject(named) ? { ...named, ...rest, $defs } : schema
}

/** What is wrong with the parameters of a tool, whose arguments are an object in every format. */
export const schemaProblem = (place: string, { anyOf, type }: JsonSchema.JsonSchema): Problem | undefined => {
  if (type === "object") return undefined
  const found =
    typeof type === "string" ? `one of type ${type}` : anyOf === undefined ? "one without a type" : "a union"
  return Params.unsupported(`${place}.parameters`, "a JSON Schema of type object", found)
}

/** Where a model is held to a schema, the schema must exclude all that it does not name. */
const closed = (tool: Tool.Any): JsonSchema.JsonSchema => {
  if (Tool.isDynamic(tool) && tool.jsonSchema !== undefined) return tool.jsonSchema
  const { definitions, schema } = Schema.toJsonSchemaDocument(tool.parametersSchema, { onExcessProperty: "error" })
  return Object.keys(definitions).length === 0 ? schema : { ...schema, $defs: definitions }
}
