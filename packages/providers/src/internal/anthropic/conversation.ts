/** A prompt as Anthropic's system prompt and messages (docs, "Messages"). */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type * as Prompt from "effect/ai/Prompt"
import type { ModelCall, Target } from "../../Codec.ts"
import * as Json from "../json.ts"
import * as Params from "../prompt/params.ts"
import { resultText } from "../prompt/toolText.ts"
import * as Files from "./files.ts"

/** A block under construction. */
type Block = Record<string, unknown>

/** A message, by one side. */
interface Message {
  readonly role: "user" | "assistant"
  readonly content: Array<Block>
}

/** What is said before the tools and the answer. */
export interface Conversation {
  readonly system: Array<Block>
  readonly messages: Array<Message>
  /** Where code of Anthropic's waits for the results of calls that it made. */
  readonly container: string | undefined
}

/** The conversation, or everything in it that cannot be said. `names` are Anthropic's for its tools in the toolkit. */
export const conversationOf = (
  { prompt }: ModelCall,
  target: Target,
  names: ReadonlyMap<string, string>
): Result.Result<Conversation, InvalidInput> => {
  const writer = new Writer(target, names)
  for (const [index, message] of prompt.content.entries()) writer.add(`prompt.content[${index}]`, message)
  writer.checkShape()
  const { container, messages, problems, system } = writer
  return Arr.isArrayNonEmpty(problems)
    ? Result.fail(new InvalidInput({ problems }))
    : Result.succeed({ system, messages, container })
}

class Writer {
  readonly system: Array<Block> = []
  readonly messages: Array<Message> = []
  readonly problems: Array<Problem> = []
  container: string | undefined
  private readonly target: Target
  private readonly names: ReadonlyMap<string, string>

  constructor(target: Target, names: ReadonlyMap<string, string>) {
    this.target = target
    this.names = names
  }

  add(place: string, message: Prompt.Message): void {
    const { options } = message
    if (message.role === "system") {
      if (!isBlank(message.content)) this.system.push(cached({ type: "text", text: message.content }, options))
      return
    }
    const content: Array<Block> = []
    for (const [index, part] of message.content.entries()) {
      const block = this.blockOf(`${place}.content[${index}]`, part, message.role)
      if (block !== undefined) content.push(isThought(block) ? block : cached(block, part.options))
    }
    const last = content.at(-1)
    if (last !== undefined && !isThought(last)) cached(last, options)
    append(this.messages, message.role === "assistant" ? "assistant" : "user", content)
  }

  /** What Anthropic demands of the whole. */
  checkShape(): void {
    // Parts that cannot be said leave holes, which are no problems of their own.
    if (this.problems.length > 0) return
    const [first] = this.messages
    if (first === undefined) {
      this.problems.push(Params.unsupported("prompt", "at least one message of a user's", "none"))
    } else if (first.role === "assistant") {
      this.problems.push(
        Params.unsupported("prompt", "a message of a user's before the first of an assistant's", "none")
      )
    }
    const last = this.messages.at(-1)
    // A text that the model is to go on with must not end in white space.
    const text = last?.role === "assistant" ? last.content.at(-1) : undefined
    if (text?.["type"] === "text") text["text"] = String(text["text"]).trimEnd()
  }

  /** The block for a part; none where Anthropic has no use for it, or where it is a problem. */
  private blockOf(place: string, part: Prompt.Part, role: Prompt.Message["role"]): Block | undefined {
    switch (part.type) {
      case "text":
        return isBlank(part.text) ? undefined : textOf(part, role)
      case "reasoning":
        return thoughtOf(part)
      case "file":
        if (role === "assistant") {
          this.problems.push(Params.unsupported(place, "no file in what an assistant said", "a file"))
          return undefined
        }
        return this.fileOf(place, part)
      case "tool-call":
        return this.callOf(part)
      case "tool-result":
        return this.resultOf(place, part)
      case "tool-approval-request":
      case "tool-approval-response":
        return undefined
    }
  }

  private fileOf(place: string, part: Prompt.FilePart): Block | undefined {
    const block = Files.blockOf(part, this.target)
    if (Result.isSuccess(block)) return { ...block.success }
    this.problems.push(Params.unsupported(place, block.failure.expected, block.failure.found))
    return undefined
  }

  private callOf(part: Prompt.ToolCallPart): Block | undefined {
    const own = ownOf(part)
    const name = this.names.get(part.name) ?? part.name
    const more = { ...(own["caller"] === undefined ? undefined : { caller: own["caller"] }) }
    if (part.providerExecuted) {
      // What another provider ran by itself is the affair of that provider.
      if (typeof own["block"] !== "string") return undefined
      const server = own["server"] === undefined ? undefined : { server_name: own["server"] }
      return { type: own["block"], id: part.id, name, input: inputOf(part.params), ...server, ...more }
    }
    if (typeof own["container"] === "string") this.container = own["container"]
    const toolset = own["toolset"] === undefined ? undefined : { toolset_name: own["toolset"] }
    return { type: "tool_use", id: part.id, name, input: inputOf(part.params), ...toolset, ...more }
  }

  private resultOf(place: string, part: Prompt.ToolResultPart): Block | undefined {
    if (part.providerExecuted) {
      const { block, caller } = ownOf(part)
      if (typeof block !== "string") return undefined
      return {
        type: block,
        tool_use_id: part.id,
        content: part.result,
        // The others say in their content that they failed.
        ...(block === "mcp_tool_result" ? { is_error: part.isFailure } : undefined),
        ...(caller === undefined ? undefined : { caller })
      }
    }
    return {
      type: "tool_result",
      tool_use_id: part.id,
      content: this.outputOf(place, part),
      ...(part.isFailure ? { is_error: true } : undefined)
    }
  }

  /** What a tool wrote for the model, with the files that it shows. */
  private outputOf(place: string, part: Prompt.ToolResultPart): string | ReadonlyArray<Block> {
    const { modelOutput } = part
    if (!modelOutput?.some((output) => output.type === "file")) return resultText(part)
    return modelOutput.flatMap((output, index) => {
      if (output.type === "text") return isBlank(output.text) ? [] : [{ type: "text", text: output.text }]
      const block = this.fileOf(`${place}.modelOutput[${index}]`, output)
      return block === undefined ? [] : [block]
    })
  }
}

/** What Anthropic keeps in a part. */
const ownOf = (part: Prompt.Part): Json.Json => Json.object(part.options["anthropic"])

const textOf = (part: Prompt.TextPart, role: Prompt.Message["role"]): Block => {
  const { citations } = ownOf(part)
  const cites = role === "assistant" && Array.isArray(citations) && citations.length > 0
  return { type: "text", text: part.text, ...(cites ? { citations: citations.map(citationOf) } : undefined) }
}

/** A citation as it may be given back: without the file, which Anthropic tells but does not take. */
const citationOf = (citation: unknown): Json.Json => {
  const { file_id: _, ...rest } = Json.object(citation)
  return rest
}

/** Thoughts go back only with the signature that Anthropic gave them, and what it wants to see again as it was. */
const thoughtOf = (part: Prompt.ReasoningPart): Block | undefined => {
  const { opaque, redactedData, signature } = ownOf(part)
  if (typeof signature === "string" && signature !== "") return { type: "thinking", thinking: part.text, signature }
  if (typeof redactedData === "string") return { type: "redacted_thinking", data: redactedData }
  if (typeof opaque !== "string") return undefined
  const block = Json.parse(opaque)
  return block._tag === "Success" && Json.isObject(block.success) ? { ...block.success } : undefined
}

/** Anthropic refuses text without anything to read, although Claude writes it at times. */
const isBlank = (text: string): boolean => text.trim() === ""

const isThought = (block: Block): boolean => block["type"] === "thinking" || block["type"] === "redacted_thinking"

/** Anthropic wants an object, whatever another model called the tool with. */
const inputOf = (params: unknown): Json.Json => {
  if (Json.isObject(params)) return params
  return params === undefined || params === null ? {} : { value: params }
}

/** The block with the cache breakpoint that the app set. */
const cached = (block: Block, options: Prompt.ProviderOptions): Block => {
  const { cacheControl } = Json.object(options["anthropic"])
  if (Json.isObject(cacheControl)) block["cache_control"] = cacheControl
  return block
}

/** Anthropic wants the roles to alternate, so that neighbours of one role are one message. */
const append = (messages: Array<Message>, role: Message["role"], content: Array<Block>): void => {
  if (content.length === 0) return
  const last = messages.at(-1)
  if (last?.role === role) {
    last.content.push(...content)
  } else {
    messages.push({ role, content })
  }
}
