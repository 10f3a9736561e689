/**
 * The one error of the demo: a run that could not be played to its end.
 */
import * as Schema from "effect/Schema"
import * as CliError from "effect/cli/CliError"

/** A run broke off; nothing can be said of it. */
export class DemoFailed extends Schema.TaggedError<DemoFailed>()("DemoFailed", {
  run: Schema.Literals(["naive", "holdfast"]),
  /** What happened, and what was expected instead. */
  why: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `the ${this.run} run broke off: ${this.why}`
  }
  override get [CliError.userMessage](): string {
    return this.message
  }
}
