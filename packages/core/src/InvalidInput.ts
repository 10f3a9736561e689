/**
 * What a caller or an operator wrote wrongly, found before anything was sent.
 *
 * It is not a failed attempt: nothing reached a provider, so there is nothing to judge, retry or fall back from, and
 * none of the combinators of `ReplaySafety` touch it. All problems are reported at once, not the first.
 */
import * as Schema from "effect/Schema"

/** What sort of mistake a {@link Problem} is. */
export const Kind = Schema.Literals([
  "UnknownProvider",
  "UnknownModel",
  "UnknownAgent",
  "UnknownOption",
  "AliasLoop",
  "ModelNotAllowed",
  "MalformedModelRef",
  "InvalidBaseUrl",
  "InvalidHeader",
  "InvalidBody",
  "InvalidCredential",
  "InvalidOption",
  "UnsupportedContent",
  "EmptyChain",
  "AlreadyAborted"
])

/** What sort of mistake a {@link Problem} is. */
export type Kind = typeof Kind.Type

/** One mistake: where the value stands, what was expected there and what was found (never a secret). */
export const Problem = Schema.Struct({
  kind: Kind,
  place: Schema.String,
  expected: Schema.String,
  found: Schema.String,
  fix: Schema.optionalKey(Schema.String)
})

/** One mistake: where the value stands, what was expected there and what was found (never a secret). */
export type Problem = typeof Problem.Type

const line = (problem: Problem): string =>
  `${problem.place}: expected ${problem.expected}, found ${problem.found}` +
  (problem.fix === undefined ? "" : ` (${problem.fix})`)

/** Input that cannot be used, with every problem found in it. */
export class InvalidInput extends Schema.TaggedError<InvalidInput>("@holdfast/core/InvalidInput")("InvalidInput", {
  problems: Schema.NonEmptyArray(Problem)
}) {
  /** An error of one problem. */
  static of(problem: Problem): InvalidInput {
    return new InvalidInput({ problems: [problem] })
  }

  override get message(): string {
    return this.problems.map(line).join("\n")
  }
}

/** Whether a value is an {@link InvalidInput}. */
export const isInvalidInput = (u: unknown): u is InvalidInput => u instanceof InvalidInput
