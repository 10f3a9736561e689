/**
 * What a call has already given out to the app.
 *
 * Exposure is the *call's*, not the prompt's: a prompt that holds the results of tools which ran earlier is a
 * continuation, and sending it again does not run them again.
 */
import * as Schema from "effect/Schema"

/**
 * - `nothing`: the app has seen no content of this call (headers, pings and metadata do not count).
 * - `output`: text, reasoning or a file of this call has reached the app.
 * - `tool-call`: a tool call of this call has reached the app, which may be running the tool.
 * - `provider-tool`: the provider has begun a tool of its own (web search, code execution, MCP) for this call.
 */
export const Exposure = Schema.Literals(["nothing", "output", "tool-call", "provider-tool"])

/** What a call has already given out to the app. */
export type Exposure = typeof Exposure.Type

const rank: { readonly [E in Exposure]: number } = { nothing: 0, output: 1, "tool-call": 2, "provider-tool": 3 }

/** The graver of two exposures. */
export const max = (a: Exposure, b: Exposure): Exposure => (rank[a] >= rank[b] ? a : b)
