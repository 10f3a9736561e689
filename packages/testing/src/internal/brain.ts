/**
 * The model: a deterministic stand-in that looks at a conversation, whatever wire format it came in, and decides what to say.
 */
import { createHash } from "node:crypto"
import type * as FaultConfig from "../FaultConfig.ts"

/** What every wire format tells of a request. */
export interface Conversation {
  readonly model: string
  readonly stream: boolean
  /** OpenAI's `stream_options.include_usage`; always true for Anthropic, which always reports usage. */
  readonly includeUsage: boolean
  /** The last text of the user. */
  readonly userText: string
  /** How many tool results came after it. */
  readonly toolResults: number
  /** Names of the declared tools. */
  readonly tools: ReadonlyArray<string>
}

/** What the model says; the pieces are what a stream sends one by one. */
export type Thought =
  | { readonly _tag: "Text"; readonly pieces: ReadonlyArray<string> }
  | { readonly _tag: "ToolCall"; readonly tool: string; readonly pieces: ReadonlyArray<string> }

const argumentPieces = 4

/** Where the id of the answer stands in a text. */
const idPlace = "{id}"

/** Whether every answer has a text of its own. */
export const textDiffers = (answer: FaultConfig.Answer | undefined): boolean => answer?.text?.includes(idPlace) === true

/** Makes the model of an endpoint; `id` is that of the answer. */
export const makeBrain = (answer: FaultConfig.Answer | undefined, agent: FaultConfig.Agent | undefined) => {
  const text = answer?.text ?? "Hello from the model."
  const events = answer?.events ?? 4
  const same = textDiffers(answer) ? undefined : say(text, events)
  return (conversation: Conversation, id: string): Thought =>
    agent !== undefined && conversation.toolResults < agent.steps && conversation.tools.includes(agent.tool)
      ? callTool(agent.tool, argumentsOf(conversation))
      : (same ?? say(text.replaceAll(idPlace, id), events))
}

/** A plain text. */
export const say = (text: string, pieces: number): Thought => ({ _tag: "Text", pieces: split(text, pieces) })

/** A call of a tool with these arguments, which are written as JSON. */
export const callTool = (tool: string, input: unknown): Thought => ({
  _tag: "ToolCall",
  tool,
  pieces: split(JSON.stringify(input), argumentPieces)
})

const argumentsOf = (conversation: Conversation) => ({
  turn: conversation.userText,
  step: conversation.toolResults + 1
})

/** Words of a thought as tokens: deterministic, and roughly what a provider would count. */
export const outputTokens = (thought: Thought): number =>
  Math.ceil(thought.pieces.reduce((length, piece) => length + piece.length, 0) / 4)

/** Every prompt costs this many tokens. */
export const inputTokens = 32

const longestText = 160

/**
 * Identifies one logical piece of model work whatever the wire format, so that a second run of the same key is a duplicate. A user text over 160
 * characters is shortened to its first 120 and a hash, so that a record of many runs stays small.
 */
export const runKeyOf = (conversation: Conversation): string => {
  const text = conversation.userText
  const name =
    text.length <= longestText
      ? text
      : `${text.slice(0, 120)}~${createHash("sha256").update(text).digest("hex").slice(0, 16)}`
  return `${name}#${conversation.toolResults}`
}

/** At most `count` pieces of equal length, cut between code points. */
const split = (text: string, count: number): ReadonlyArray<string> => {
  const points = Array.from(text)
  const size = Math.max(1, Math.ceil(points.length / count))
  return Array.from({ length: Math.ceil(points.length / size) }, (_, index) =>
    points.slice(index * size, (index + 1) * size).join("")
  )
}
