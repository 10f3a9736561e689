/** What a provider is told to keep of a prompt. */
import type { CacheRetention } from "@holdfast/core/ProviderRegistry"
import type * as Json from "../json.ts"
import type { Message } from "./messages.ts"
import { partsOf } from "./messages.ts"

/**
 * Marks how far a prompt is to be kept, as Anthropic has it and OpenRouter passes it on (openrouter.ai/docs, "Prompt
 * caching"): to the end of the instructions, and to the end of the conversation. Four marks are allowed.
 */
export const marked = (messages: ReadonlyArray<Message>, retention: CacheRetention): ReadonlyArray<Message> => {
  if (retention === "none") return messages
  const control = { type: "ephemeral", ...(retention === "long" ? { ttl: "1h" } : undefined) }
  const instructions = messages.findLastIndex(({ role }) => role === "system" || role === "developer")
  const last = messages.findLastIndex(({ content, role }) => role !== "assistant" && content !== null)
  return messages.map((message, index) =>
    index === instructions || index === last ? withMark(message, control) : message
  )
}

const withMark = (message: Message, control: Json.Json): Message => {
  const parts = [...partsOf(message.content)]
  const at = parts.findLastIndex((part) => part["type"] === "text" && part["text"] !== "")
  if (at === -1) return message
  parts[at] = { ...parts[at], cache_control: control }
  return { ...message, content: parts }
}
