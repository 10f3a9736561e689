/** Compares what apps were told of their calls with what the servers know. */
import type { FaultTruth } from "@holdfast/testing"
import type { Book, Call, Says, Told } from "./turnWorld.ts"
import { chains, endpointNames, nameOf, providerOf, textOf, toolOf } from "./turnWorld.ts"

/** What must not be; each a list of what was found, in words. */
export interface Findings {
  readonly duplicateSideEffects: ReadonlyArray<string>
  readonly silentSwaps: ReadonlyArray<string>
  readonly contentTwice: ReadonlyArray<string>
  /** What the app was told and no server knows of. */
  readonly untrue: ReadonlyArray<string>
}

type Of<T extends Told["_tag"]> = Extract<Told, { readonly _tag: T }>

const only = <T extends Told["_tag"]>(call: Call, tag: T): ReadonlyArray<Of<T>> =>
  call.told.filter((each): each is Of<T> => each._tag === tag)

const isContent = ({ _tag }: Told): boolean => _tag === "Text" || _tag === "Params" || _tag === "Tool"

const whereOf = (call: Call): string => `${nameOf(call)} step ${call.step}`

const idOf = (call: Call): string | undefined => only(call, "Head")[0]?.id?.replace(/^(msg|resp)_|^chatcmpl-/, "")

const joined = (parts: ReadonlyArray<{ readonly text: string }>): string => parts.map(({ text }) => text).join("")

/** Whose content the app got, where it got any, or what is wrong with it: it must be of one answer, once, from its beginning. */
const sourceOf = (call: Call): { readonly endpoint?: string; readonly wrong?: string } => {
  const text = joined(only(call, "Text"))
  const params = joined(only(call, "Params"))
  const tools = only(call, "Tool")
  if (text === "" && params === "" && tools.length === 0) return {}
  const id = idOf(call) ?? "no id"
  const [tool, ...more] = tools
  const wrong = { wrong: `${text} ${params} ${tools.map((each) => each.id).join()} as ${id}` }
  if (only(call, "Head").length > 1 || more.length > 0) return wrong
  if (tool === undefined && params === "") {
    const endpoint = endpointNames.find((name) => textOf(name, id).startsWith(text))
    const whole = call.outcome !== "answered" || (endpoint !== undefined && textOf(endpoint, id) === text)
    return endpoint === undefined || !whole ? wrong : { endpoint }
  }
  const sent = JSON.stringify({ turn: nameOf(call), step: call.step })
  if (text !== "" || !sent.startsWith(params)) return wrong
  // Who began a call of a tool that was cut off is not to be seen by its arguments.
  if (tool === undefined) return {}
  const endpoint = endpointNames.find((name) => toolOf(name) === tool.name)
  return endpoint === undefined || !tool.id.endsWith(`_${id}`) || tool.step !== call.step ? wrong : { endpoint }
}

const swapOf = (call: Call): Of<"Swap"> | undefined => {
  const [swap, ...more] = only(call, "Swap")
  const first = call.told.findIndex(isContent)
  return swap !== undefined && more.length === 0 && call.told.indexOf(swap) < first ? swap : undefined
}

const headOf = (call: Call): Says | undefined => {
  const head = call.told.find((each) => each._tag === "Head")
  return head?._tag === "Head" ? head.says : undefined
}

/** The name of a model wherever it is hosted. */
const identityOf = (model: string): string => (model.split("/").at(-1) ?? "").replaceAll(".", "-")

/**
 * Whether all that speaks of who answered says so: always the answer itself, and where that is another model than the one
 * that was asked, the swap as well, before the first content; and nothing speaks of a swap that was none.
 */
const isTold = (call: Call, endpoint: string): boolean => {
  const says = headOf(call)
  const answering = chains.find(([primary]) => primary === call.asked)?.find((model) => providerOf(model) === endpoint)
  if (answering === undefined || says?.requested !== call.asked || says.answered !== answering) return false
  if (identityOf(answering) === identityOf(call.asked))
    return says.swap === undefined && only(call, "Swap").length === 0
  const swap = swapOf(call)
  return says.swap !== undefined && swap?.requested === call.asked && swap.answered === answering
}

/** The pieces of work that each endpoint has answered, in part or whole. */
const answeredAt = (truth: FaultTruth.Truth): ReadonlyMap<string, ReadonlySet<string>> =>
  new Map(
    Object.entries(truth.endpoints).map(([name, { connections }]) => [
      name,
      new Set(
        connections.flatMap(({ requests }) =>
          requests.flatMap(({ answered, ran, runKey }) =>
            ran && answered !== "none" && runKey !== null ? [runKey] : []
          )
        )
      )
    ])
  )

/** Compares. */
export const check = (book: Book, truth: FaultTruth.Truth): Findings => {
  const answered = answeredAt(truth)
  const silentSwaps: Array<string> = []
  const contentTwice: Array<string> = []
  const untrue: Array<string> = []
  for (const call of book.calls) {
    const where = whereOf(call)
    const { endpoint, wrong } = sourceOf(call)
    if (wrong !== undefined) contentTwice.push(`${where}: ${wrong}`)
    if (call.outcome === "answered" && endpoint === undefined && wrong === undefined)
      untrue.push(`${where}: no content`)
    if (call.outcome !== "answered" && endpoint !== undefined && call.outcome !== "ReplayUnsafe") {
      untrue.push(`${where}: gave out content and fails as ${call.outcome}`)
    }
    if (endpoint === undefined) continue
    if (!isTold(call, endpoint)) silentSwaps.push(`${where}: ${endpoint} answered ${JSON.stringify(headOf(call))}`)
    const key = `${nameOf(call)}#${call.step - 1}`
    if (answered.get(endpoint)?.has(key) !== true) untrue.push(`${where}: ${endpoint} knows of no answer`)
  }
  return {
    duplicateSideEffects: Array.from(book.effects).flatMap(([key, count]) => (count > 1 ? [`${key}: ${count}`] : [])),
    silentSwaps,
    contentTwice,
    untrue
  }
}
