/**
 * A `LanguageModel` whose errors never invite a replay that would run tools a second time.
 *
 * `LanguageModel` runs a toolkit's handlers after the provider has answered, tools that were approved even before it is
 * asked, and may fail above that: an object that does not decode, a second tool that fails, a model asked after an
 * approved tool. Such errors say they are retryable, or carry a failure that is safe to replay. Once a handler has begun,
 * none is retryable and every failure is a `ReplayUnsafe`, whoever's attempt it was. Once content was given out, or the
 * answer came to a call that must not be made twice, no error above it is retryable either. An explicit turn records the
 * tools, those that the provider runs too.
 */
import * as Failure from "@holdfast/core/Failure"
import { SwapDenied } from "@holdfast/core/SwapDenied"
import * as Turn from "@holdfast/core/Turn"
import * as Context from "effect/Context"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as AiErrors from "../../AiErrors.ts"
import { HostedRuns } from "./hostedRuns.ts"

/** The model, guarded. */
export const guarded = (model: LanguageModel.LanguageModel): LanguageModel.LanguageModel => ({
  ...model,
  // The methods' overloads cannot be restated for a wrapper; each passes its argument and its result's types through.
  generateText: effects(model.generateText) as LanguageModel.LanguageModel["generateText"],
  generateObject: effects(model.generateObject) as LanguageModel.LanguageModel["generateObject"],
  streamText: streams(model.streamText) as LanguageModel.LanguageModel["streamText"]
})

const effects =
  (method: (options: never) => Effect.Effect<unknown, unknown, unknown>) =>
  (options: unknown): Effect.Effect<unknown, unknown, unknown> =>
    // Made when it runs, because a retry runs the same effect and watches its own tools.
    Turn.Current.use((turn) => {
      const watch = new Watch(turn)
      const asked = method(watch.options(options) as never)
      const seen =
        turn === undefined
          ? asked
          : Effect.onExit(asked, (exit) => watch.ends(Exit.isFailure(exit) ? exit.cause : undefined))
      return Effect.provideService(Effect.mapError(seen, watch.mapError), Current, watch)
    })

const streams =
  (method: (options: never) => Stream.Stream<unknown, unknown, unknown>) =>
  (options: unknown): Stream.Stream<unknown, unknown, unknown> =>
    Stream.unwrap(
      Turn.Current.useSync((turn) => {
        const watch = new Watch(turn)
        const asked = method(watch.options(options) as never)
        const seen = turn === undefined ? asked : watch.ending(asked)
        return Stream.provideService(Stream.mapError(seen, watch.mapError), Current, watch)
      })
    )

type AnyToolkit = Toolkit.WithHandler<Record<string, Tool.Any>>

/** Sees whether a handler begins during one run of a method, and whether the run may be repeated once it was answered. */
export class Watch {
  begun = false
  mayRepeat = true
  private readonly hosted: HostedRuns | undefined

  constructor(turn: Turn.Turn | undefined) {
    this.hosted = turn === undefined ? undefined : new HostedRuns(turn)
  }

  /** A model is asked, with these tools. */
  asks(tools: ReadonlyArray<Tool.Any>): void {
    this.hosted?.asks(tools)
  }

  /** Parts of the answer, as the model gives them. */
  sees(parts: ReadonlyArray<Response.PartEncoded | Response.StreamPartEncoded>): void {
    this.hosted?.sees(parts)
  }

  /** A stream of them, looked at where a turn records what they say. */
  seen<E, R>(parts: Stream.Stream<Response.StreamPartEncoded, E, R>): Stream.Stream<Response.StreamPartEncoded, E, R> {
    const { hosted } = this
    if (hosted === undefined) return parts
    return Stream.mapArray(parts, (some) => {
      hosted.sees(some)
      return some
    })
  }

  /** The run has ended, with this cause if it failed. */
  ends(cause?: Cause.Cause<unknown>): Effect.Effect<void> {
    return this.hosted?.ends(cause) === true ? Turn.markReplayInvalid(Turn.marks.providerTool) : Effect.void
  }

  /** A stream that tells when it has ended: by its own failure, because whoever reads it hands in how *they* ended. */
  ending<A, E, R>(stream: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> {
    let failed: Cause.Cause<unknown> | undefined
    return stream.pipe(
      Stream.tapCause((cause) =>
        Effect.sync(() => {
          failed = cause
        })
      ),
      Stream.ensuring(Effect.suspend(() => this.ends(failed)))
    )
  }

  /** The model has answered, or begins to. */
  answered(mayRepeat: boolean): void {
    this.mayRepeat = mayRepeat
  }

  options(options: unknown): unknown {
    // The methods' options differ in everything else.
    const { toolkit } = options as { readonly toolkit?: AnyToolkit | Effect.Effect<AnyToolkit> }
    if (toolkit === undefined) return options
    const watched = Effect.isEffect(toolkit) ? Effect.map(toolkit, this.toolkit) : this.toolkit(toolkit)
    return { ...(options as object), toolkit: watched }
  }

  readonly toolkit = (toolkit: AnyToolkit): AnyToolkit => {
    const recorded = Turn.toolkit(toolkit)
    return {
      ...recorded,
      // Passed on as it is called: its type's parameters cannot be restated.
      handle: ((...call: Parameters<AnyToolkit["handle"]>) => {
        this.begun = true
        return recorded.handle(...call)
      }) as AnyToolkit["handle"]
    }
  }

  readonly mapError = (error: unknown): unknown => {
    if (this.begun) return notReplayable(error)
    return !this.mayRepeat && AiError.isAiError(error) && error.isRetryable && !isOurs(error) ? final(error) : error
  }
}

/** The run of a guarded method that the current fiber works for. */
export const Current: Context.Reference<Watch | undefined> = Context.Reference<Watch | undefined>(
  "@holdfast/providers/internal/languageModel/guarded/Current",
  { defaultValue: () => undefined }
)

/** Whether an error's own failure says already what may be done with it. */
const isOurs = (error: AiError.AiError): boolean => AiErrors.failureOf(error) !== undefined

const notReplayable = (error: unknown): unknown => {
  if (Failure.isFailure(error)) return unsafe(error)
  if (!AiError.isAiError(error)) return error
  const failure = AiErrors.failureOf(error)
  if (failure !== undefined) {
    const denied = AiErrors.swapDeniedOf(error)
    const givenUp = denied === undefined ? unsafe(failure) : new SwapDenied({ ...denied, failure: unsafe(failure) })
    return withReason(error, AiErrors.toAiError(givenUp, "generateText").reason)
  }
  return error.isRetryable ? final(error) : error
}

const final = (error: AiError.AiError): AiError.AiError => withReason(error, notRetryable(error.reason))

// The tool call is this call's, even where the failure is that of a model which the tool itself asked.
const unsafe = (failure: Failure.Failure): Failure.Failure => Failure.amend(failure, { exposure: "tool-call" })

const withReason = (error: AiError.AiError, reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: error.module, method: error.method, reason })

/** The same reason, which is not retryable; what it carries stays. */
const notRetryable = <R extends AiError.AiErrorReason>(reason: R): R =>
  Object.defineProperties(Object.create(Object.getPrototypeOf(reason)), {
    ...Object.getOwnPropertyDescriptors(reason),
    isRetryable: { value: false, enumerable: false }
  })
