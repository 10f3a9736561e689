/**
 * What the wire formats have in common, and the reading of untrusted request bodies.
 *
 * Bodies are read with guards and not with a schema because this is the server's hot path; a body that does not fit is a 400.
 */
import * as Predicate from "effect/Predicate"
import type * as FaultScript from "../FaultScript.ts"
import type { Conversation, Thought } from "./brain.ts"

/** A wire format. Texts are UTF-8 as ordinary strings; every id is made of the `id` that is given. */
export interface Wire {
  readonly api: "anthropic" | "openai" | "openai-responses"
  readonly requestIdHeader: string
  /** Reads a request body; `undefined` if it is not one. */
  readonly parse: (body: unknown) => Conversation | undefined
  /** The events of a streaming answer, the end marker last. */
  readonly events: (conversation: Conversation, thought: Thought, id: string) => ReadonlyArray<string>
  /** The body of a non-streaming answer. */
  readonly json: (conversation: Conversation, thought: Thought, id: string) => string
  /** The body of an error response. */
  readonly error: (status: number, fields: FaultScript.ErrorFields, id: string) => string
  /** An error inside a stream. */
  readonly errorEvent: (fields: FaultScript.ErrorFields, id: string) => string
}

/** A part of a prompt that the model looks at, in order. */
export type Seen = { readonly _tag: "UserText"; readonly text: string } | { readonly _tag: "ToolResult" }

/** The last user text and the number of tool results after it. */
export const lastTurn = (seen: ReadonlyArray<Seen>): Pick<Conversation, "userText" | "toolResults"> => {
  let userText = ""
  let toolResults = 0
  for (const part of seen) {
    if (part._tag === "ToolResult") toolResults += 1
    else {
      userText = part.text
      toolResults = 0
    }
  }
  return { userText, toolResults }
}

/** A plain JSON object. */
export type Json = { readonly [key: string]: unknown }

/** The value if it is an object. */
export const asObject = (value: unknown): Json | undefined => (Predicate.isObject(value) ? value : undefined)

/** The objects of a list; none if it is not a list. */
export const objectsOf = (value: unknown): ReadonlyArray<Json> => (Array.isArray(value) ? value.filter(isJson) : [])

const isJson = (value: unknown): value is Json => Predicate.isObject(value)

/** The value if it is a string. */
export const asString = (value: unknown): string | undefined => (Predicate.isString(value) ? value : undefined)

/** Text blocks of a message's content, which is a string or a list of parts. */
export const userTexts = (content: unknown): ReadonlyArray<Seen> =>
  Predicate.isString(content)
    ? [{ _tag: "UserText", text: content }]
    : objectsOf(content).flatMap((part) => textPart(part))

const textPart = (part: Json): ReadonlyArray<Seen> => {
  const text = part["type"] === "text" ? asString(part["text"]) : undefined
  return text === undefined ? [] : [{ _tag: "UserText", text }]
}
