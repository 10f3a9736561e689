/**
 * What a tool says of running it twice.
 *
 * A tool is taken at its word only: at an annotation that was set on it, or at what the app declares of it. Everything
 * else is unknown, and unknown never counts in favour. Whether a tool is `Destructive` is true by default, so it is
 * asked only where somebody set it.
 */
import * as Context from "effect/Context"
import type * as Predicate from "effect/Predicate"
import * as Tool from "effect/ai/Tool"

/**
 * - `readonly`: it changes nothing, so that running it again does no harm.
 * - `idempotent`: with the same parameters it changes nothing beyond the first time.
 * - `unknown`: nobody says so. It may not be run again.
 */
export type ToolSafety = "readonly" | "idempotent" | "unknown"

/** What the app says of a tool, as an annotation; it goes before all others. */
export const Declared: Context.Reference<ToolSafety | undefined> = Context.Reference<ToolSafety | undefined>(
  "@holdfast/core/ToolSafety/Declared",
  { defaultValue: () => undefined }
)

/**
 * What a tool says of running it twice.
 *
 * **Details**
 *
 * First comes what the app declared ({@link Declared}). A tool that its provider runs is `unknown` otherwise, whatever
 * its annotations: nobody here sees what it does. Then `Tool.Readonly` and `Tool.Idempotent` count where they were set to
 * true. One that is said to be read-only *and* destructive contradicts itself and is `unknown`; one that is idempotent
 * and destructive deletes a thing once.
 *
 * **Example**
 *
 * ```ts
 * import { ToolSafety } from "@holdfast/core"
 * import { Tool } from "effect/ai"
 *
 * ToolSafety.of(Tool.make("look_up").annotate(Tool.Readonly, true)) // => "readonly"
 * ToolSafety.of(Tool.make("send_mail")) // => "unknown"
 * ```
 */
export const of = (tool: Tool.Any): ToolSafety => {
  const set = tool.annotations.mapUnsafe
  const declared: unknown = set.get(Declared.key)
  if (declared !== undefined) return isToolSafety(declared) ? declared : "unknown"
  if (isProviderExecuted(tool)) return "unknown"
  if (set.get(Tool.Readonly.key) === true) return set.get(Tool.Destructive.key) === true ? "unknown" : "readonly"
  return set.get(Tool.Idempotent.key) === true ? "idempotent" : "unknown"
}

/** Whether a tool may be run again. */
export const isReplayable = (safety: ToolSafety): boolean => safety !== "unknown"

/** Whether the provider runs the tool, not the app. */
export const isProviderExecuted = (tool: Tool.Any): boolean => Tool.isProviderDefined(tool) && !tool.requiresHandler

const isToolSafety: Predicate.Refinement<unknown, ToolSafety> = (u): u is ToolSafety =>
  u === "readonly" || u === "idempotent" || u === "unknown"
