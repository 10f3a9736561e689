/**
 * Whether a raw request may be sent twice, read from its path and its body.
 *
 * A generation endpoint is known by the end of its path, so that gateways' prefixes do not hide it. What is not known
 * here stays `unknown`: nothing is guessed in favour of a replay.
 */
import type { Declaration } from "@holdfast/core/Declaration"
import * as Predicate from "effect/Predicate"

// Azure's deployments, Gemini's and OpenRouter's OpenAI paths and gateways all end so. `/v1/messages` in full: OpenAI's
// threads have a `/messages` that keeps what it is sent.
const generation =
  /(?:\/v1\/messages|\/v1\/messages\/count_tokens|\/completions|\/responses|\/embeddings|\/api\/(?:chat|generate|embed))$/

/** Whether a path is that of a generation endpoint that is known. */
export const isGeneration = (path: string): boolean => generation.test(path)

// These models search or run code by themselves, as the codec of Chat Completions knows them.
const runsTools = /\bcompound\b|-search-(preview|api)|:online$|\bsonar\b/

/**
 * Declares a POST to a generation endpoint, by its JSON body.
 *
 * **Details**
 *
 * | body | declaration |
 * | --- | --- |
 * | `background`, `conversation`, `previous_response_id`, `store: true` | `changes-state` |
 * | tools that run at the provider: any `tools` entry but functions, custom tools and those which the app runs (`bash_*`, `text_editor_*`, `computer_*`, `memory_*`, `local_shell`, `apply_patch`); `mcp_servers`, `container`, `web_search_options`, `plugins`, `search_parameters`, `enable_search`; a model that searches by itself | `provider-tools` |
 * | a stored prompt or preset, whose tools are not to be seen here; no JSON object | `unknown` |
 * | any other | `repeatable` |
 *
 * Responses are kept for a while by default. One of which nobody has seen the id takes no part in anything, so that a
 * second run is no second effect; `store: true` is the app's own wish to find it again.
 */
export const declare = (path: string, body: unknown): Declaration => {
  if (!isGeneration(path) || !isRecord(body)) return "unknown"
  if (keepsState(body)) return "changes-state"
  if (mayRunTools(body)) return "provider-tools"
  const hidden = isSet(body["prompt"]) && isRecord(body["prompt"])
  if (hidden || isSet(body["preset"]) || modelsOf(body).some((model) => model.includes("@preset/"))) return "unknown"
  return "repeatable"
}

type Body = Readonly<Record<string, unknown>>

const isRecord = (u: unknown): u is Body => Predicate.isObject(u)

/** Whether a field asks for something: `null`, `false` and an empty list do not. */
const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0)

const keepsState = (body: Body): boolean =>
  ["background", "conversation", "previous_response_id", "store"].some((field) => isSet(body[field]))

const toolFields = [
  "mcp_servers",
  "container",
  "web_search_options",
  "plugins",
  "search_parameters",
  "enable_search"
] as const

const mayRunTools = (body: Body): boolean =>
  toolFields.some((field) => isSet(body[field])) ||
  modelsOf(body).some((model) => runsTools.test(model)) ||
  (isSet(body["tools"]) && !(Array.isArray(body["tools"]) && body["tools"].every(runsAtApp)))

const modelsOf = (body: Body): ReadonlyArray<string> =>
  [body["model"], ...(Array.isArray(body["models"]) ? body["models"] : [])].filter(Predicate.isString)

// Anthropic's documentation, "Tool use with Claude", client tools; OpenAI's, "Using tools". Dated types are versions.
const appTools =
  /^(?:function|custom|(?:bash|text_editor|computer|memory)_\d+|local_shell|apply_patch|computer|computer_use_preview)$/

/** A tool without a type is Anthropic's custom one, which has a schema; some providers name theirs by a key alone. */
const runsAtApp = (tool: unknown): boolean => {
  if (!isRecord(tool)) return false
  const type = tool["type"]
  return type === undefined
    ? "input_schema" in tool || "function" in tool
    : Predicate.isString(type) && appTools.test(type)
}
