/** A registry as one configuration makes it. It does not change, except that keys are read when they are first needed. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Asked, ModelSettings, Provider, Resolution } from "@holdfast/core/ProviderRegistry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Spoken } from "../../Codecs.ts"
import type { Configuration } from "../../Configuration.ts"
import { placeOfPath } from "../configuration/path.ts"
import { shown } from "../settings.ts"
import * as Allowed from "./allowed.ts"
import { defined } from "./definitions.ts"
import type { Entry } from "./entry.ts"
import * as Entries from "./entry.ts"
import * as Keyring from "./keyring.ts"
import * as Models from "./models.ts"
import * as Names from "./names.ts"
import type { Step } from "./plan.ts"
import { planOf } from "./plan.ts"
import * as Resolver from "./resolver.ts"
import type { Means, Slot } from "./slot.ts"
import { slotsOf, unknownSlot } from "./slot.ts"

/** A registry as one configuration makes it. */
export interface Generation {
  readonly resolve: (asked: Asked) => Effect.Effect<Resolution, InvalidInput>
  readonly provider: (id: string, credential?: string) => Effect.Effect<Provider, InvalidInput>
  /** Nothing where nothing is configured. */
  readonly settings: (candidate: Candidate) => ModelSettings | undefined
  readonly of: (candidate: Candidate) => Spoken | undefined
  /** Whether the key of a credential is another than it was. */
  readonly reread: (id: string, credential?: string) => Effect.Effect<boolean, InvalidInput>
}

/** Makes the registry of a configuration, or says all that is wrong with it, what was `found` before included. */
export const make = Effect.fnUntraced(function* (
  configuration: Configuration,
  means: Means,
  found: ReadonlyArray<Problem> = []
): Effect.fn.Return<Generation, InvalidInput> {
  const problems: Array<Problem> = [...found, ...TimeLimits.problems(configuration.limits)]
  const entries = new Map<string, Entry>()
  for (const definition of defined(configuration.providers, problems)) {
    const slots = slotsOf(definition, configuration, problems)
    const entry = yield* Entries.make(definition, configuration, slots, means.variables)
    if (Result.isFailure(entry)) problems.push(...entry.failure)
    else entries.set(definition.id, entry.success)
  }
  const names = Names.make(configuration, entries, problems)
  const allowed = Allowed.make(configuration, names, entries, problems)
  problems.push(...referenceProblems(configuration, names, entries))
  const all = told(problems, configuration, entries)
  if (Arr.isArrayNonEmpty(all)) return yield* new InvalidInput({ problems: all })
  const models = Models.make(configuration.models, entries)
  const keyring = Keyring.make(means)
  const resolver = Resolver.make(entries, models, keyring, (asked) => planOf(asked, names, allowed))
  return {
    resolve: resolver.resolve,
    provider: (id, credential) => {
      const found = slotOf(entries, id, credential)
      if (Result.isFailure(found)) return Effect.fail(found.failure)
      const [entry, slot] = found.success
      return slot.settled?.provider ?? Effect.flatMap(keyring.settle(entry, slot), ({ provider }) => provider)
    },
    settings: models.settings,
    of: models.of,
    reread: (id, credential) =>
      Effect.fromResult(slotOf(entries, id, credential)).pipe(
        Effect.flatMap(([entry, slot]) => keyring.reread(entry, slot)),
        Effect.tap((isAnother) => Effect.sync(() => (isAnother ? resolver.forget() : undefined)))
      )
  }
})

const slotOf = (
  entries: ReadonlyMap<string, Entry>,
  id: string,
  credential: string | undefined
): Result.Result<readonly [Entry, Slot], InvalidInput> => {
  const entry = entries.get(id)
  if (entry === undefined) return Result.fail(InvalidInput.of(Names.unknownProvider(id, "provider", entries)))
  const slot = credential === undefined ? entry.slots[0] : entry.slots.find(({ name }) => name === credential)
  return slot === undefined ? Result.fail(unknownSlot(entry.slots, id)) : Result.succeed([entry, slot])
}

/** Each place once; a provider that is there, though not as it should be, is not unknown besides. */
const told = (
  problems: ReadonlyArray<Problem>,
  { providers }: Configuration,
  entries: ReadonlyMap<string, Entry>
): Array<Problem> => {
  const broken = new Set(
    Object.keys(providers)
      .filter((id) => !entries.has(id))
      .map(shown)
  )
  return Arr.dedupeWith(
    problems.filter(({ found, kind }) => kind !== "UnknownProvider" || !broken.has(found)),
    (a, b) => a.place === b.place
  )
}

/** What agents, models, credentials and the policy name that is not there. */
const referenceProblems = (
  { agents, credentials, models, policy: { chains = {} } }: Configuration,
  names: Names.Names,
  entries: ReadonlyMap<string, Entry>
): ReadonlyArray<Problem> => {
  const steps: Array<Step> = []
  for (const [id, agent] of Object.entries(agents)) {
    const places = Names.placesOf(agents, id, agent)
    steps.push(names.refOf(agent.primary, places.primary))
    for (const [index, name] of agent.fallbacks.entries()) {
      steps.push(names.refOf(name, places.fallbacks[index] ?? places.primary))
    }
  }
  for (const ref of Object.keys(models)) steps.push(names.refOf(ref, placeOfPath({ models }, ["models", ref])))
  for (const [reason, named] of Object.entries(chains)) {
    for (const [index, name] of named.entries()) steps.push(names.refOf(name, `policy.chains.${reason}[${index}]`))
  }
  for (const { place, provider } of credentials) {
    if (!entries.has(provider)) steps.push(Result.fail(Names.unknownProvider(provider, place, entries)))
  }
  return steps.filter(Result.isFailure).map(({ failure }) => failure)
}
