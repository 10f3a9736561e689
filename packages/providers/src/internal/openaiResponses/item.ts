/** The items of a response's output, as far as they have come. */
import * as Json from "../json.ts"

/**
 * `hosted`: a tool that the provider runs, or has the app's machine run. `opaque`: what means nothing to an app and has
 * its place in the conversation. `input`: an item of the request's that some answers repeat.
 */
export type Kind = "message" | "reasoning" | "call" | "image" | "hosted" | "opaque" | "input"

interface Base {
  /** What events name it by. */
  readonly key: number | string
  /** Its place in the output, where the server tells. */
  readonly index: number | undefined
  readonly id: string | undefined
  finished: boolean
}

interface Content extends Base {
  /** The place in the item that is being written, and the part that it is written to. */
  place: number | undefined
  open: string
  /** The places that were written to. */
  readonly places: Set<number>
}

/** A message of the model's. */
export interface Text extends Content {
  readonly kind: "message"
  phase: string | undefined
  /** How many sources were given out, by place. */
  readonly cited: Map<number, number>
}

/** Thoughts of the model's. */
export interface Reasoning extends Content {
  readonly kind: "reasoning"
}

/** A call of a function of the app's. */
export interface Call extends Base {
  readonly kind: "call"
  readonly callId: string
  readonly name: string
  readonly fragments: Array<string>
}

/** What is told once it is whole. */
interface Rest extends Base {
  readonly kind: "image" | "hosted" | "opaque" | "input"
}

/** An item. */
export type Item = Text | Reasoning | Call | Rest

/** The sort of an item. */
export const kindOf = (raw: Json.Json): Kind => {
  switch (raw["type"]) {
    case "message":
      return raw["role"] === undefined || raw["role"] === "assistant" ? "message" : "input"
    case "reasoning":
      return "reasoning"
    case "function_call":
      return "call"
    case "image_generation_call":
      return "image"
    default:
      return Json.string(raw["type"])?.endsWith("_call") === true ? "hosted" : "opaque"
  }
}

/** An item that begins. */
export const itemOf = (kind: Kind, key: number | string, raw: Json.Json): Item => {
  const id = Json.string(raw["id"])
  const base = { key, index: typeof key === "number" ? key : undefined, id, finished: false }
  switch (kind) {
    case "message": {
      const phase = Json.string(raw["phase"])
      return { ...base, kind, place: undefined, open: "", places: new Set(), phase, cited: new Map() }
    }
    case "reasoning":
      return { ...base, kind, place: undefined, open: "", places: new Set() }
    case "call": {
      const callId = Json.string(raw["call_id"]) || id || `call_${key}`
      return { ...base, kind, callId, name: Json.string(raw["name"]) ?? "", fragments: [] }
    }
    default:
      return { ...base, kind }
  }
}

/** Where the nth content of an item stands. */
export const contentPlace = (index: number): number => index

/** Where the nth part of a summary stands: apart from the contents. */
export const summaryPlace = (index: number): number => -1 - index
