/**
 * The one error of the fault server's client: what was tried, and every place that was wrong.
 */
import * as Schema from "effect/Schema"

/** One thing that is wrong: where it is (`script[2].fault.at.bytes`, `endpoints.a.port`), and what was expected there. */
export const Problem = Schema.Struct({ place: Schema.String, expected: Schema.String })
/** @see {@link Problem} */
export type Problem = typeof Problem.Type

/** A fault server could not be started, asked or told; nothing was changed by what failed. */
export class FaultServerError extends Schema.TaggedError<FaultServerError>()("FaultServerError", {
  /** What was tried: `start`, `script`, `truth` and so on. */
  action: Schema.String,
  /** At least one, and all of them at once. */
  problems: Schema.NonEmptyArray(Problem),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.action}: ${this.problems.map(({ expected, place }) => `${place}: ${expected}`).join("; ")}`
  }
}
