/**
 * The key that each attempt is made with. One that the provider does not accept may have been replaced where it was taken
 * from: it is read again, and where it is another, the attempt may be made once more.
 */
import type { Attempt, CallOptions, Renewed } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Provider, ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"

type Registry = ProviderRegistry["Service"]

const used = new WeakMap<Attempt, Provider>()

/** The provider that an attempt asks, with the key in force. */
export const providerFor = (registry: Registry, attempt: Attempt): Effect.Effect<Provider, InvalidInput> => {
  const { candidate } = attempt
  const current = registry.provider(candidate.provider, candidate.credential)
  return registry.reread === undefined
    ? current
    : Effect.map(current, (provider) => {
        used.set(attempt, provider)
        return provider
      })
}

/**
 * Whether there is another key by now than an attempt was made with, because it is read again or another call has read it
 * meanwhile; nothing where it cannot be read again, or where it is not known that the provider itself refused it: the page
 * of a proxy says nothing of a key.
 */
export const renew =
  (registry: Registry): NonNullable<CallOptions["refresh"]> =>
  (refused, failure): Effect.Effect<Renewed> | undefined => {
    if (!Failure.isReplaySafe(failure) || failure.assumed) return undefined
    const { credential, provider: id } = refused.candidate
    const { reread } = registry
    const before = used.get(refused)
    if (reread === undefined || before === undefined) return undefined
    const differs = Effect.map(
      Effect.suspend(() => registry.provider(id, credential)),
      (provider) => provider !== before && !Equal.equals(secretsOf(provider), secretsOf(before))
    )
    return Effect.flatMap(differs, (isRead): Effect.Effect<Renewed, InvalidInput> =>
      isRead ? Effect.succeed("already") : Effect.andThen(reread(id, credential), differs)
    ).pipe(
      Effect.catch(({ message }) =>
        Effect.as(Effect.logWarning(`The key of ${id} cannot be read again: ${message}`), false)
      )
    )
  }

/** The headers that are nobody's business: others may be configured anew while the key stays. */
const secretsOf = ({ headers }: Provider): ReadonlyArray<unknown> =>
  Object.entries(headers).filter(([, value]) => Redacted.isRedacted(value))
