#!/usr/bin/env node
/**
 * The fault server as a process: `holdfast-fault-server [--config FILE] [--stay]`.
 *
 * Reads its configuration from the file, or else from the first line of its input; prints one line of JSON that says where everything is, or what
 * is wrong with the configuration; and serves until its input ends, so that it never outlives a parent that crashed. `--stay`
 * serves until it is stopped.
 */
import { readFile } from "node:fs/promises"
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as FaultConfig from "./FaultConfig.ts"
import { FaultServerError } from "./FaultServerError.ts"
import { decodeJson } from "./internal/decode.ts"
import type { NotReady, Ready } from "./internal/ready.ts"
import { serve } from "./internal/serve.ts"

const usage = `Usage: holdfast-fault-server [--config FILE] [--stay]

  --config FILE  JSON: { "endpoints": { "NAME": { ... } }, "record"?: "full" | "counts", "controlPort"?: PORT }
                 Without it the first line of the input is read.
  --stay         Goes on when the input ends.
`

const { values } = parseArgs({
  options: { config: { type: "string" }, stay: { type: "boolean" }, help: { type: "boolean", short: "h" } }
})

const print = (line: Ready | NotReady | string): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const text = typeof line === "string" ? line : `${JSON.stringify(line)}\n`
    process.stdout.write(text, () => resume(Effect.void))
  })

const inputEnded: Effect.Effect<void> = Effect.callback((resume) => {
  if (process.stdin.readableEnded) return resume(Effect.void)
  process.stdin.once("end", () => resume(Effect.void))
  process.stdin.once("error", () => resume(Effect.void))
  process.stdin.resume()
})

const firstLineOfInput: Effect.Effect<string> = Effect.callback((resume) => {
  let text = ""
  process.stdin.setEncoding("utf8")
  process.stdin.on("data", (chunk: string) => {
    text += chunk
    if (text.includes("\n")) resume(Effect.succeed(text.slice(0, text.indexOf("\n"))))
  })
  process.stdin.once("end", () => resume(Effect.succeed(text)))
})

const configText = (file: string): Effect.Effect<string, FaultServerError> =>
  Effect.tryPromise({
    try: () => readFile(file, "utf8"),
    catch: (cause) =>
      new FaultServerError({
        action: "start",
        problems: [{ place: file, expected: cause instanceof Error ? cause.message : "Expected a file" }],
        cause
      })
  })

const main = Effect.gen(function* () {
  if (values.help === true) {
    yield* print(usage)
    return 0
  }
  const text = yield* values.config === undefined ? firstLineOfInput : configText(values.config)
  const config = yield* Effect.fromResult(decodeJson(FaultConfig.Config, "", text)).pipe(
    Effect.mapError(([first, ...more]) => {
      const nothing = { place: "configuration", expected: "Expected a configuration" }
      return new FaultServerError({ action: "start", problems: [first ?? nothing, ...more] })
    })
  )
  yield* print(yield* serve(config))
  yield* values.stay === true ? Effect.never : inputEnded
  return 0
}).pipe(Effect.catchTag("FaultServerError", ({ problems }) => Effect.as(print({ ready: false, problems }), 1)))

process.exit(await Effect.runPromise(main))
