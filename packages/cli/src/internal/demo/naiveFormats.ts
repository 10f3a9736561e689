/** The two wire formats, as far as the naive agent speaks them: one tool, whole answers. */
import * as Schema from "effect/Schema"
import { models, tool } from "./scenario.ts"

/** A message of the conversation, in neither format. */
export type Message =
  | { readonly role: "user"; readonly text: string }
  | { readonly role: "assistant"; readonly text: string }
  | ToolUse
  | { readonly role: "tool"; readonly id: string; readonly text: string }

/** The model wants the tool. */
export interface ToolUse {
  readonly role: "tool-use"
  readonly id: string
  readonly input: typeof Input.Type
}

/** A wire format. */
export interface Speaks {
  readonly encode: (history: ReadonlyArray<Message>) => unknown
  /** Throws where the answer is none. */
  readonly decode: (body: unknown) => Extract<Message, { readonly role: "assistant" | "tool-use" }>
}

const Input = Schema.Struct({ turn: Schema.String, step: Schema.Int })
const parameters = { type: "object", properties: { turn: { type: "string" }, step: { type: "integer" } } }

const AnthropicAnswer = Schema.Struct({
  content: Schema.NonEmptyArray(
    Schema.Union([
      Schema.Struct({ type: Schema.Literal("text"), text: Schema.String }),
      Schema.Struct({ type: Schema.Literal("tool_use"), id: Schema.String, input: Input })
    ])
  )
})

/** Anthropic Messages. */
export const anthropic: Speaks = {
  encode: (history) => ({
    model: models.primary,
    max_tokens: 1024,
    tools: [{ ...tool, input_schema: parameters }],
    messages: history.map((message) => {
      switch (message.role) {
        case "user":
        case "assistant":
          return { role: message.role, content: message.text }
        case "tool-use":
          return {
            role: "assistant",
            content: [{ type: "tool_use", id: message.id, name: tool.name, input: message.input }]
          }
        case "tool":
          return {
            role: "user",
            content: [{ type: "tool_result", tool_use_id: message.id, content: message.text }]
          }
      }
    })
  }),
  decode: (body) => {
    const [block] = Schema.decodeUnknownSync(AnthropicAnswer)(body).content
    return block.type === "text"
      ? { role: "assistant", text: block.text }
      : { role: "tool-use", id: block.id, input: block.input }
  }
}

const OpenAiAnswer = Schema.Struct({
  choices: Schema.NonEmptyArray(
    Schema.Struct({
      message: Schema.Struct({
        content: Schema.NullOr(Schema.String),
        tool_calls: Schema.optionalKey(
          Schema.NonEmptyArray(
            Schema.Struct({
              id: Schema.String,
              function: Schema.Struct({ arguments: Schema.fromJsonString(Input) })
            })
          )
        )
      })
    })
  )
})

/** OpenAI Chat Completions. */
export const openai: Speaks = {
  encode: (history) => ({
    model: models.fallback,
    tools: [{ type: "function", function: { ...tool, parameters } }],
    messages: history.map((message) => {
      switch (message.role) {
        case "user":
        case "assistant":
          return { role: message.role, content: message.text }
        case "tool-use": {
          const called = { name: tool.name, arguments: JSON.stringify(message.input) }
          return {
            role: "assistant",
            content: null,
            tool_calls: [{ id: message.id, type: "function", function: called }]
          }
        }
        case "tool":
          return { role: "tool", tool_call_id: message.id, content: message.text }
      }
    })
  }),
  decode: (body) => {
    const { content, tool_calls } = Schema.decodeUnknownSync(OpenAiAnswer)(body).choices[0].message
    if (tool_calls === undefined) return { role: "assistant", text: content ?? "" }
    return { role: "tool-use", id: tool_calls[0].id, input: tool_calls[0].function.arguments }
  }
}
