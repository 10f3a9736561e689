/** What an error answer says, before anybody decides what it means: fields in all the places where providers put them. */
import type { Clean } from "../../Codec.ts"
import * as Json from "../json.ts"
import * as Page from "./page.ts"
import type { Headers } from "./wait.ts"

/** The words of an error, the provider's or those of who stands behind it. */
export interface Said {
  readonly type: string | undefined
  readonly code: string | undefined
  /** Code, type, and whatever else is a word in a place for one. */
  readonly words: ReadonlyArray<string>
  readonly parameter: string | undefined
  /** Whole: what may be a key is taken out before anything is cut. */
  readonly text: string
}

/** What a classifier goes by: the provider's own words as they are, to be read, and what makes them fit to be kept. */
export interface Facts extends Said {
  /** HTTP status; absent where the error came inside a 200. */
  readonly status: number | undefined
  /** The status that the error itself names, where HTTP's says nothing. */
  readonly saidStatus: number | undefined
  /** What a router was told by whom it asked, and his name. */
  readonly upstream: (Said & { readonly name: string | undefined }) | undefined
  readonly requestId: string | undefined
  /** Whether the error has the provider's own shape. */
  readonly own: boolean
  /** Whether something in front of the provider speaks. */
  readonly intermediary: boolean
  /** Whether the body is a page, whose text is for people. */
  readonly page: boolean
  /** Whether an edge turned the sender away for where he comes from. */
  readonly blocked: boolean
  readonly headers: Headers
  readonly body: Json.Json
  /** When the answer came, in milliseconds since 1970. */
  readonly now: number | undefined
  readonly clean: Clean
  readonly provider: string
}

/** A type, a code, an id: one word of a provider's. */
export const word = (value: unknown): string | undefined => {
  const text = typeof value === "number" ? String(value) : Json.string(value)
  return text === "" ? undefined : text
}

/** The body as an object: Google answers an array of one. */
export const objectIn = (body: string): Json.Json => {
  const parsed = Json.parse(body)
  if (parsed._tag === "Failure") return Json.object(undefined)
  const { success } = parsed
  return Json.object(Array.isArray(success) ? success[0] : success)
}

/** The error that a body holds. */
export const saidOf = (body: Json.Json): Said => {
  const error = Json.object(body["error"])
  // OAuth's errors are a code in this place (RFC 6749 section 5.2), Ollama's a sentence.
  const bare = Json.string(body["error"])
  const isCode = bare !== undefined && /^\w+$/.test(bare)
  const inner = Json.object(error["innererror"])
  const metadata = Json.object(error["metadata"])
  const top = Json.isObject(body["error"]) ? undefined : body
  const type = word(error["type"] ?? top?.["type"])
  const code = word(error["code"] ?? top?.["code"] ?? top?.["error_code"] ?? (isCode ? bare : undefined))
  const more = [
    error["status"],
    error["error_type"],
    Json.object(error["details"])["error_code"],
    inner["code"],
    metadata["error_type"],
    Json.object(body["detail"])["code"]
  ]
  const message = Json.string(error["message"]) ?? (isCode ? undefined : bare) ?? Page.messageIn(body) ?? bare ?? ""
  return {
    type,
    code,
    words: [code, type, ...more.map(word)].filter((text) => text !== undefined),
    parameter: word(error["param"]),
    text: message
  }
}

/** What a router's upstream said: its body as a string (openrouter.ai/docs, "Errors", `metadata.raw`). */
export const upstreamOf = (body: Json.Json): Facts["upstream"] => {
  const metadata = Json.object(Json.object(body["error"])["metadata"])
  const raw = metadata["raw"]
  const object = typeof raw === "string" ? objectIn(raw) : Json.object(raw)
  const said = saidOf(object)
  const text = said.text === "" && typeof raw === "string" ? Page.textOf(raw) : said.text
  const name = word(metadata["provider_name"])
  return text === "" && said.words.length === 0 ? undefined : { ...said, text, name }
}

/** The status that an error names itself, where its code or a field beside it is one. */
export const saidStatusOf = (body: Json.Json): number | undefined => {
  const error = Json.object(body["error"])
  return [error["code"], error["status_code"], body["status_code"], error["status"], body["status"]]
    .map((value) => Number(word(value)))
    .find((status) => Number.isInteger(status) && status >= 400 && status <= 599)
}

const requestIdHeaders = [
  "request-id",
  "x-request-id",
  "x-oai-request-id",
  "apim-request-id",
  "x-ms-request-id",
  "cf-ray"
]

/** The id that support asks for. */
export const requestIdOf = (headers: Headers, body: Json.Json): string | undefined =>
  word(
    requestIdHeaders.map((name) => headers[name]).find((id) => id !== undefined && id !== "") ??
      body["request_id"] ??
      Json.object(body["error"])["request_id"] ??
      body["id"]
  )

/** The answer's headers, and those that a router passes on inside its error (OpenRouter, `metadata.headers`). */
export const headersOf = (headers: Headers, body: Json.Json): Headers => {
  const passed = Json.object(Json.object(Json.object(body["error"])["metadata"])["headers"])
  const names = Object.keys(passed)
  if (names.length === 0) return headers
  const all: Record<string, string | undefined> = {}
  for (const name of names) all[name.toLowerCase()] = word(passed[name])
  return { ...all, ...headers }
}
