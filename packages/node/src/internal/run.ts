/** Runs a command, without a shell, for what it prints. */
import type { ChildProcess } from "node:child_process"
import { execFile } from "node:child_process"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { codeOf } from "./codeOf.ts"

/** How a command ended. */
export type Ended =
  | { readonly _tag: "Printed"; readonly text: string }
  | { readonly _tag: "Failed"; readonly how: string; readonly said: string }

/** What is run, and for how long at most. */
export interface Run {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly limit: Duration.Duration
  readonly mostBytes: number
}

/** A command that takes too long, or whose asker is gone, is killed; nobody waits for what it has started itself. */
export const run = ({ args, command, limit, mostBytes }: Run): Effect.Effect<Ended> =>
  Effect.callback<Ended>((resume) => {
    let child: ChildProcess
    try {
      child = execFile(
        command,
        [...args],
        { encoding: "utf8", maxBuffer: mostBytes, killSignal: "SIGKILL", windowsHide: true },
        (error, stdout, stderr) => resume(Effect.succeed(ended(error, stdout, stderr, mostBytes)))
      )
    } catch (error) {
      // Text that no argument can be, with a NUL in it for one.
      return resume(Effect.succeed(ended(error, "", "", mostBytes)))
    }
    // It is not to wait for an answer.
    child.stdin?.on("error", () => undefined).end()
    return Effect.sync(() => {
      child.kill("SIGKILL")
      child.stdout?.destroy()
      child.stderr?.destroy()
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: limit,
      orElse: () => Effect.succeed(failed(`no end within ${Duration.format(limit)}`))
    })
  )

const failed = (how: string, said = ""): Ended => ({ _tag: "Failed", how, said })

const ended = (error: unknown, stdout: string, stderr: string, mostBytes: number): Ended =>
  error === null || error === undefined ? { _tag: "Printed", text: stdout } : failed(howOf(error, mostBytes), stderr)

/** What Node says of it. Its message holds the command line, and so is not told. */
const howOf = (error: unknown, mostBytes: number): string => {
  const code = Predicate.hasProperty(error, "code") ? error.code : undefined
  if (Predicate.isNumber(code)) return `exit status ${code}`
  const signal = Predicate.hasProperty(error, "signal") ? error.signal : undefined
  switch (codeOf(error)) {
    case "ENOENT":
      return "no such command"
    case "EACCES":
      return "a command that this process may not run"
    case "ERR_CHILD_PROCESS_STDIO_MAXBUFFER":
      return `more than ${mostBytes} bytes`
    case undefined:
      return Predicate.isString(signal) ? `an end by ${signal}` : "an error"
    default:
      return codeOf(error) ?? "an error"
  }
}
