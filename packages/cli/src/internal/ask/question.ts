/** What is asked: an argument, or the standard input. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { AskFailed } from "../../AskFailed.ts"

// What the largest contexts hold, some times over: a disk that was piped in by mistake is not read to its end.
const mostBytes = 16 * 1024 * 1024

/** The question. On a terminal nobody is waited for who does not know that they should type. */
export const read = (argument: Option.Option<string>): Effect.Effect<string, AskFailed, Stdio.Stdio> =>
  Effect.gen(function* () {
    if (Option.isSome(argument) && argument.value !== "-") return yield* given(argument.value)
    const stdio = yield* Stdio.Stdio
    if (yield* stdio.stdinIsTerminal) return yield* nothing
    return yield* given(yield* Effect.mapError(textOf(stdio), unreadable))
  })

const textOf = (stdio: Stdio.Stdio): Effect.Effect<string, PlatformError | TooLong> => {
  let bytes = 0
  return stdio.stdin.pipe(
    Stream.tap((chunk) => ((bytes += chunk.byteLength) > mostBytes ? Effect.fail(new TooLong()) : Effect.void)),
    Stream.decodeText,
    Stream.mkString
  )
}

class TooLong {
  readonly _tag = "TooLong"
}

const given = (text: string): Effect.Effect<string, AskFailed> => (text.trim() === "" ? nothing : Effect.succeed(text))

const nothing: Effect.Effect<never, AskFailed> = Effect.suspend(() =>
  Effect.fail(new AskFailed({ lines: ['there is no question: holdfast ask "Say hello.", or pipe one in'] }))
)

const unreadable = (error: PlatformError | TooLong): AskFailed =>
  error._tag === "TooLong"
    ? new AskFailed({ lines: [`the standard input is longer than ${mostBytes} bytes, which no model takes`] })
    : new AskFailed({ lines: [`the standard input cannot be read: ${error.message}`], cause: error })
