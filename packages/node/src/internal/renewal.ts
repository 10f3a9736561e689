/**
 * Connections that are made anew where their settings change. Calls on the old ones go on as if nothing had happened; what
 * comes after uses the new ones.
 */
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Telemetry } from "@holdfast/core/Telemetry"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Dispatcher } from "../Dispatcher.ts"

/** What connections are made from, how, and when they may have to be made anew. */
export interface Renewal<S> {
  /** What stands for the connections is plain data: settings that are equal make equal connections. */
  readonly settings: Effect.Effect<S>
  readonly make: (settings: S) => Effect.Effect<Dispatcher["Service"], InvalidInput, Telemetry | Scope.Scope>
  readonly changes: Stream.Stream<void>
  readonly provider: string
}

interface Made<S> {
  readonly settings: S
  readonly dispatcher: Dispatcher["Service"]
  readonly scope: Scope.Closeable
}

/** Settings that cannot be make the first connections fail; later ones are reported, and the connections stay. */
export const make = <S>({
  changes,
  make,
  provider,
  settings
}: Renewal<S>): Effect.Effect<Dispatcher["Service"], InvalidInput, Telemetry | Scope.Scope> =>
  Effect.gen(function* () {
    const all = yield* Effect.scope
    const made = (settings: S) =>
      Effect.gen(function* () {
        const scope = yield* Scope.fork(all)
        const dispatcher = yield* Effect.onError(Scope.provide(make(settings), scope), (cause) =>
          Scope.close(scope, Exit.failCause(cause))
        )
        return { settings, dispatcher, scope }
      })

    /** Those on the way have all the time they need; the closing of the whole does not wait for them any longer than usual. */
    const retire = ({ dispatcher, scope }: Made<S>) =>
      Effect.forkIn(Effect.andThen(dispatcher.finished ?? Effect.void, Scope.close(scope, Exit.void)), all)

    const first = Deferred.makeUnsafe<{ current: Made<S> }>()
    const renew = Effect.gen(function* () {
      const inForce = yield* Deferred.await(first)
      const before = inForce.current
      const wanted = yield* settings
      if (Equal.equals(before.settings, wanted)) return
      inForce.current = yield* Effect.uninterruptible(made(wanted))
      yield* retire(before)
    }).pipe(
      Effect.catchTag("InvalidInput", ({ message }) =>
        Effect.logWarning(`The connections to ${provider} stay as they are: ${message}`)
      )
    )
    // Before the settings are read, so that no change of them is missed.
    yield* Effect.forkIn(
      Stream.runForEach(changes, () => renew),
      all,
      { startImmediately: true }
    )
    const inForce = { current: yield* made(yield* settings) }
    yield* Deferred.succeed(first, inForce)
    return {
      get instrumented() {
        return inForce.current.dispatcher.instrumented
      },
      connections: Effect.suspend(() => inForce.current.dispatcher.connections),
      dispatch: (sent, attempt) => inForce.current.dispatcher.dispatch(sent, attempt)
    }
  })
