/**
 * Details of reasoning (OpenRouter's `reasoning_details`): pieces of text and of summaries, signatures, encrypted data. A
 * stream brings them in fragments; the provider wants them back whole and in order.
 */
import type * as Schema from "effect/Schema"
import * as Json from "../json.ts"

/** One detail, whole. */
export type Detail = { readonly [field: string]: Schema.Json }

interface Open {
  readonly fields: Record<string, Schema.Json>
  readonly kind: "text" | "summary" | undefined
  readonly fragments: Array<string>
}

/** Puts fragments together. */
export class Details {
  private parts: Array<Open> = []

  /** Adds what came, in order. */
  add(details: ReadonlyArray<unknown>): void {
    for (const value of details) if (Json.isObject(value)) this.one(value)
  }

  private one(detail: Json.Json): void {
    const type = detail["type"]
    const kind = type === "reasoning.text" ? "text" : type === "reasoning.summary" ? "summary" : undefined
    const last = this.parts.at(-1)
    const goesOn =
      kind !== undefined &&
      last?.kind === kind &&
      last.fields["index"] === detail["index"] &&
      // A signature ends its thought.
      !last.fields["signature"]
    const open: Open = goesOn ? last : { fields: {}, kind, fragments: [] }
    if (!goesOn) this.parts.push(open)
    for (const name in detail) {
      const value = detail[name]
      if (name === kind) {
        if (typeof value === "string") open.fragments.push(value)
      } else if (value !== undefined && value !== null) {
        // What was parsed from JSON is JSON.
        open.fields[name] = value as Schema.Json
      }
    }
  }

  /** All that came since the last time, whole. */
  take(): Array<Detail> {
    const parts = this.parts
    this.parts = []
    return parts.map(({ fields, fragments, kind }) => {
      if (kind !== undefined) fields[kind] = fragments.join("")
      return fields
    })
  }
}

/** What details say, for who reads them. */
export const textOf = (details: ReadonlyArray<unknown>): string => {
  let text = ""
  for (const value of details) {
    const detail = Json.object(value)
    text += Json.string(detail["text"]) ?? Json.string(detail["summary"]) ?? ""
  }
  return text
}
