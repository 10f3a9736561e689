/**
 * The one repair that an adapter makes by itself: a request whose connection died before any byte of an answer is sent
 * once more, at once, on a fresh connection, where the verdict and the request's declaration allow it.
 *
 * It is what stands below `fetch` and `client`, which know no policy. What fails in the repair is not repaired again, and
 * nothing is repaired once a byte of an answer has come. Requests that could not be connected, limits and error statuses
 * are left to the layer above. Repairs are paid from the provider's retry budget, where there is one.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Evidence from "./Evidence.ts"
import * as Failure from "./Failure.ts"
import type { HttpRequest, HttpResponse, HttpTransport } from "./HttpTransport.ts"
import type { InvalidInput } from "./InvalidInput.ts"
import { Addressed } from "./internal/addressed.ts"
import { mapFailure } from "./internal/mapFailure.ts"
import { isStreamed } from "./RequestHead.ts"
import { RetryBudget } from "./RetryBudget.ts"
import { Telemetry } from "./Telemetry.ts"
import { TotalTimeout } from "./TransportReason.ts"
import * as Verdict from "./Verdict.ts"

/** One of the attempts that a repaired request is made in. */
export interface Attempt {
  /** From 1; 2 is the repair. */
  readonly attempt: number
  readonly connection: "any" | "fresh"
  /** What is left of the request's time, in milliseconds; 0 is no limit. */
  readonly totalMs: number
}

/**
 * Sends a request, and once more where it can be repaired.
 *
 * **Details**
 *
 * `request` makes the request of each attempt; its `declaration` is read only where an attempt failed, so it may be a
 * getter that looks into the body. Repaired are `StaleConnection`, and `ConnectionLost` before any byte of an answer,
 * where `Verdict.mayReplay` is not `no`; a body that comes as it is made never is. The failure that is left, the
 * answer's body's included, holds both attempts. Where a repair is `assumed`, a `ReplayAssumed` event says so, if the
 * context holds a `Telemetry`. If it holds a `RetryBudget`, the request is one of the calls addressed to its provider,
 * unless it is an attempt of a call that `Failover` has counted; a repair that the budget refuses is not made: the first
 * failure is left.
 *
 * `totalMs` bounds both attempts together, 0 being no limit. A repair is told what the first attempt left of it; what
 * strikes there is named by the whole.
 *
 * **Example**
 *
 * ```ts
 * import { HttpTransport, Repair } from "@holdfast/core"
 * import { TestTransport } from "@holdfast/testing"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const { send } = yield* HttpTransport.HttpTransport
 *   const response = yield* Repair.send(send, (attempt) => ({
 *     candidate: { provider: "openai", model: "gpt-5" },
 *     method: "GET",
 *     url: "https://api.openai.com/v1/models",
 *     headers: {},
 *     declaration: "repeatable",
 *     ...attempt
 *   }))
 *   return response.status
 * }).pipe(Effect.scoped, Effect.provide(TestTransport.layer([TestTransport.stale(), TestTransport.answer()])))
 *
 * await Effect.runPromise(program) // => 200
 * ```
 */
export const send = (
  send: HttpTransport["Service"]["send"],
  request: (attempt: Attempt) => HttpRequest,
  totalMs = 0
): Effect.Effect<HttpResponse, Failure.Failure | InvalidInput, Scope.Scope> =>
  Effect.withFiber((fiber) => {
    const clock = fiber.getRef(Clock.Clock)
    const endsAt = totalMs === 0 ? 0 : clock.currentTimeMillisUnsafe() + totalMs
    const first = request({ attempt: 1, connection: "any", totalMs })
    const budget = Context.getOrUndefined(fiber.context, RetryBudget)
    // An attempt of a call is no call of its own: it would earn retries.
    if (fiber.getRef(Addressed) !== first.candidate.provider) budget?.called(first.candidate.provider)
    return send(first).pipe(
      Effect.catch((error) => {
        const ground = groundOf(error, first)
        if (ground === "no" || !Failure.isFailure(error)) return Effect.fail(error)
        if (budget?.take(first.candidate.provider) === false) return Effect.fail(error)
        const leftMs = totalMs === 0 ? 0 : Math.max(1, endsAt - clock.currentTimeMillisUnsafe())
        const again: Attempt = { attempt: 2, connection: "fresh", totalMs: leftMs }
        return repair(send, () => request(again), error, ground, { leftMs, totalMs })
      })
    )
  })

interface Time {
  readonly leftMs: number
  readonly totalMs: number
}

const repair = (
  send: HttpTransport["Service"]["send"],
  again: () => HttpRequest,
  failure: Failure.Failure,
  ground: "proven" | "assumed",
  time: Time
): Effect.Effect<HttpResponse, Failure.Failure | InvalidInput, Scope.Scope> => {
  const whole = (last: Failure.Failure) => Failure.ofCall(failure.attempts, ofTheWhole(last, time))
  return Effect.andThen(
    ground === "assumed" ? publishAssumed(failure) : Effect.void,
    Effect.mapBoth(
      Effect.suspend(() => send(again())),
      {
        onFailure: (error) => (Failure.isFailure(error) ? whole(error) : error),
        onSuccess: (response) => mapFailure(response, whole)
      }
    )
  )
}

/** The repair knows what was left for it; what struck is the limit that was set. */
const ofTheWhole = (failure: Failure.Failure, { leftMs, totalMs }: Time): Failure.Failure =>
  failure.reason._tag === "TotalTimeout" && failure.reason.limitMs === leftMs
    ? Failure.amend(failure, { reason: new TotalTimeout({ limitMs: totalMs }) })
    : failure

/** On what ground a failed attempt may be repaired. */
const groundOf = (error: Failure.Failure | InvalidInput, request: HttpRequest): "proven" | "assumed" | "no" => {
  if (!Failure.isFailure(error) || isStreamed(request.body)) return "no"
  return isRepairable(error) ? Verdict.mayReplay(error.verdict, error.declaration) : "no"
}

const isRepairable = ({ evidence, reason }: Failure.Failure): boolean => {
  switch (reason._tag) {
    case "StaleConnection":
      return true
    case "ConnectionLost":
      // Lost by nobody before it was sent: the pool itself has closed, and has no fresh connection either.
      return reason.during === "request" && (reason.how !== "unknown" || Evidence.mayHaveArrived(evidence))
    default:
      return false
  }
}

const publishAssumed = (failure: Failure.Failure): Effect.Effect<void> =>
  Effect.map(Effect.serviceOption(Telemetry), (telemetry) => {
    if (Option.isNone(telemetry) || !telemetry.value.isActive()) return
    telemetry.value.publishUnsafe({
      _tag: "ReplayAssumed",
      candidate: failure.candidate,
      reason: failure.reason._tag,
      rule: failure.rule,
      by: "declaration"
    })
  })
