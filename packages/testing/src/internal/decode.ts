/**
 * Reads JSON that came from outside, and says everything that is wrong with it at once, each thing with its place.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type { Problem } from "../FaultServerError.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** The value, or all that is wrong with it; `root` names the whole (`script`), places go on from there (`script[0].fault`). */
export const decode = <A>(
  schema: Schema.Codec<A, unknown>,
  root: string,
  input: unknown
): Result.Result<A, ReadonlyArray<Problem>> =>
  Schema.decodeUnknownResult(schema)(input, { errors: "all", onExcessProperty: "error" }).pipe(
    Result.mapError(({ issue }) =>
      format(issue).issues.map(({ message, path }) => ({ place: placeOf(root, path ?? []), expected: message }))
    )
  )

/** The value of a JSON text, or the problem that it is none. */
export const decodeJson = <A>(
  schema: Schema.Codec<A, unknown>,
  root: string,
  text: string
): Result.Result<A, ReadonlyArray<Problem>> =>
  Result.try({
    try: (): unknown => JSON.parse(text),
    catch: (cause) => [
      { place: placeOf(root, []), expected: `Expected JSON (${cause instanceof Error ? cause.message : "unreadable"})` }
    ]
  }).pipe(Result.flatMap((input) => decode(schema, root, input)))

type Step = PropertyKey | { readonly key: PropertyKey }

const placeOf = (root: string, path: ReadonlyArray<Step>): string =>
  root === "" && path.length === 0
    ? "input"
    : path.reduce<string>((place, step) => {
        const key = typeof step === "object" ? step.key : step
        return typeof key === "number" ? `${place}[${key}]` : place === "" ? String(key) : `${place}.${String(key)}`
      }, root)
