/** A toolkit whose handlers are recorded before they begin, and when they have ended. */
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ToolSafety from "../ToolSafety.ts"

/** A toolkit of any tools. */
export type AnyToolkit = Toolkit.WithHandler<Record<string, Tool.Any>>

/** What the app says of tools, by their names. */
export type Declarations = Readonly<Record<string, ToolSafety.ToolSafety | undefined>>

type Handle = AnyToolkit["handle"]

/** Records that a tool begins; what it gives records how it ended. */
export type Begin = (tool: Tool.Any) => Effect.Effect<(how: "finished" | "interrupted") => void>

// By what is called, which a copy of the toolkit keeps: nothing is recorded twice.
const originals = new WeakMap<Handle, Handle>()

/** The toolkit, recorded once however often this is asked for. */
export const recorded = (toolkit: AnyToolkit, begin: Begin, declared?: Declarations): AnyToolkit => {
  const original = originals.get(toolkit.handle)
  if (original !== undefined && declared === undefined) return toolkit
  const tools = declared === undefined ? toolkit.tools : withDeclared(toolkit.tools, declared)
  const handle = recordedHandle(tools, original ?? toolkit.handle, begin)
  originals.set(handle, original ?? toolkit.handle)
  return { ...toolkit, tools, handle }
}

const withDeclared = (tools: AnyToolkit["tools"], declared: Declarations): AnyToolkit["tools"] =>
  Object.fromEntries(
    Object.entries(tools).map(([name, tool]) => {
      const safety = Object.hasOwn(declared, name) ? declared[name] : undefined
      return [name, safety === undefined ? tool : tool.annotate(ToolSafety.Declared, safety)]
    })
  )

const recordedHandle = (tools: AnyToolkit["tools"], handle: Handle, begin: Begin): Handle =>
  // Passed on as it is called: the parameters of its type cannot be restated.
  ((...call: Parameters<Handle>) => {
    const tool = Object.hasOwn(tools, call[0]) ? tools[call[0]] : undefined
    if (tool === undefined) return handle(...call)
    return Effect.flatMap(begin(tool), (ended) =>
      handle(...call).pipe(
        Effect.map((results) => watched(results, ended)),
        Effect.onError((cause) => Effect.sync(() => ended(isOwn(cause) ? "finished" : "interrupted")))
      )
    )
  }) as Handle

const watched = <A extends Tool.HandlerResult<Tool.Any>, E, R>(
  results: Stream.Stream<A, E, R>,
  ended: (how: "finished" | "interrupted") => void
): Stream.Stream<A, E, R> => {
  let finished = false
  return results.pipe(
    Stream.map((result) => {
      finished ||= !result.preliminary
      return result
    }),
    Stream.tapCause((cause) =>
      Effect.sync(() => {
        finished ||= isOwn(cause)
      })
    ),
    // Not by how the stream exits: whoever reads it hands in how *they* ended, and may well stop before the result.
    Stream.ensuring(Effect.sync(() => ended(finished ? "finished" : "interrupted")))
  )
}

/** Whether a handler ended by itself. */
const isOwn = (cause: Cause.Cause<unknown>): boolean => !Cause.hasInterruptsOnly(cause)
