/** Progress on the standard error: one line that is written over on a terminal, a few plain ones elsewhere. */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type { DemoFailed } from "../../DemoFailed.ts"
import { count } from "./table.ts"

/** Who shows progress. */
export interface Progress {
  readonly turns: (run: DemoFailed["run"], turns: number) => Effect.Effect<void>
  /** Takes the line away again. */
  readonly over: Effect.Effect<void>
}

const names = { naive: "naive", holdfast: "Holdfast" } as const

/** Makes the progress of a demo of so many turns a run. */
export const make = (total: number): Effect.Effect<Progress, never, Stdio.Stdio> =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    const terminal = yield* stdio.stderrIsTerminal
    const write = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr()))
    const parts = new Set<string>()
    return {
      turns: (run, turns) => {
        const line = `${names[run]}: ${count(turns)} of ${count(total)} turns`
        if (terminal) return write(`${rewrite}${line}`)
        const part = `${run} ${Math.floor((turns / total) * plainLines)}`
        if (parts.has(part)) return Effect.void
        parts.add(part)
        return write(`${line}\n`)
      },
      over: terminal ? write(rewrite) : Effect.void
    }
  })

const plainLines = 4

// ECMA-48: to the start of the line, and clear it.
const rewrite = "\r\u001b[2K"
