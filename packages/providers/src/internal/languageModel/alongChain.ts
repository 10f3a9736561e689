/** A `LanguageModel` whose calls go along a chain, and whose answers say who was asked and who answered. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Declaration } from "@holdfast/core/Declaration"
import type { Attempt, CallOptions, Failover, Timed } from "@holdfast/core/Failover"
import type { Hold } from "@holdfast/core/Hold"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import type { Price } from "../../ProviderDefinition.ts"
import * as Marks from "../answer/marks.ts"
import { usageOf } from "../answer/usage.ts"
import type { Each } from "../attempt/modelAttempt.ts"
import type { Error } from "./languageModel.ts"
import * as Ours from "./languageModel.ts"

/** One call, as those who may answer it see it. */
export interface Call {
  /** What is said of it before its first attempt. */
  readonly said: Effect.Effect<CallOptions & Partial<Timed>, InvalidInput>
  readonly generate: (attempt: Attempt) => Effect.Effect<Array<Response.PartEncoded>, Error>
  /** The parts as they come, each as `mark` makes it. */
  readonly stream: (attempt: Attempt, mark: Each) => Stream.Stream<Response.StreamPartEncoded, Error>
  /** Whether making it twice at a candidate matters. */
  readonly declarationAt: (candidate: Candidate) => Declaration
}

/** Those who may answer. */
export interface Answering {
  /** How much of a stream is held back; absent: as the policy says. */
  readonly hold: Hold | undefined
  readonly priceAt: (candidate: Candidate) => Price | undefined
  readonly call: (asked: LanguageModel.ProviderOptions, streaming: boolean) => Call
}

/** What a call declares that may go to any of these: it may be made twice if that matters nowhere. */
export const declarationOver = (declarations: ReadonlyArray<Declaration>): Declaration =>
  declarations.find((each) => each !== "repeatable") ?? "repeatable"

/** Makes the model. */
export const make = (
  failover: Failover["Service"],
  { call: callOf, hold, priceAt }: Answering
): Effect.Effect<LanguageModel.LanguageModel> =>
  Ours.make({
    generate: (asked) => {
      const call = callOf(asked, false)
      return call.said.pipe(
        Effect.flatMap((said) =>
          failover.run({
            ...said,
            attempt: call.generate,
            usage: (parts, candidate) => usageOf(parts.at(-1), priceAt(candidate))
          })
        ),
        Effect.map((answer) => ({
          parts: Marks.mark(answer.value, answer, priceAt(answer.answered)),
          declaration: call.declarationAt(answer.answered)
        }))
      )
    },
    stream: (asked, exposing) => {
      const call = callOf(asked, true)
      return Effect.map(call.said, (said) =>
        failover.stream({
          ...said,
          ...(hold === undefined ? undefined : { hold }),
          attempt: (attempt) =>
            call.stream(attempt, Marks.marker(said.chain[0], attempt.candidate, priceAt(attempt.candidate))),
          exposure: Marks.exposure,
          size: Marks.size,
          usage: (part, candidate) => usageOf(part, priceAt(candidate)),
          announce: (answered, held) => {
            exposing()
            return Marks.announce(answered, held)
          }
        })
      )
    }
  })
