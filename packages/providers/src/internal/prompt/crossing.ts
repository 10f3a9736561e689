/**
 * A prompt made readable for whom it is written for: what another provider alone can read is taken out, the ids of tool
 * calls fit, and every call has its result right behind it.
 *
 * A prompt whose parts are all the reader's own, or nobody's in particular, and whose calls and results pair up, comes
 * through as the same object. What was crossed once is not changed by crossing it again.
 */
import * as Predicate from "effect/Predicate"
import * as Prompt from "effect/ai/Prompt"
import * as Pairs from "./toolPairs.ts"

/** Whom a prompt is written for. */
export interface Reader {
  readonly provider: string
  readonly model: string
  /** The wire format. */
  readonly api: string
  /** The maker of a model by its name, where it is known. */
  readonly makerOf: (model: string) => string | undefined
}

/** The prompt as its reader can read it. */
export const cross = (prompt: Prompt.Prompt, reader: Reader): Prompt.Prompt => {
  const origins = new Origins(reader)
  const paired = Pairs.pair(withoutForeign(prompt.content, origins), {
    fits: fits(reader.api),
    // Only Anthropic refuses an id that an earlier call had.
    unique: reader.api === anthropicMessages,
    isOwn: (part) => reader.api !== anthropicMessages && origins.of(part) === "own"
  })
  return paired === prompt.content ? prompt : Prompt.fromMessages(paired)
}

const anthropicMessages = "anthropic-messages"

/** What the formats take for the id of a tool call, as their errors say. */
const fits = (api: string): Pairs.Fit => {
  switch (api) {
    case anthropicMessages:
      return { pattern: /^[a-zA-Z0-9_-]+$/, longest: Number.POSITIVE_INFINITY }
    case "openai-responses":
    case "openai-codex-responses":
      return { pattern: /^[\x21-\x7e]+$/, longest: 64 }
    case "openai-completions":
      return { pattern: /^[\x21-\x7e]+$/, longest: 40 }
    case "ollama":
      return { pattern: /^/, longest: Number.POSITIVE_INFINITY }
    default:
      return { pattern: /^[a-zA-Z0-9_-]+$/, longest: 40 }
  }
}

/** Whose a part is, for its reader. `kin`: another host's, of the same maker's model in the same format. */
type Origin = "own" | "kin" | "foreign" | "unknown"

/** Under which key each format keeps what it alone can read. */
const keyOf = (api: string): string =>
  api === anthropicMessages ? "anthropic" : api.startsWith("openai-") ? "openai" : api

const formats: ReadonlySet<string> = new Set(["anthropic", "openai", "ollama"])

class Origins {
  readonly reader: Reader
  readonly key: string
  private readonly known = new Map<string, Origin>()

  constructor(reader: Reader) {
    this.reader = reader
    this.key = keyOf(reader.api)
  }

  of({ options }: Prompt.Part): Origin {
    const said = options["holdfast"]
    const answered = Predicate.hasProperty(said, "answered") ? said.answered : undefined
    return Predicate.isString(answered) ? this.ofModel(answered, options) : this.ofKeys(options)
  }

  private ofModel(answered: string, options: Prompt.Part["options"]): Origin {
    const known = this.known.get(answered) ?? this.judge(answered)
    this.known.set(answered, known)
    return known === "kin" && !(this.key in options) ? "foreign" : known
  }

  private judge(answered: string): Origin {
    const { api, makerOf, model, provider } = this.reader
    const slash = answered.indexOf("/")
    const maker = makerOf(answered.slice(slash + 1))
    const own = makerOf(model)
    if (answered.slice(0, slash) === provider) {
      // One host may serve several makers, who cannot read each other's thoughts.
      return maker === undefined || own === undefined || maker === own ? "own" : "foreign"
    }
    // Claude's signatures hold on every platform that hosts it (docs.anthropic.com, "Extended thinking").
    return api === anthropicMessages && maker !== undefined && maker === own ? "kin" : "foreign"
  }

  /** Parts that no call of ours gave say by their metadata whose they are, if anybody's. */
  private ofKeys(options: Prompt.Part["options"]): Origin {
    let origin: Origin = "unknown"
    for (const key in options) {
      if (key === this.key || key === this.reader.provider) return "own"
      if (formats.has(key)) origin = "foreign"
    }
    return origin
  }
}

/** The messages without what others alone can read; the same array where there is nothing of the kind. */
const withoutForeign = (messages: ReadonlyArray<Prompt.Message>, origins: Origins): ReadonlyArray<Prompt.Message> => {
  let changed = false
  const kept: Array<Prompt.Message> = []
  for (const message of messages) {
    const readable = message.role === "assistant" || message.role === "tool" ? readableOf(message, origins) : message
    if (readable !== message) changed = true
    if (readable !== undefined) kept.push(readable)
  }
  return changed ? kept : messages
}

/** The message as it can be read; nothing where nothing of it is left. */
const readableOf = (
  message: Prompt.AssistantMessage | Prompt.ToolMessage,
  origins: Origins
): Prompt.Message | undefined => {
  let changed = false
  const content: Array<Prompt.Part> = []
  for (const part of message.content) {
    const readable = partOf(part, origins)
    if (readable !== part) changed = true
    if (readable !== undefined) content.push(readable)
  }
  if (!changed) return message
  // Of the parts that the message had, so that they are of the kinds that it may have.
  return content.length === 0 ? undefined : ({ ...message, content } as Prompt.Message)
}

/** The part as it can be read; nothing where it cannot. */
const partOf = (
  part: Prompt.AssistantMessagePart | Prompt.ToolMessagePart,
  origins: Origins
): Prompt.Part | undefined => {
  switch (part.type) {
    case "reasoning":
      // Thoughts go back to who had them, and to nobody else: as text they would be imitated.
      return origins.of(part) === "foreign" ? undefined : part
    case "text":
      return origins.of(part) === "foreign" ? forgotten(part) : part
    case "tool-call":
      if (origins.of(part) !== "foreign") return part
      // What a provider ran by itself is known to that provider alone; what came of it stands in the answer's text.
      return part.providerExecuted ? undefined : forgotten(part)
    case "tool-result":
      return part.providerExecuted && origins.of(part) === "foreign" ? undefined : part
    case "file":
      return origins.of(part) === "foreign"
        ? Prompt.makePart("text", { text: `[a file of type ${part.mediaType}]`, options: marksOf(part) })
        : part
    case "tool-approval-request":
    case "tool-approval-response":
      return part
  }
}

/** The part without item ids and other things that mean something to its own provider alone. */
const forgotten = <P extends Prompt.Part>(part: P): P => {
  for (const key in part.options) {
    if (key !== "holdfast") return { ...part, options: marksOf(part) }
  }
  return part
}

const marksOf = ({ options }: Prompt.Part): Prompt.Part["options"] =>
  options["holdfast"] === undefined ? {} : { holdfast: options["holdfast"] }
