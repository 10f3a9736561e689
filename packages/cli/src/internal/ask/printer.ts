/** An answer as it comes: its text on the standard output, what is to be said of it on the standard error. */
import type { PlatformError } from "effect/PlatformError"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as Response from "effect/ai/Response"
import { Answers } from "holdfast"

type Part = Response.StreamPart<{}>

/** What is printed besides the answer. */
export interface Options {
  /** What the model thought, too. */
  readonly reasoning: boolean
}

/** Prints one answer. */
export interface Printer {
  readonly part: (part: Part) => Effect.Effect<void, PlatformError>
  readonly end: Effect.Effect<void, PlatformError>
}

/** A printer for one answer. */
export const make = ({ reasoning }: Options): Effect.Effect<Printer, never, Stdio.Stdio> =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    const say = (text: string) => Stream.run(Stream.make(text), stdio.stdout())
    const note = (text: string) => Stream.run(Stream.make(text), stdio.stderr())
    let atLineStart = true
    const write = (text: string) =>
      Effect.suspend(() => {
        if (text === "") return Effect.void
        atLineStart = text.endsWith("\n")
        return say(text)
      })
    return {
      part: (part) => {
        switch (part.type) {
          case "text-delta":
            return write(part.delta)
          case "reasoning-delta":
            return reasoning ? note(part.delta) : Effect.void
          case "reasoning-end":
            return reasoning ? note("\n") : Effect.void
          case "response-metadata":
            return note(answeredBy(part))
          default:
            return Effect.void
        }
      },
      end: Effect.suspend(() => (atLineStart ? Effect.void : write("\n")))
    }
  })

/** Who answers, where it is not who was asked: nobody is left to believe otherwise. */
const answeredBy = (part: Answers.Part): string => {
  const by = Answers.of(part)
  return by?.swap === undefined ? "" : `[${by.answered} answers in place of ${by.requested}: ${by.swap}]\n`
}
