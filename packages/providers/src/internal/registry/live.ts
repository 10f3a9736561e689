/** The registry that follows its configuration: each one that can be takes the place of the one before, as a whole. */
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { ModelSettings, ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Arr from "effect/Array"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Codecs } from "../../Codecs.ts"
import type { Configuration, ProviderOptions } from "../../Configuration.ts"
import { empty } from "../../Configuration.ts"
import type { Loaded } from "../../ConfigurationSource.ts"
import { ConfigurationSource } from "../../ConfigurationSource.ts"
import { placeOfPath } from "../configuration/path.ts"
import type { Generation } from "./generation.ts"
import * as Generations from "./generation.ts"
import * as Report from "./report.ts"

/** What the registry is made from. */
export interface Options {
  readonly configuration?: Configuration
  readonly providers?: Readonly<Record<string, ProviderOptions>>
}

/** Makes the registry and its wire formats; they follow the source's changes for as long as the scope is open. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<
  { readonly registry: ProviderRegistry["Service"]; readonly codecs: Codecs["Service"] },
  InvalidInput,
  Scope.Scope
> {
  const given = options.configuration
  const source =
    given === undefined ? Option.getOrUndefined(yield* Effect.serviceOption(ConfigurationSource)) : undefined
  const means = { variables: yield* ConfigProvider.ConfigProvider, readKey: source?.readKey }
  const changed = yield* PubSub.sliding<void>(1)
  const load: Effect.Effect<Loaded, InvalidInput> =
    source === undefined ? Effect.succeed({ configuration: given ?? empty, place: "configuration" }) : source.load

  /** The registry of what is found, told of to whoever asked to be. */
  const next = (before: string | undefined): Effect.Effect<readonly [Generation, Loaded], InvalidInput> =>
    Effect.flatMap(load, (loaded) =>
      Effect.map(
        Generations.make(settingsOf(loaded.configuration, options), means, loaded.problems),
        (made) => [made, loaded] as const
      )
    ).pipe(
      // The first one fails who makes it, which says so itself.
      Effect.tapError((error) =>
        Effect.andThen(
          source?.told?.(Result.fail(error)) ?? Effect.void,
          before === undefined ? Effect.void : Report.refused(before, error)
        )
      )
    )

  const tell = (loaded: Loaded): Effect.Effect<void> =>
    loaded.configuration === empty
      ? Effect.void
      : Effect.andThen(source?.told?.(Result.succeed(loaded)) ?? Effect.void, Report.taken(loaded))

  const [first, found] = yield* Effect.mapError(next(undefined), inFile(source?.file, options))
  let current = first
  // A call on the way may still go on to what only the configuration of its beginning knew.
  let previous: Generation | undefined
  yield* tell(found)

  if (source !== undefined) {
    const reload = Effect.matchEffect(next(found.place), {
      onFailure: () => Effect.void,
      onSuccess: ([made, loaded]) =>
        Effect.suspend(() => {
          previous = current
          current = made
          return Effect.andThen(tell(loaded), PubSub.publish(changed, undefined))
        })
    })
    yield* Effect.forkScoped(Stream.runForEach(source.changes, () => reload))
  }

  const registry: ProviderRegistry["Service"] = {
    resolve: (asked) => Effect.suspend(() => current.resolve(asked)),
    provider: (id, credential) =>
      Effect.suspend(() => {
        const before = previous
        const now = current.provider(id, credential)
        return before === undefined
          ? now
          : Effect.matchEffect(now, {
              onFailure: (error) => Effect.mapError(before.provider(id, credential), () => error),
              onSuccess: Effect.succeed
            })
      }),
    settings: (candidate) => (current.of(candidate) === undefined ? previous : current)?.settings(candidate) ?? unset,
    reread: (id, credential) =>
      Effect.suspend(() => current.reread(id, credential)).pipe(
        Effect.tap((isAnother) => (isAnother ? PubSub.publish(changed, undefined) : Effect.void))
      ),
    changes: Stream.fromPubSub(changed)
  }
  return { registry, codecs: { of: (candidate) => current.of(candidate) ?? previous?.of(candidate) } }
})

/** Problems of what a file says, with its path before their places. What the app or the environment says stands elsewhere. */
const inFile =
  (file: string | undefined, { providers = {} }: Options) =>
  (error: InvalidInput): InvalidInput => {
    if (file === undefined) return error
    const isElsewhere = (place: string): boolean =>
      place.startsWith(file) ||
      /^[A-Z][A-Z0-9_]*$/.test(place) ||
      Object.keys(providers).some((id) => place.startsWith(placeOfPath({ providers }, ["providers", id])))
    return new InvalidInput({
      problems: Arr.map(error.problems, (problem) =>
        isElsewhere(problem.place) ? problem : { ...problem, place: `${file}: ${problem.place}` }
      )
    })
  }

const unset: ModelSettings = { params: {} }

/** The configuration, with what the app sets for each provider before what the operator wrote. */
const settingsOf = (configuration: Configuration, { providers = {} }: Options): Configuration => ({
  ...configuration,
  providers: {
    ...configuration.providers,
    ...Object.fromEntries(
      Object.entries(providers).map(([id, own]) => [
        id,
        Object.hasOwn(configuration.providers, id) ? { ...configuration.providers[id], ...own } : own
      ])
    )
  }
})
