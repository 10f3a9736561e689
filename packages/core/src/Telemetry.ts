/**
 * The stream of events that every attempt, decision and swap is published to; logs, spans, metrics and journals
 * subscribe.
 *
 * Publishing never fails, never waits and costs one comparison when nobody listens. A subscriber that throws or falls
 * behind hurts nobody but itself.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Draft, TelemetryEvent } from "./TelemetryEvent.ts"
import { version } from "./TelemetryEvent.ts"

/** A subscriber. It runs where the event happens, so it must be quick; what it throws is dropped. */
export type Listener = (event: TelemetryEvent) => void

/** How events are published and received. */
export class Telemetry extends Context.Service<
  Telemetry,
  {
    /** Whether anybody listens. Publishers ask before they build an event. */
    readonly isActive: () => boolean
    /** Stamps an event with version and time and hands it to every subscriber, at once. */
    readonly publishUnsafe: (event: Draft) => void
    /** Subscribes a listener for as long as the scope is open. */
    readonly listen: (listener: Listener) => Effect.Effect<void, never, Scope.Scope>
    /**
     * Events from the moment the stream runs. A consumer that falls behind by more than `bufferSize` events (default
     * 4096) loses the oldest.
     */
    readonly events: (options?: { readonly bufferSize?: number }) => Stream.Stream<TelemetryEvent>
  }
>()("@holdfast/core/Telemetry") {
  /** Telemetry in this process's memory. */
  static get layer(): Layer.Layer<Telemetry> {
    return layer
  }
}

/** Makes a {@link Telemetry}. */
export const make: Effect.Effect<Telemetry["Service"]> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  // Wrapped, so that one function may listen twice and stop once.
  const subscriptions = new Set<{ readonly listener: Listener }>()

  const publishUnsafe = (draft: Draft): void => {
    if (subscriptions.size === 0) return
    // Draft is TelemetryEvent without these two fields, which TypeScript cannot see through the union.
    const event = { version, at: clock.currentTimeMillisUnsafe(), ...draft } as TelemetryEvent
    for (const { listener } of subscriptions) {
      // A subscriber's defect must not reach the call it watches, nor end the process as an unhandled rejection.
      try {
        const returned: unknown = listener(event)
        if (returned instanceof Promise) returned.catch(() => undefined)
      } catch {
        continue
      }
    }
  }

  const listen = (listener: Listener): Effect.Effect<void, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const subscription = { listener }
        subscriptions.add(subscription)
        return subscription
      }),
      (subscription) => Effect.sync(() => subscriptions.delete(subscription))
    ).pipe(Effect.asVoid)

  const events = (options?: { readonly bufferSize?: number }): Stream.Stream<TelemetryEvent> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const queue = yield* Queue.sliding<TelemetryEvent>(options?.bufferSize ?? 4096)
        yield* listen((event) => Queue.offerUnsafe(queue, event))
        return Stream.fromQueue(queue)
      })
    )

  return Telemetry.of({ isActive: () => subscriptions.size > 0, publishUnsafe, listen, events })
})

/** Telemetry in this process's memory. */
export const layer: Layer.Layer<Telemetry> = Layer.effect(Telemetry, make)
