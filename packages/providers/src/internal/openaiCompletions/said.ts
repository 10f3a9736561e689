/** The content of a message or a delta where it is not a text but parts, as Mistral and Databricks write it. */
import * as Json from "../json.ts"

/** What was said and thought. */
export interface Said {
  readonly text: string
  readonly reasoning: string
}

/** Adds the parts of a content up. */
export const saidIn = (parts: ReadonlyArray<unknown>): Said => {
  let text = ""
  let reasoning = ""
  for (const value of parts) {
    const part = Json.object(value)
    if (part["type"] === "text") text += Json.string(part["text"]) ?? ""
    else if (part["type"] === "thinking") reasoning += textIn(part["thinking"])
    else if (part["type"] === "reasoning") reasoning += textIn(part["summary"])
  }
  return { text, reasoning }
}

const textIn = (value: unknown): string =>
  Json.string(value) ??
  Json.array(value)
    .map((part) => Json.string(Json.object(part)["text"]) ?? "")
    .join("")
