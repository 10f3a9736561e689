/** Failover over attempts that follow a script, and what is seen of them. */
import * as Candidate from "@holdfast/core/Candidate"
import type * as Failover from "@holdfast/core/Failover"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Failure from "@holdfast/core/Failure"
import type { SwapDenied } from "@holdfast/core/SwapDenied"
import { isSwapDenied } from "@holdfast/core/SwapDenied"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as TestFailover from "@holdfast/testing/TestFailover"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"

/**
 * Failover under the default policy, with parts of it replaced. Who cannot be reached is left at once, so that scripts
 * which are about other things need one step for it.
 */
export const layer = (overrides?: FailoverPolicy.Overrides): Layer.Layer<Failover.Failover | Failover.Services> =>
  Layer.orDie(TestFailover.layer({ ...overrides, retry: { reach: Schedule.recurs(0), ...overrides?.retry } })).pipe(
    Layer.provideMerge(Telemetry.layer)
  )

/** Runs an effect to its end, however long its clock takes. */
export const patiently = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

/** The failure of a call that is given up, whatever kept it from going on. */
export const givenUp = <A, E, R>(
  call: Effect.Effect<A, E, R>
): Effect.Effect<Exclude<E, SwapDenied> | (SwapDenied extends E ? Failure.Failure : never), A, R> =>
  // The condition of the result's type: what denies a swap holds the failure.
  Effect.map(Effect.flip(call), (error) => (isSwapDenied(error) ? error.failure : error)) as never

/** What one attempt of a script does at the candidate it is made at. */
export type Step<A, E> = (candidate: Candidate.Candidate) => Effect.Effect<A, E>

/** An attempt that fails at its candidate. */
export const fails =
  <O extends { readonly candidate?: Candidate.Candidate }>(
    make: (options: O) => Failure.Failure,
    options?: Omit<O, "candidate">
  ): Step<never, Failure.Failure> =>
  (candidate) =>
    // O is the options of the fixtures, each of which takes a candidate.
    Effect.fail(make({ ...options, candidate } as O))

/** An attempt that answers. */
export const answers =
  <A>(value: A): Step<A, never> =>
  () =>
    Effect.succeed(value)

/** Attempts that take the steps in turn, and how they were made: `"2 openai/gpt-5.5 any"`, and when. */
export const script = <A, E>(...steps: ReadonlyArray<Step<A, E>>) => {
  const made: Array<string> = []
  const at: Array<number> = []
  const attempt = (given: Failover.Attempt): Effect.Effect<A, E> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      made.push(`${given.attempt} ${Candidate.label(given.candidate)} ${given.connection}`)
      at.push(now)
      return steps[made.length - 1]?.(given.candidate) ?? Effect.die(new Error(`no step for ${made.join(", ")}`))
    })
  return { attempt, made, at }
}

/** A part of a streamed answer, by what it gives out. */
export interface Part {
  readonly gives: "nothing" | "output" | "tool-call" | "provider-tool"
  readonly text: string
}

/** Parts of each sort. */
export const meta = (text: string): Part => ({ gives: "nothing", text })
export const says = (text: string): Part => ({ gives: "output", text })
export const callsTool = (text: string): Part => ({ gives: "tool-call", text })
export const providerRuns = (text: string): Part => ({ gives: "provider-tool", text })

/** What one streamed attempt of a script does: its chunks of parts, and how it ends. */
export interface StreamStep<E> {
  readonly chunks: ReadonlyArray<ReadonlyArray<Part>>
  readonly ends?: Step<void, E>
}

/** Streamed attempts that take the steps in turn; `log` tells when each opened, was closed, and what it gave. */
export const streamScript = <E>(...steps: ReadonlyArray<StreamStep<E>>) => {
  const log: Array<string> = []
  const made: Array<string> = []
  const attempt = (given: Failover.Attempt): Stream.Stream<Part, E> =>
    Stream.unwrap(
      Effect.acquireRelease(
        Effect.suspend(() => {
          const step = steps[made.length]
          made.push(`${given.attempt} ${Candidate.label(given.candidate)} ${given.connection}`)
          log.push(`open ${given.attempt}`)
          return step === undefined ? Effect.die(new Error(`no step for ${made.join(", ")}`)) : Effect.succeed(step)
        }),
        () => Effect.sync(() => log.push(`close ${given.attempt}`))
      ).pipe(
        Effect.map((step) =>
          Stream.fromArrays(...step.chunks).pipe(
            Stream.concat(Stream.fromEffectDrain(step.ends?.(given.candidate) ?? Effect.void))
          )
        )
      )
    )
  return { attempt, made, log, exposure: (part: Part) => part.gives }
}

/** What an app receives of a stream: the parts' texts, how it ended and the failure it ended with. */
export const received = <E, R>(stream: Stream.Stream<Part, E, R>) =>
  Effect.gen(function* () {
    const texts: Array<string> = []
    const exit = yield* Effect.exit(Stream.runForEach(stream, ({ text }) => Effect.sync(() => texts.push(text))))
    const error = Option.getOrUndefined(Exit.findErrorOption(exit))
    return { texts, exit, failure: isSwapDenied(error) ? error.failure : Failure.isFailure(error) ? error : undefined }
  })

/** The events published from here to the end of the scope. */
export const eventsFromHere: Effect.Effect<
  Array<TelemetryEvent>,
  never,
  Telemetry.Telemetry | Scope.Scope
> = Effect.gen(function* () {
  const telemetry = yield* Telemetry.Telemetry
  const events: Array<TelemetryEvent> = []
  yield* telemetry.listen((event) => events.push(event))
  return events
})

/** A telemetry that nobody listens to, and on which any event is one too many. */
export const unheard: Layer.Layer<Telemetry.Telemetry> = Layer.succeed(Telemetry.Telemetry, {
  isActive: () => false,
  publishUnsafe: ({ _tag }) => {
    throw new Error(`${_tag} was built although nobody listens`)
  },
  listen: () => Effect.void,
  events: () => Stream.empty
})
