/** Where a key is taken from, as an operator writes it. */
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { KeySource } from "../../Configuration.ts"
import { Text } from "./fields.ts"

const expected = 'a source: { env: "VARIABLE" }, { file: "path" } or { command: ["program", "argument"] }'

const sources = ["env", "file", "command"] as const

/** Where a key is taken from. A key itself is none: whoever reads the file would have it. In code it may be `Redacted`. */
export const Source = Schema.Union([
  Schema.declare((u): u is Redacted.Redacted<string> => Redacted.isRedacted(u), { expected }),
  Schema.Struct({
    env: Schema.optionalKey(
      Schema.String.annotate({ expected: "the name of a variable" }).check(
        Schema.isPattern(/^[A-Za-z_]\w*$/, { expected: "the name of a variable, not a key" })
      )
    ),
    file: Schema.optionalKey(Text),
    command: Schema.optionalKey(
      Schema.NonEmptyArray(Text).annotate({ expected: "a list of a program and its arguments" })
    )
  }).check(
    Schema.makeFilter((source) => sources.filter((name) => source[name] !== undefined).length === 1, {
      expected: `one of env, file and command, and no other`
    })
  )
]).annotate({ expected })

/** The source in the one shape that the registry reads. */
export const sourceOf = (source: typeof Source.Type): KeySource => {
  if (Redacted.isRedacted(source)) return { _tag: "Value", value: source }
  if (source.env !== undefined) return { _tag: "Variable", name: source.env }
  if (source.file !== undefined) return { _tag: "File", path: source.file }
  const [command = "", ...args] = source.command ?? []
  return { _tag: "Command", command, args }
}
