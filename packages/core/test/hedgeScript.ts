/** Hedged calls whose attempts take their time, and what was made of them. */
import * as Failover from "@holdfast/core/Failover"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type * as Failure from "@holdfast/core/Failure"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Part } from "./failoverScript.ts"
import { gpt, opus } from "./fixtures.ts"

export const chain = [opus, gpt] as const
export const repeatable = { chain, declaration: "repeatable" } as const
export const hedge: FailoverPolicy.Overrides = { hedge: { after: "2 seconds" } }

/** Failover with health and budgets. */
export const layer = (policy: FailoverPolicy.Overrides = hedge) =>
  Layer.orDie(Failover.Failover.layerMemory({ policy })).pipe(Layer.provideMerge(Telemetry.layer))

/** How long an attempt takes, and what it fails with, if it does. */
export interface Step<E> {
  readonly afterMs: number
  readonly fails?: E
}

/** Attempts that take so long each and then answer, or fail; `made` tells which were made, where. */
export const attempts = <E = Failure.Failure>(...steps: ReadonlyArray<Step<E>>) => {
  const made: Array<string> = []
  const attempt = ({ attempt, candidate }: Failover.Attempt): Effect.Effect<string, E> => {
    made.push(`${attempt} ${candidate.model}`)
    const { afterMs, fails } = steps[attempt - 1] ?? { afterMs: 0 }
    return Effect.andThen(
      Effect.sleep(afterMs),
      fails === undefined ? Effect.succeed(`answer ${attempt}`) : Effect.fail(fails)
    )
  }
  return { attempt, made }
}

/** A stream of parts that come so much later each, and then its end. */
const streamed = (
  parts: ReadonlyArray<readonly [afterMs: number, part: Part]>,
  ends: Effect.Effect<void, Failure.Failure>
) =>
  Stream.fromIterable(parts).pipe(
    Stream.rechunk(1),
    Stream.mapEffect(([afterMs, part]) => Effect.as(Effect.sleep(afterMs), part)),
    Stream.concat(Stream.fromEffectDrain(ends))
  )

/** The parts of a streamed attempt, each so many milliseconds after the one before, and how it ends. */
export interface StreamedStep {
  readonly parts: ReadonlyArray<readonly [afterMs: number, part: Part]>
  readonly ends?: Effect.Effect<void, Failure.Failure>
}

/** Streamed attempts that take the steps in turn, and the numbers of those that were made. */
export const streaming = (...steps: ReadonlyArray<StreamedStep>) => {
  const made: Array<number> = []
  const attempt = ({ attempt }: Failover.Attempt) => {
    made.push(attempt)
    const { ends = Effect.void, parts } = steps[attempt - 1] ?? { parts: [] }
    return streamed(parts, ends)
  }
  return { made, call: { ...repeatable, attempt, exposure: (part: Part) => part.gives } }
}
