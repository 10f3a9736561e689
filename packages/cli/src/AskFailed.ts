/** The one error of a question: what was wrong with it, or why nobody answered. */
import * as Schema from "effect/Schema"
import * as CliError from "effect/cli/CliError"

/** A question that was not answered. */
export class AskFailed extends Schema.TaggedError<AskFailed>()("AskFailed", {
  /** What happened and what to do, as lines. */
  lines: Schema.NonEmptyArray(Schema.String),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return this.lines.join("\n")
  }
  override get [CliError.userMessage](): string {
    return this.message
  }
}
