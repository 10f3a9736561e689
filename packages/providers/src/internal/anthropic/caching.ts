/**
 * Where Anthropic's prompt cache is to stop and remember (docs, "Prompt caching"): at the end of the tools, of the system
 * prompt, and of the last two messages of the user's side, so that the next turn finds what this one wrote. An app that
 * sets breakpoints itself knows better.
 */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Result from "effect/Result"
import type { ModelCall } from "../../Codec.ts"
import * as Json from "../json.ts"
import type { Conversation } from "./conversation.ts"

// What Anthropic allows in a request.
const mostBreakpoints = 4

/** The tools, with a breakpoint where there is to be one; those of the conversation are set in it. */
export const withBreakpoints = (
  { params, settings: { cacheRetention } }: ModelCall,
  conversation: Conversation,
  tools: ReadonlyArray<Json.Json>
): ReadonlyArray<Json.Json> => {
  if (cacheRetention === undefined || cacheRetention === "none") return tools
  if (breakpointsIn(conversation, tools, params) > 0) return tools
  const breakpoint = cacheRetention === "long" ? { type: "ephemeral", ttl: "1h" } : { type: "ephemeral" }
  const ends = conversation.messages.filter(({ role }) => role === "user").slice(-2)
  for (const blocks of [conversation.system, ...ends.map(({ content }) => content)]) {
    const last = blocks.at(-1)
    if (last !== undefined) last["cache_control"] = breakpoint
  }
  const last = tools.at(-1)
  return last === undefined ? tools : [...tools.slice(0, -1), { ...last, cache_control: breakpoint }]
}

/** More breakpoints of the app's than Anthropic allows. */
export const problemsOf = (
  conversation: Result.Result<Conversation, unknown>,
  tools: ReadonlyArray<Json.Json>,
  params: ModelCall["params"]
): ReadonlyArray<Problem> => {
  const own = Result.isSuccess(conversation) ? breakpointsIn(conversation.success, tools, params) : 0
  if (own <= mostBreakpoints) return []
  const expected = `at most ${mostBreakpoints} cache breakpoints`
  return [{ kind: "InvalidOption", place: "prompt", expected, found: String(own) }]
}

/** How many breakpoints the app has set. */
const breakpointsIn = (
  { messages, system }: Conversation,
  tools: ReadonlyArray<Json.Json>,
  params: ModelCall["params"]
): number => {
  const said = [params, ...system, ...tools, ...messages.flatMap(({ content }) => content)]
  return said.filter((block) => Json.isObject(block["cache_control"])).length
}
