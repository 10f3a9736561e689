/**
 * Tools that the provider runs by itself: an item of type `web_search_call` is a call of `web_search` and what came of it.
 *
 * Call and result share the item's fields, so that the two make the item again.
 */
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"
import type { Metadata } from "./metadata.ts"
import { toMetadata } from "./metadata.ts"

const suffix = "_call"

/** The name of the tool. */
export const nameOf = (raw: Json.Json): string => String(raw["type"]).slice(0, -suffix.length)

// What tells how it went; the other fields say what was asked.
const outcomes: ReadonlySet<string> = new Set(["status", "results", "outputs", "output", "error"])

/** The parts of a call that is over. */
export const hostedParts = (
  raw: Json.Json,
  id: string,
  source: Metadata
): readonly [Response.ToolCallPartEncoded, ...Array<Response.ToolResultPartEncoded>] => {
  const params: Record<string, unknown> = {}
  const result: Record<string, unknown> = {}
  for (const key in raw) {
    if (outcomes.has(key)) result[key] = raw[key]
    else if (key !== "id" && key !== "type") params[key] = raw[key]
  }
  const common = { id, name: nameOf(raw), providerExecuted: true }
  const call = { ...common, type: "tool-call", params, metadata: toMetadata({ ...source, type: raw["type"] }) } as const
  // The app's machine is to run these; the provider has nothing to tell of them.
  if (!repeatable.has(raw["type"])) return [call]
  const isFailure = raw["status"] === "failed" || (raw["error"] !== undefined && raw["error"] !== null)
  return [call, { ...common, type: "tool-result", result, isFailure, metadata: toMetadata(source) }]
}

// Calls that may go back as they are. Others want an answer that nobody gives, or are not known.
const repeatable: ReadonlySet<unknown> = new Set([
  "web_search_call",
  "file_search_call",
  "code_interpreter_call",
  "mcp_call"
])

/** The item that call and result were; none for one that cannot go back. */
export const hostedItem = (
  call: Prompt.ToolCallPart,
  result: Prompt.ToolResultPart | undefined,
  type: unknown
): Json.Json | undefined =>
  result === undefined || !repeatable.has(type)
    ? undefined
    : { type, ...Json.object(call.params), ...Json.object(result.result) }

/** Items that are no call and go back as they are. */
export const isRepeatable = (item: Json.Json): boolean =>
  item["type"] === "mcp_list_tools" || item["type"] === "compaction"
