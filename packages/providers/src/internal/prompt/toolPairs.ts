/**
 * Tool calls and their results, paired: each result right behind its call, under an id that the format takes.
 *
 * Every provider refuses a call without a result and a result without a call, for good: a history that has one never
 * works again. Histories get there by honest ways, so that they are repaired. A call whose agent was stopped is answered
 * with the truth, that there is no result; the model then decides. A result whose call was trimmed from the history goes
 * the way of its call; as text of the user's it would speak with the user's voice.
 */
import * as Prompt from "effect/ai/Prompt"

/** The ids that a format takes. */
export interface Fit {
  readonly pattern: RegExp
  readonly longest: number
}

/** How calls and results are paired. */
export interface Options {
  readonly fits: Fit
  /** Whether no two calls may have one id, those of different messages included. */
  readonly unique: boolean
  /** Whether a call is the reader's own, whose ids it takes as they are. */
  readonly isOwn: (part: Prompt.ToolCallPart) => boolean
}

interface Call {
  readonly part: Prompt.ToolCallPart
  readonly at: number
  id: string
  result: Prompt.ToolResultPart | undefined
}

/** The messages with calls and results paired; the same array where they were. */
export const pair = (messages: ReadonlyArray<Prompt.Message>, options: Options): ReadonlyArray<Prompt.Message> => {
  const found = find(messages)
  if (found === undefined) return messages
  const renamed = rename(found.calls, options)
  if (!found.inPlace) return rebuilt(messages, found.calls)
  return renamed ? withIds(messages, found.calls) : messages
}

interface Found {
  readonly calls: ReadonlyArray<Call>
  /** Whether every call has its result behind it, and every result its call before it. */
  readonly inPlace: boolean
}

/** The calls with their results; nothing where there are neither. */
const find = (messages: ReadonlyArray<Prompt.Message>): Found | undefined => {
  const calls: Array<Call> = []
  const open = new Map<string, Array<Call>>()
  let inPlace = true
  let results = false
  /** The latest message with calls, while nothing but results has followed it. */
  let before = -1
  for (const [at, message] of messages.entries()) {
    if (message.role === "tool") {
      for (const part of message.content) {
        if (part.type !== "tool-result" || part.providerExecuted) continue
        results = true
        const call = open.get(part.id)?.shift()
        if (call === undefined) inPlace = false
        else {
          call.result = part
          if (call.at !== before) inPlace = false
        }
      }
      continue
    }
    before = at
    if (message.role !== "assistant") continue
    const first = calls.length
    for (const part of message.content) {
      if (part.type === "tool-call" && !part.providerExecuted) calls.push({ part, at, id: part.id, result: undefined })
    }
    // Calls of one message may share an id, in order; an id that a later message has is that message's.
    for (let i = first; i < calls.length; i++) open.delete(calls[i]?.id ?? "")
    for (let i = first; i < calls.length; i++) opened(open, calls[i])
  }
  if (calls.length === 0 && !results) return undefined
  return { calls, inPlace: inPlace && calls.every(({ result }) => result !== undefined) }
}

const opened = (open: Map<string, Array<Call>>, call: Call | undefined): void => {
  if (call === undefined) return
  const others = open.get(call.id)
  if (others === undefined) open.set(call.id, [call])
  else others.push(call)
}

/** Gives every call an id that fits, and says whether any got another than it had. */
const rename = (calls: ReadonlyArray<Call>, { fits, isOwn, unique }: Options): boolean => {
  const had = new Map<string, number>()
  /** What was made of ids that did not fit. */
  const made = new Map<string, string>()
  let taken: Set<string> | undefined
  let message = -1
  for (const call of calls) {
    const { id } = call.part
    // No format takes one id for two calls of one message.
    if (!unique && call.at !== message) had.clear()
    message = call.at
    const nth = had.get(id) ?? 0
    had.set(id, nth + 1)
    const stays = id !== "" && (isOwn(call.part) || (id.length <= fits.longest && fits.pattern.test(id)))
    if (nth === 0 && stays) continue
    taken ??= new Set(calls.map(({ part }) => part.id))
    // A call has the same id in a longer history, so that what the provider has cached of it stays good.
    const key = `${nth} ${id}`
    call.id = made.get(key) ?? unused(id, nth, fits.longest, taken)
    made.set(key, call.id)
    taken.add(call.id)
  }
  return taken !== undefined
}

const unused = (id: string, nth: number, longest: number, taken: ReadonlySet<string>): string => {
  const readable = id.replace(/[^a-zA-Z0-9_-]/g, "_")
  for (let salt = nth; ; salt++) {
    const tail = `_${hash(salt === 0 ? id : `${id}#${salt}`)}`
    const made = readable.slice(0, longest - tail.length) + tail
    if (!taken.has(made)) return made
  }
}

/** FNV-1a, 32 bits, as at most seven letters and digits. */
const hash = (text: string): string => {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  }
  return (value >>> 0).toString(36)
}

/** The messages as they are, with the ids that the calls were given. */
const withIds = (
  messages: ReadonlyArray<Prompt.Message>,
  calls: ReadonlyArray<Call>
): ReadonlyArray<Prompt.Message> => {
  const ids = new Map<Prompt.Part, string>()
  for (const { id, part, result } of calls) {
    if (id === part.id) continue
    ids.set(part, id)
    if (result !== undefined) ids.set(result, id)
  }
  const named = <P extends Prompt.Part>(part: P): P => {
    const id = ids.get(part)
    return id === undefined ? part : { ...part, id }
  }
  return messages.map((message): Prompt.Message => {
    if (message.role !== "assistant" && message.role !== "tool") return message
    if (!message.content.some((part: Prompt.Part) => ids.has(part))) return message
    return message.role === "assistant"
      ? { ...message, content: message.content.map(named) }
      : { ...message, content: message.content.map(named) }
  })
}

/** The messages with every result right behind its call. */
const rebuilt = (
  messages: ReadonlyArray<Prompt.Message>,
  calls: ReadonlyArray<Call>
): ReadonlyArray<Prompt.Message> => {
  const byMessage = new Map<number, Array<Call>>()
  for (const call of calls) {
    const others = byMessage.get(call.at)
    if (others === undefined) byMessage.set(call.at, [call])
    else others.push(call)
  }
  const paired: Array<Prompt.Message> = []
  for (const [at, message] of messages.entries()) {
    if (message.role === "tool") {
      const content = message.content.filter((part) => part.type !== "tool-result" || part.providerExecuted)
      if (content.length > 0) paired.push({ ...message, content })
      continue
    }
    paired.push(message)
    const own = byMessage.get(at)
    if (own !== undefined)
      paired.push(Prompt.makeMessage("tool", { content: own.map((call) => (call.result ??= without(call))) }))
  }
  return withIds(paired, calls)
}

const without = ({ part }: Call): Prompt.ToolResultPart =>
  Prompt.makePart("tool-result", {
    id: part.id,
    name: part.name,
    isFailure: true,
    result: noResult,
    providerExecuted: false
  })

const noResult = "There is no result: it is not known whether the tool has run."
