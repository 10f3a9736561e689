/**
 * Keeps the beginnings of attempts at one provider apart, where the provider's settings ask for it.
 *
 * What waits, waits in line and has sent nothing. The wait counts as part of the call: one that would outlast the call's
 * time is not begun. It is a pace of this process alone, and no answer to a provider's rate limit.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Evidence from "./Evidence.ts"
import * as Failure from "./Failure.ts"
import type { HttpRequest, HttpResponse } from "./HttpTransport.ts"
import { HttpTransport } from "./HttpTransport.ts"
import type { InvalidInput } from "./InvalidInput.ts"
import { mapFailure } from "./internal/mapFailure.ts"
import { ProviderRegistry } from "./ProviderRegistry.ts"
import * as TimeLimits from "./TimeLimits.ts"
import { TotalTimeout } from "./TransportReason.ts"

/** Who waits to begin at a provider, in line. */
interface Line {
  readonly turn: Semaphore.Semaphore
  waiting: number
  /** When the last attempt began, in milliseconds. */
  last: number
}

/**
 * The transport, with every attempt begun no sooner after the one before it, at the same provider, than
 * `Provider.minIntervalMs` says.
 *
 * **Details**
 *
 * Attempts begin in the order in which they were asked for. One that is interrupted or aborted while it waits gives up its
 * place. Where the place in line is further off than the request's total limit, it fails at once, unsent, with
 * `TotalTimeout`.
 */
export const make: Effect.Effect<HttpTransport["Service"], never, HttpTransport | ProviderRegistry> = Effect.gen(
  function* () {
    const transport = yield* HttpTransport
    const registry = yield* ProviderRegistry
    const clock = yield* Clock.Clock
    const lines = new Map<string, Line>()
    const now = () => clock.currentTimeMillisUnsafe()

    const lineOf = (provider: string): Line => {
      const known = lines.get(provider)
      if (known !== undefined) return known
      const line = { turn: Semaphore.makeUnsafe(1), waiting: 0, last: Number.NEGATIVE_INFINITY }
      lines.set(provider, line)
      return line
    }

    /** Sends in turn, with what the wait has left of the request's time. */
    const inTurn = (
      request: HttpRequest,
      intervalMs: number
    ): Effect.Effect<HttpResponse, Failure.Failure | InvalidInput, Scope.Scope> =>
      Effect.suspend(() => {
        const line = lineOf(request.candidate.provider)
        const askedAt = now()
        const dueMs = Math.max(0, line.last + intervalMs - askedAt) + line.waiting * intervalMs
        if (dueMs === 0) {
          line.last = askedAt
          return transport.send(request)
        }
        const totalMs = request.limits?.totalMs ?? 0
        if (totalMs > 0 && dueMs >= totalMs) return Effect.fail(tooLate(request, totalMs))
        line.waiting++
        const turn = Effect.suspend(() => Effect.sleep(Math.max(0, line.last + intervalMs - now()))).pipe(
          Effect.andThen(Effect.sync(() => (line.last = now()))),
          line.turn.withPermit,
          unlessAborted(request.signal),
          Effect.ensuring(Effect.sync(() => line.waiting--))
        )
        return Effect.andThen(
          turn,
          Effect.suspend(() => sendLater(transport, request, totalMs, now() - askedAt))
        )
      })

    return HttpTransport.of({
      send: (request) =>
        Effect.matchEffect(registry.provider(request.candidate.provider, request.candidate.credential), {
          // What a request needs to be sent, it has; a provider that is not known has no pace.
          onFailure: () => transport.send(request),
          onSuccess: ({ minIntervalMs = 0 }) =>
            minIntervalMs > 0 ? inTurn(request, minIntervalMs) : transport.send(request)
        })
    })
  }
)

/** {@link make} in place of the transport below. */
export const layer: Layer.Layer<HttpTransport, never, HttpTransport | ProviderRegistry> = Layer.effect(
  HttpTransport,
  make
)

/** The transport itself refuses what was aborted. */
const unlessAborted =
  (signal: AbortSignal | undefined) =>
  (turn: Effect.Effect<void>): Effect.Effect<void> => {
    if (signal === undefined) return turn
    const aborted = Effect.callback<void>((resume) => {
      const heard = () => resume(Effect.void)
      if (signal.aborted) return heard()
      signal.addEventListener("abort", heard, { once: true })
      return Effect.sync(() => signal.removeEventListener("abort", heard))
    })
    return Effect.raceFirst(turn, aborted)
  }

const sendLater = (
  { send }: HttpTransport["Service"],
  request: HttpRequest,
  totalMs: number,
  waitedMs: number
): Effect.Effect<HttpResponse, Failure.Failure | InvalidInput, Scope.Scope> => {
  if (totalMs === 0) return send(request)
  const leftMs = Math.max(1, totalMs - waitedMs)
  // The attempt knows only what was left for it; what struck is the limit that was set.
  const whole = (failure: Failure.Failure): Failure.Failure =>
    failure.reason._tag === "TotalTimeout" && failure.reason.limitMs === leftMs
      ? Failure.amend(failure, { reason: new TotalTimeout({ limitMs: totalMs }) })
      : failure
  const later = { ...request, limits: TimeLimits.within(TimeLimits.bounded(request.limits), leftMs) }
  return Effect.mapBoth(send(later), {
    onFailure: (error) => (Failure.isFailure(error) ? whole(error) : error),
    onSuccess: (response) => mapFailure(response, whole)
  })
}

const tooLate = (request: HttpRequest, limitMs: number): Failure.Failure =>
  Failure.make({
    reason: new TotalTimeout({ limitMs }),
    evidence: Evidence.unsent,
    declaration: request.declaration,
    candidate: request.candidate,
    attempt: request.attempt ?? 1
  })
