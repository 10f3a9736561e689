/**
 * A key that the provider did not accept may have been replaced where it was taken from. It is read again, and if it is
 * another, the attempt is made once more with it: the provider's own refusal is proof that nothing ran. What cools down
 * because of the old key is asked again.
 */
import type { Attempt } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import type { Provider, ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import { Telemetry } from "@holdfast/core/Telemetry"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import type { Error } from "./exchange.ts"

/** Who is told that a key is another now. */
export interface Watchers {
  readonly health: Option.Option<ProviderHealth["Service"]>
  readonly telemetry: Option.Option<Telemetry["Service"]>
}

/** Those of the context, where there are any. */
export const watchers: Effect.Effect<Watchers> = Effect.all({
  health: Effect.serviceOption(ProviderHealth),
  telemetry: Effect.serviceOption(Telemetry)
})

/** Makes an attempt, and makes it again where the provider's key is another than it was. */
export const rereading = <A, R>(
  registry: ProviderRegistry["Service"],
  attempt: Attempt,
  send: (provider: Provider, attempt: Attempt) => Effect.Effect<A, Error, R>,
  known?: Watchers
): Effect.Effect<A, Error, R> => {
  const { credential, provider: id } = attempt.candidate
  const { reread } = registry
  const told = known === undefined ? watchers : Effect.succeed(known)
  const current = Effect.suspend(() => registry.provider(id, credential))
  if (reread === undefined) return Effect.flatMap(current, (provider) => send(provider, attempt))
  return Effect.flatMap(current, (used) =>
    Effect.clockWith((clock) => {
      const begun = clock.currentTimeMillisUnsafe()
      const again = (refused: Failure.Failure) => (provider: Provider | undefined) =>
        provider === undefined
          ? Effect.fail(refused)
          : Effect.mapError(send(provider, withLess(attempt, clock.currentTimeMillisUnsafe() - begun)), (last) =>
              Failure.isFailure(last) ? Failure.ofCall(refused.attempts, last) : last
            )
      return send(used, attempt).pipe(
        Effect.catchIf(isRefusedKey, (refused) =>
          Effect.flatMap(another(registry, reread, attempt, used, told), again(refused))
        )
      )
    })
  )
}

const isRefusedKey = (error: Error): error is Failure.ReplaySafe =>
  Failure.isReplaySafe(error) && error.reason._tag === "AuthenticationFailed" && !error.assumed

/** The provider with another key than was used, if there is one: another call may have read it meanwhile. */
const another = Effect.fnUntraced(function* (
  registry: ProviderRegistry["Service"],
  reread: NonNullable<ProviderRegistry["Service"]["reread"]>,
  { candidate, call }: Attempt,
  used: Provider,
  told: Effect.Effect<Watchers>
): Effect.fn.Return<Provider | undefined> {
  const { credential, provider: id } = candidate
  const current = Effect.suspend(() => registry.provider(id, credential))
  const found = current.pipe(
    Effect.filterOrElse(
      (provider) => isAnother(provider, used),
      () => Effect.andThen(reread(id, credential), current)
    ),
    Effect.matchEffect({
      onFailure: ({ message }) =>
        Effect.as(Effect.logWarning(`The key of ${id} cannot be read again: ${message}`), undefined),
      onSuccess: (provider) => Effect.succeed(isAnother(provider, used) ? provider : undefined)
    })
  )
  const provider = yield* found
  const { health, telemetry } = yield* told
  // What was held against the credential was held against the key that it had.
  if (Option.isSome(health) && provider !== undefined) yield* health.value.reset(`${id}@${credential ?? ""}`)
  if (Option.isSome(telemetry) && telemetry.value.isActive()) {
    telemetry.value.publishUnsafe({ _tag: "CredentialReread", call, candidate, changed: provider !== undefined })
  }
  return provider
})

const isAnother = (provider: Provider, used: Provider): boolean =>
  provider !== used && !Equal.equals(provider.headers, used.headers)

const withLess = (attempt: Attempt, elapsedMs: number): Attempt =>
  attempt.totalMs === 0 ? attempt : { ...attempt, totalMs: Math.max(1, attempt.totalMs - elapsedMs) }
