/** The credentials of a provider: where each key is taken from, and what was found there. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import { mayBeKey, placeOf } from "@holdfast/core/Preview"
import type { Provider } from "@holdfast/core/ProviderRegistry"
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import type { ConfigProvider } from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Configuration, CredentialConfiguration, KeySource } from "../../Configuration.ts"
import type { ConfigurationSource } from "../../ConfigurationSource.ts"
import type { ProviderDefinition } from "../../ProviderDefinition.ts"
import type { Key } from "../settings.ts"

/** What was found of a credential. */
export interface Settled {
  readonly key: Key | undefined
  /** What is wrong with it, so that no model can be asked with it. */
  readonly problem: Problem | undefined
  readonly provider: Effect.Effect<Provider>
}

/** A credential of a provider. */
export interface Slot {
  /** Its name, where it has one. */
  readonly name: string | undefined
  /** Where it stands, for errors. */
  readonly place: string
  /** Absent: the provider's own variables. */
  readonly source: KeySource | undefined
  /** Whether it is an account that somebody signs in to, and no token of it is given. */
  readonly unsigned?: boolean
  /** What was found when it was last read; a key is read when it is first needed. */
  settled: Settled | undefined
}

/** What keys are read with. */
export interface Means {
  readonly variables: ConfigProvider
  readonly readKey: ConfigurationSource["Service"]["readKey"]
}

/** The credentials of a provider, in their order; without any, the key that is set for it. */
export const slotsOf = (
  { id }: ProviderDefinition,
  { credentials, providers }: Configuration,
  problems: Array<Problem>
): Arr.NonEmptyReadonlyArray<Slot> => {
  const own = Object.hasOwn(providers, id) ? (providers[id] ?? {}) : {}
  const place = `${placeOf("providers", id, Object.keys(providers).indexOf(id))}.apiKey`
  const source = sourceOf(own)
  const named = credentials.filter(({ provider }) => provider === id)
  if (!Arr.isReadonlyArrayNonEmpty(named)) return [{ name: undefined, place, source, settled: undefined }]
  for (const [index, credential] of named.entries()) {
    if (named.findIndex(({ name }) => name === credential.name) < index) problems.push(again(credential))
  }
  if (source !== undefined && named.every(({ key }) => key !== undefined)) {
    problems.push({
      kind: "InvalidCredential",
      place,
      expected: "no key, because every credential of the provider names its own",
      found: "one",
      fix: "make it a credential, or leave it out"
    })
  }
  return Arr.map(named, (credential) => ({
    name: credential.name,
    place: credential.key === undefined && source !== undefined ? place : `${credential.place}.key`,
    source: credential.key ?? source,
    ...(credential.mode === "oauth" && credential.key === undefined ? { unsigned: true } : undefined),
    settled: undefined
  }))
}

const again = ({ name, place }: CredentialConfiguration): Problem => ({
  kind: "InvalidCredential",
  place,
  expected: "a name that no other credential of the provider has",
  found: JSON.stringify(name)
})

const sourceOf = ({ apiKey, keySource }: Configuration["providers"][string]): KeySource | undefined =>
  // What is no `Redacted` is refused when a model is asked for.
  apiKey === undefined ? keySource : { _tag: "Value", value: apiKey }

/** The key that stands where a slot's is taken from, nothing where there is none, or why it cannot be read. */
export const read = (
  { place, source, unsigned }: Slot,
  { keyVariables }: ProviderDefinition,
  means: Means
): Effect.Effect<Result.Result<Key | undefined, Problem>> => {
  if (unsigned === true) return Effect.succeed(Result.fail(withoutToken(place)))
  if (source === undefined) return Effect.map(firstOf(keyVariables, means), Result.succeed)
  switch (source._tag) {
    case "Value":
      return Effect.succeed(Result.succeed({ place, value: source.value }))
    case "Variable":
      return Effect.map(firstOf([source.name], means), (key) =>
        key === undefined ? Result.fail(unset(source.name, place)) : Result.succeed(key)
      )
    default:
      return means.readKey === undefined
        ? Effect.succeed(Result.fail(unreadable(source._tag, place)))
        : means.readKey(source, place).pipe(
            Effect.map((value) => ({ place, value })),
            Effect.mapError(({ problems: [problem] }) => problem),
            Effect.result
          )
  }
}

/** The key in the first of the variables that is set. */
export const firstOf = Effect.fnUntraced(function* (
  variables: ReadonlyArray<string>,
  means: Pick<Means, "variables">
): Effect.fn.Return<Key | undefined> {
  for (const place of variables) {
    const value = yield* Effect.orElseSucceed(Config.option(Config.Redacted(place)).parse(means.variables), () =>
      Option.none()
    )
    if (Option.isSome(value)) return { place, value: value.value }
  }
  return undefined
})

const unset = (variable: string, place: string): Problem => {
  const name = mayBeKey(variable) ? "that it names" : variable
  return {
    kind: "InvalidCredential",
    place,
    expected: `a key in the variable ${name}`,
    found: "nothing",
    fix: `set the variable ${name}`
  }
}

const withoutToken = (place: string): Problem => ({
  kind: "InvalidCredential",
  place,
  expected: "where a token is taken from: a variable, a file or a command",
  found: "an account to sign in to, which nothing here can do yet",
  fix: "name a source of tokens as its key, or leave the credential out"
})

const unreadable = (tag: "File" | "Command", place: string): Problem => ({
  kind: "InvalidCredential",
  place,
  expected: "a key, or a variable that holds one",
  found: `a ${tag.toLowerCase()}, which nothing here can read`,
  fix: "provide a ConfigurationSource with readKey"
})

/** A credential that a provider does not have. */
export const unknownSlot = (slots: ReadonlyArray<Slot>, id: string): InvalidInput =>
  InvalidInput.of({
    kind: "InvalidCredential",
    place: "credential",
    expected: `one of the credentials of ${id}: ${slots.map(({ name }) => name ?? "its only one, without a name").join(", ")}`,
    found: "another"
  })
