/**
 * What a call says of itself before it is sent: whether doing it twice matters.
 *
 * A declaration turns an `Ambiguous` verdict into "may be replayed"; it never turns an `Unsafe` one.
 */
import * as Schema from "effect/Schema"

/**
 * - `repeatable`: a generation that leaves nothing behind at the provider; running it twice costs tokens, nothing else.
 *   A codec declares it for the endpoints it knows, without provider-run tools, background mode or server-side
 *   conversation state; or the app says so.
 * - `unknown`: nobody has said; an ambiguous failure is surfaced.
 * - `changes-state`: background mode, server-side conversation state, a batch, an upload: a second run is a second effect.
 * - `provider-tools`: the provider may run tools of its own (web search, code execution, MCP) while answering.
 */
export const Declaration = Schema.Literals(["repeatable", "unknown", "changes-state", "provider-tools"])

/** What a call says of itself before it is sent: whether doing it twice matters. */
export type Declaration = typeof Declaration.Type

/** An app's own word for a request; should it throw, it has said nothing that allows a replay. */
export const toldBy = <R, D extends Declaration | undefined>(declare: (request: R) => D, request: R): D | "unknown" => {
  try {
    return declare(request)
  } catch {
    return "unknown"
  }
}

/** Whether running the call twice does something twice, as far as it declares. */
export const hasEffects = (declaration: Declaration): boolean =>
  declaration === "changes-state" || declaration === "provider-tools"
