/**
 * Begins attempts no sooner than the provider is to take them: a while apart from one another, within its rate limits.
 *
 * What waits, waits in line and has sent nothing. The wait counts as part of the call: one that would outlast the call's
 * time is not begun. A provider that has neither an interval nor limits set, and has not said that nothing is left, has
 * every attempt begun at once.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Candidate } from "./Candidate.ts"
import * as Evidence from "./Evidence.ts"
import * as Failure from "./Failure.ts"
import type { HttpRequest, HttpResponse } from "./HttpTransport.ts"
import { HttpTransport } from "./HttpTransport.ts"
import type { InvalidInput } from "./InvalidInput.ts"
import { credentialKey } from "./internal/health/circuit.ts"
import type { TooLate } from "./internal/rateLimits/line.ts"
import { Line } from "./internal/rateLimits/line.ts"
import { mapFailure } from "./internal/mapFailure.ts"
import type { Provider } from "./ProviderRegistry.ts"
import { ProviderRegistry } from "./ProviderRegistry.ts"
import type { Place } from "./RateLimits.ts"
import * as RateLimits from "./RateLimits.ts"
import * as TimeLimits from "./TimeLimits.ts"
import { TotalTimeout } from "./TransportReason.ts"

/** The attempts at a provider that has an interval, with one of its credentials. */
interface Apart {
  readonly line: Line
  /** When the last one began, in milliseconds. */
  last: number
}

/**
 * The transport, with every attempt begun no sooner after the one before it, at the same provider with the same
 * credential, than `Provider.minIntervalMs` says, and as `RateLimits` has it.
 *
 * **Details**
 *
 * Attempts begin in the order in which they were asked for. One that is interrupted or aborted while it waits gives up its
 * place: those behind it move up, except where requests and tokens a minute are set, whose shares go to those who ask
 * later. Where the place in line is further off than the request's total limit, it fails at once, unsent, with
 * `TotalTimeout`.
 */
export const make: Effect.Effect<
  HttpTransport["Service"],
  never,
  HttpTransport | ProviderRegistry | RateLimits.RateLimits
> = Effect.gen(function* () {
  const transport = yield* HttpTransport
  const registry = yield* ProviderRegistry
  const limits = yield* RateLimits.RateLimits
  const clock = yield* Clock.Clock
  const lines = new Map<string, Apart>()
  const now = () => clock.currentTimeMillisUnsafe()

  const apartOf = (candidate: Candidate): Apart => {
    const key = credentialKey(candidate)
    const known = lines.get(key)
    if (known !== undefined) return known
    const apart = { line: new Line(), last: Number.NEGATIVE_INFINITY }
    lines.set(key, apart)
    return apart
  }

  /** The place in line of an attempt at a provider with an interval. */
  const placeApart = (candidate: Candidate, intervalMs = 0): Place => {
    if (intervalMs === 0) return RateLimits.atOnce
    const apart = apartOf(candidate)
    const readyAt = () => apart.last + intervalMs
    const begin = () => {
      apart.last = now()
    }
    return {
      dueMs: Math.max(0, readyAt() - now()) + apart.line.waiting * intervalMs,
      wait: (endsAt) => apart.line.wait({ readyAt, begin, now, endsAt }),
      giveBack: Effect.void
    }
  }

  /** Sends in turn, with what the wait has left of the request's time. */
  const inTurn = (request: HttpRequest, provider: Provider) =>
    Effect.suspend(() => {
      const askedAt = now()
      const totalMs = request.limits?.totalMs ?? 0
      const endsAt = totalMs > 0 ? askedAt + totalMs : Number.POSITIVE_INFINITY
      const sent = Effect.suspend(() => sendLater(transport, request, totalMs, now() - askedAt))
      const isAborted = () => request.signal?.aborted === true
      const apart = placeApart(request.candidate, provider.minIntervalMs)
      return Effect.flatMap(limits.place(provider, request.candidate, RateLimits.tokensOf(request)), (place) => {
        if (now() + Math.max(place.dueMs, apart.dueMs) >= endsAt) {
          return Effect.andThen(place.giveBack, Effect.fail(tooLate(request, totalMs)))
        }
        return Effect.andThen(place.wait(endsAt), apart.wait(endsAt)).pipe(
          unlessAborted(request.signal),
          Effect.onError(() => place.giveBack),
          Effect.mapError(() => tooLate(request, totalMs)),
          Effect.andThen(Effect.suspend(() => (isAborted() ? Effect.andThen(place.giveBack, sent) : sent)))
        )
      })
    })

  const send = (request: HttpRequest, provider: Provider): Sent =>
    (provider.minIntervalMs ?? 0) > 0 || limits.mayWait(provider, request.candidate)
      ? inTurn(request, provider)
      : transport.send(request)

  return HttpTransport.of({
    send: (request) =>
      Effect.matchEffect(registry.provider(request.candidate.provider, request.candidate.credential), {
        // What a request needs to be sent, it has; a provider that is not known has no pace.
        onFailure: () => transport.send(request),
        onSuccess: (provider) => {
          const sent = send(request, provider)
          if (provider.readRateLimits === undefined) return sent
          return Effect.map(sent, (response) => {
            limits.heard(provider, request.candidate, response.headers)
            return response
          })
        }
      })
  })
})

type Sent = Effect.Effect<HttpResponse, Failure.Failure | InvalidInput, Scope.Scope>

/** {@link make} in place of the transport below, within rate limits that somebody else counts. */
export const layerNoDeps: Layer.Layer<HttpTransport, never, HttpTransport | ProviderRegistry | RateLimits.RateLimits> =
  Layer.effect(HttpTransport, make)

/** {@link make} in place of the transport below, within rate limits that are counted in this process. */
export const layer: Layer.Layer<HttpTransport, never, HttpTransport | ProviderRegistry> = Layer.provide(
  layerNoDeps,
  RateLimits.RateLimits.layer
)

/** The transport itself refuses what was aborted. */
const unlessAborted =
  (signal: AbortSignal | undefined) =>
  (turn: Effect.Effect<void, TooLate>): Effect.Effect<void, TooLate> => {
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
  if (totalMs === 0 || waitedMs === 0) return send(request)
  const leftMs = Math.max(1, totalMs - waitedMs)
  // The attempt knows only what was left for it; what struck is the limit that was set.
  const whole = (failure: Failure.Failure): Failure.Failure =>
    failure.reason._tag === "TotalTimeout" && failure.reason.limitMs === leftMs
      ? Failure.amend(failure, { reason: new TotalTimeout({ limitMs: totalMs }) })
      : failure
  const later: HttpRequest = {
    ...request,
    limits: TimeLimits.within(TimeLimits.bounded(request.limits), leftMs),
    // It may be a getter, which is read where an attempt failed; a class keeps it where no copy sees it.
    get declaration() {
      return request.declaration
    }
  }
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
