/**
 * Tools that a provider runs by itself, where `LanguageModel` has no word for them.
 *
 * It reads calls and results of the tools in the app's toolkit alone, and refuses an answer that holds any other. So a
 * call or a result of a tool that the toolkit does not define as a provider's, or of another shape than it defines,
 * becomes an empty thought that carries it, keeps its place in the conversation, and is itself again in the prompt of a
 * later call.
 */
import * as Arr from "effect/Array"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Json from "../json.ts"

type Part = Response.PartEncoded | Response.StreamPartEncoded
type OfTool = Response.ToolCallPartEncoded | Response.ToolResultPartEncoded | Response.ToolParamsStartPartEncoded
type Hosted = Response.ToolCallPartEncoded | Response.ToolResultPartEncoded

/** The tools that a toolkit defines as a provider's, by the provider's names and by its own. */
export type Defined = ReadonlyMap<string, Tool.Any>

/** The tools among these that are defined as a provider's. */
export const definedAmong = (tools: ReadonlyArray<Tool.Any>): Defined => {
  const defined = new Map<string, Tool.Any>()
  for (const tool of tools) {
    // Somebody else's model may use the toolkit's names already.
    if (Tool.isProviderDefined(tool)) defined.set(tool.name, tool).set(tool.providerName, tool)
  }
  return defined
}

/** A whole answer that `LanguageModel` can read. */
export const carried = (parts: ReadonlyArray<Response.PartEncoded>, defined: Defined): Array<Response.PartEncoded> =>
  parts.map((part) => {
    if (!isOfTool(part)) return part
    const fitting = fittingOf(part, defined)
    return fitting ?? { type: "reasoning", text: "", metadata: carrying(part) }
  })

/** Parts of a stream that `LanguageModel` can read. */
export const carriedInStream = (
  defined: Defined
): (<E, R>(
  parts: Stream.Stream<Response.StreamPartEncoded, E, R>
) => Stream.Stream<Response.StreamPartEncoded, E, R>) =>
  Stream.mapArray((parts) => {
    if (!parts.some(isOfTool)) return parts
    const all = parts.flatMap((part) => carriedPart(part, defined))
    return Arr.isArrayNonEmpty(all) ? all : parts
  })

const carriedPart = (part: Response.StreamPartEncoded, defined: Defined): Array<Response.StreamPartEncoded> => {
  if (!isOfTool(part)) return [part]
  const fitting = fittingOf(part, defined)
  if (fitting !== undefined) return [fitting]
  const id = `${part.type}-${part.id}`
  return [
    { type: "reasoning-start", id },
    { type: "reasoning-end", id, metadata: carrying(part) }
  ]
}

/** What is asked, with what the thoughts in its prompt carry. */
export const restored = (asked: LanguageModel.ProviderOptions): LanguageModel.ProviderOptions =>
  asked.prompt.content.some(hasCarried) ? { ...asked, prompt: promptOf(asked.prompt) } : asked

const promptOf = (prompt: Prompt.Prompt): Prompt.Prompt =>
  Prompt.fromMessages(
    prompt.content.map((message) =>
      message.role === "assistant" && hasCarried(message)
        ? Prompt.makeMessage("assistant", { content: message.content.flatMap(restore), options: message.options })
        : message
    )
  )

const isOfTool = <P extends Part>(part: P): part is P & OfTool =>
  part.type === "tool-call" || part.type === "tool-result" || part.type === "tool-params-start"

/** The part under the toolkit's name for its tool; nothing for one that `LanguageModel` would refuse. */
const fittingOf = <P extends OfTool>(part: P, defined: Defined): P | undefined => {
  const tool = defined.get(part.name)
  if (
    part.type !== "tool-params-start" &&
    part.providerExecuted === true &&
    (tool === undefined || !fits(part, tool))
  ) {
    return undefined
  }
  return tool === undefined || tool.name === part.name ? part : { ...part, name: tool.name }
}

/** Whether a call or a result is of the shape that the toolkit gives it. */
const fits = (part: Hosted, tool: Tool.Any): boolean =>
  part.type === "tool-call"
    ? decodes(tool.parametersSchema, part.params)
    : decodes(part.isFailure ? tool.failureSchema : tool.successSchema, part.result)

const decodes = (schema: Schema.Constraint, value: unknown): boolean => {
  try {
    // A schema that needs services cannot be asked here, and throws.
    Schema.decodeUnknownSync(schema as Schema.Decoder<unknown>)(value)
    return true
  } catch {
    return false
  }
}

// As text, because what a tool found may be long and of any depth, and metadata is checked value by value. What stood in
// metadata can stand there again.
const carrying = ({ metadata, ...hosted }: OfTool): Response.ProviderMetadata => ({
  ...metadata,
  holdfast: { ...Json.object(metadata?.["holdfast"]), hosted: JSON.stringify(hosted) } as Response.ProviderMetadata
})

const carriedBy = (part: Prompt.Part): string | undefined =>
  part.type === "reasoning" ? Json.string(Json.object(part.options["holdfast"])["hosted"]) : undefined

const hasCarried = (message: Prompt.Message): boolean =>
  message.role === "assistant" && message.content.some((part) => carriedBy(part) !== undefined)

/** The call or the result that a thought carries; nothing for one that somebody has changed. */
const restore = (part: Prompt.AssistantMessagePart): ReadonlyArray<Prompt.AssistantMessagePart> => {
  const text = carriedBy(part)
  if (text === undefined) return [part]
  const hosted = Json.objectIn(text)
  const id = Json.string(hosted["id"])
  const name = Json.string(hosted["name"])
  if (id === undefined || name === undefined) return []
  const common = { id, name, providerExecuted: true, options: part.options }
  return hosted["type"] === "tool-call"
    ? [Prompt.makePart("tool-call", { ...common, params: hosted["params"] })]
    : [
        Prompt.makePart("tool-result", {
          ...common,
          result: hosted["result"],
          isFailure: hosted["isFailure"] === true
        })
      ]
}
