/** What of a model's reasoning goes back to it. */
import type * as Prompt from "effect/ai/Prompt"
import type { ReasoningBack } from "../../CompletionsDialect.ts"
import type { Target } from "../../Codec.ts"
import * as Json from "../json.ts"

/** The fields of an assistant's message that hold its reasoning; none where the provider wants none. */
export const reasoningOf = (
  message: Prompt.AssistantMessage,
  back: ReasoningBack,
  target: Target
): Json.Json | undefined => {
  const own = message.content.filter((part) => part.type === "reasoning").filter((part) => isOwn(part, target))
  if (back.field === "reasoning_details") {
    const details = own.flatMap(({ options }) =>
      isSameModel(options, target) ? Json.array(Json.object(options["openai"])["reasoningDetails"]).filter(isWhole) : []
    )
    return details.length === 0 ? undefined : { reasoning_details: details }
  }
  // What stood between tags is no field of theirs.
  const text = own
    .map(({ options, text }) => (Json.object(options["openai"])["reasoning"] === "think" ? "" : text))
    .join("")
  if (text !== "") return { [back.field]: text }
  const called = message.content.some((part) => part.type === "tool-call" && !part.providerExecuted)
  return called && back.absent !== undefined ? { [back.field]: back.absent } : undefined
}

/** Anthropic refuses a thought without its signature, which a history that was edited may have lost. */
const isWhole = (value: unknown): boolean => {
  const detail = Json.object(value)
  return (
    detail["type"] !== "reasoning.text" ||
    Json.string(detail["format"])?.startsWith("anthropic") !== true ||
    Boolean(Json.string(detail["signature"]))
  )
}

/** Whether this provider gave it. Without a word of who answered, what has the format's own mark is taken for it. */
const isOwn = ({ options }: Prompt.ReasoningPart, { definition }: Target): boolean => {
  const answered = answeredBy(options)
  return answered === undefined ? options["openai"] !== undefined : answered.startsWith(`${definition.id}/`)
}

/** Whether this model gave it: what is signed or encrypted is its own alone. */
const isSameModel = (options: Prompt.ReasoningPart["options"], { definition, facts, model }: Target): boolean => {
  const answered = answeredBy(options)?.slice(definition.id.length + 1)
  if (answered === undefined || answered === model) return true
  const identity = facts?.identity
  return identity !== undefined && definition.describe(answered)?.identity === identity
}

const answeredBy = (options: Prompt.ReasoningPart["options"]): string | undefined =>
  Json.string(Json.object(options["holdfast"])["answered"])

/** Which messages of a prompt belong to a turn that called a tool. */
export const toolTurns = (messages: ReadonlyArray<Prompt.Message>): ReadonlySet<number> => {
  const within = new Set<number>()
  let turn: Array<number> = []
  let called = false
  const end = (): void => {
    if (called) for (const index of turn) within.add(index)
    turn = []
    called = false
  }
  for (const [index, message] of messages.entries()) {
    if (message.role === "user") end()
    else if (message.role === "assistant") {
      turn.push(index)
      called ||= message.content.some((part) => part.type === "tool-call" && !part.providerExecuted)
    }
  }
  end()
  return within
}
