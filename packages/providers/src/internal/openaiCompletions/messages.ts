/** A prompt as the messages of a chat completion request. */
import type { Problem } from "@holdfast/core/InvalidInput"
import type * as Prompt from "effect/ai/Prompt"
import type { CompletionsDialect } from "../../CompletionsDialect.ts"
import type { ModelCall, Target } from "../../Codec.ts"
import * as Json from "../json.ts"
import { nameOf } from "../prompt/openaiNames.ts"
import { resultText } from "../prompt/toolText.ts"
import type { Reader } from "./content.ts"
import { fileOf, isProblem } from "./content.ts"
import { reasoningOf, toolTurns } from "./reasoningBack.ts"

/** One message, still to be added to. */
export interface Message {
  readonly role: string
  content: string | null | ReadonlyArray<Json.Json>
  readonly [field: string]: unknown
}

/** The messages of a call; what cannot be said is added to `problems`. */
export const messagesOf = (
  call: ModelCall,
  target: Target,
  dialect: CompletionsDialect,
  problems: Array<Problem>
): Array<Message> => new Writer(call, target, dialect, problems).write()

class Writer {
  private readonly call: ModelCall
  private readonly target: Target
  private readonly dialect: CompletionsDialect
  private readonly problems: Array<Problem>
  private readonly reader: Reader
  private readonly messages: Array<Message> = []
  private readonly toolTurns: ReadonlySet<number>
  /** Files that only a user's message can carry, until the next one; or until tools have all answered. */
  private waiting: Array<Json.Json> = []

  constructor(call: ModelCall, target: Target, dialect: CompletionsDialect, problems: Array<Problem>) {
    this.call = call
    this.target = target
    this.dialect = dialect
    this.problems = problems
    const { carries } = dialect
    this.reader = {
      model: target.model,
      input: target.facts?.input,
      ...(carries === undefined ? undefined : { carries })
    }
    this.toolTurns = toolTurns(call.prompt.content)
  }

  write(): Array<Message> {
    for (const [index, message] of this.call.prompt.content.entries()) {
      switch (message.role) {
        case "system":
          this.messages.push({ role: this.dialect.instructions ?? "system", content: message.content })
          break
        case "user":
          this.user(message, index)
          break
        case "assistant":
          this.flush()
          this.assistant(message, index)
          break
        case "tool":
          this.tool(message, index)
          break
      }
    }
    this.flush()
    return this.messages
  }

  private user({ content }: Prompt.UserMessage, index: number): void {
    const parts = this.waiting
    this.waiting = []
    for (const [at, part] of content.entries()) {
      const written =
        part.type === "text" ? textPart(part.text) : this.file(part, `prompt.content[${index}].content[${at}]`)
      if (written !== undefined) parts.push(written)
    }
    if (parts.length > 0) this.messages.push({ role: "user", content: shortest(parts) })
  }

  private assistant(message: Prompt.AssistantMessage, index: number): void {
    let text = ""
    const calls: Array<Json.Json> = []
    for (const [at, part] of message.content.entries()) {
      switch (part.type) {
        case "text":
          text += part.text
          break
        case "tool-call":
          // What a provider ran by itself is the affair of that provider.
          if (part.providerExecuted) break
          calls.push({
            id: part.id,
            type: "function",
            function: { name: nameOf(part.name), arguments: JSON.stringify(part.params) ?? "{}" }
          })
          break
        case "file":
          // Its transcript is among the texts.
          if (Json.object(part.options["openai"])["transcript"] === true) break
          this.wait(part, `prompt.content[${index}].content[${at}]`, "A file of the answer above:")
          break
      }
    }
    // A message of nothing, of reasoning alone for one, is refused.
    if (text === "" && calls.length === 0) return
    this.messages.push({
      role: "assistant",
      content: text === "" ? null : text,
      ...this.reasoning(message, index),
      ...(calls.length === 0 ? undefined : { tool_calls: calls })
    })
  }

  private reasoning(message: Prompt.AssistantMessage, index: number): Json.Json | undefined {
    const back = this.dialect.reasoning
    if (back === undefined) return undefined
    const wanted = back.when === "always" || this.toolTurns.has(index) || back.keepsAll?.(this.call.params) === true
    return wanted ? reasoningOf(message, back, this.target) : undefined
  }

  private tool({ content }: Prompt.ToolMessage, index: number): void {
    for (const [at, part] of content.entries()) {
      if (part.type !== "tool-result" || part.providerExecuted) continue
      this.messages.push({ role: "tool", tool_call_id: part.id, content: toolText(part) })
      for (const [number, output] of (part.modelOutput ?? []).entries()) {
        if (output.type !== "file") continue
        const place = `prompt.content[${index}].content[${at}].modelOutput[${number}]`
        this.wait(output, place, `A file of the result of ${nameOf(part.name)} (${part.id}):`)
      }
    }
  }

  /**
   * A tool's message is text alone (platform.openai.com/docs/api-reference/chat), and so is an assistant's. Their files
   * follow in a user's message, once all tools have answered, because a call must be followed by its results.
   */
  private wait(part: Prompt.FilePart, place: string, label: string): void {
    const written = this.file(part, place)
    if (written !== undefined) this.waiting.push({ type: "text", text: label }, written)
  }

  private flush(): void {
    if (this.waiting.length > 0) this.messages.push({ role: "user", content: this.waiting })
    this.waiting = []
  }

  private file(part: Prompt.FilePart, place: string): Json.Json | undefined {
    const written = fileOf(part, place, this.reader)
    if (!isProblem(written)) return written
    this.problems.push(written)
    return undefined
  }
}

/** What a tool says. Its files stand elsewhere, and their places say so. */
const toolText = (part: Prompt.ToolResultPart): string =>
  part.modelOutput?.some(({ type }) => type === "file") === true
    ? part.modelOutput.map((each) => (each.type === "text" ? each.text : `[${each.mediaType}, see below]`)).join("\n")
    : resultText(part)

const textPart = (text: string): Json.Json | undefined => (text === "" ? undefined : { type: "text", text })

/** Text alone is written as such, which every speaker reads. */
const shortest = (parts: ReadonlyArray<Json.Json>): Message["content"] =>
  parts.every((part) => part["type"] === "text") ? parts.map((part) => part["text"]).join("\n\n") : parts

/** Instructions first, in one message; neighbours of one role as one message. */
export const alternating = (messages: ReadonlyArray<Message>): Array<Message> => {
  const isInstruction = ({ role }: Message): boolean => role === "system" || role === "developer"
  const merged: Array<Message> = []
  for (const message of [...messages.filter(isInstruction), ...messages.filter((message) => !isInstruction(message))]) {
    const last = merged.at(-1)
    // Each result of a tool answers a call of its own.
    if (last?.role === message.role && message.role !== "tool") merged[merged.length - 1] = joined(last, message)
    else merged.push(message)
  }
  return merged
}

const joined = (a: Message, b: Message): Message => {
  const calls = [...Json.array(a["tool_calls"]), ...Json.array(b["tool_calls"])]
  return {
    ...a,
    ...b,
    content:
      typeof a.content === "string" && typeof b.content === "string"
        ? `${a.content}\n\n${b.content}`
        : a.content === null || b.content === null
          ? (a.content ?? b.content)
          : [...partsOf(a.content), ...partsOf(b.content)],
    ...(calls.length === 0 ? undefined : { tool_calls: calls })
  }
}

/** A message's content as parts. */
export const partsOf = (content: Message["content"]): ReadonlyArray<Json.Json> =>
  typeof content === "string" ? [{ type: "text", text: content }] : (content ?? [])
