/** What an operator wrote, as `Providers` and the policy take it: from a file, or from an object in code. */
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as ProviderHealth from "@holdfast/core/ProviderHealth"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as RetryBudget from "@holdfast/core/RetryBudget"
import type { Telemetry } from "@holdfast/core/Telemetry"
import * as ConfigurationFile from "@holdfast/node/ConfigurationFile"
import * as Secrets from "@holdfast/node/Secrets"
import * as Configuration from "@holdfast/providers/Configuration"
import type { KeyReader } from "@holdfast/providers/ConfigurationSource"
import { ConfigurationSource } from "@holdfast/providers/ConfigurationSource"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Record from "effect/Record"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Rules, Said } from "./rules.ts"
import { InForce, merged, problemsOf } from "./rules.ts"

/** An object in code, a file's path, or none. Absent: the file that is found, if there is one. */
export type Config = Readonly<Record<string, unknown>> | string | false

/** What an app says of it. */
export interface Options extends Said {
  readonly config?: Config
}

/** The services that come of it. Policy, health and budget are built when the configuration has been read. */
export interface Configured {
  /** Nothing where there is no configuration. */
  readonly source: Layer.Layer<never>
  readonly policy: Layer.Layer<FailoverPolicy.FailoverPolicy, never, ProviderRegistry>
  readonly health: Layer.Layer<ProviderHealth.ProviderHealth, InvalidInput, ProviderRegistry | Telemetry>
  readonly budget: Layer.Layer<RetryBudget.RetryBudget, InvalidInput, ProviderRegistry>
}

/** Where a configuration stands, and how it is read. */
interface Origin {
  readonly place: string
  /** Its path, where it is a file. */
  readonly file?: string
  readonly read: Effect.Effect<unknown, InvalidInput>
  readonly changes: Stream.Stream<void>
  /** What the paths in it begin from. */
  readonly directory: string
}

/** Fails where the app's own part cannot be, or where no file can be looked for. */
export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Configured, InvalidInput> {
  const own = merged({}, options)
  const wrong = problemsOf(own)
  if (Arr.isArrayNonEmpty(wrong)) return yield* new InvalidInput({ problems: wrong })
  const origin = yield* originOf(options.config)
  const force = new InForce(own)
  return {
    source: origin === undefined ? Layer.empty : sourceOf(origin, options, force),
    policy: Layer.effect(
      FailoverPolicy.FailoverPolicy,
      Effect.as(
        ProviderRegistry,
        FailoverPolicy.live(() => force.policy)
      )
    ),
    health: afterReading(() => healthOf(force.rules)),
    budget: afterReading(() => budgetOf(force.rules))
  }
})

/** A layer that is known once the registry, and with it the configuration, is there. */
const afterReading = <A, E, R>(layer: () => Layer.Layer<A, E, R>): Layer.Layer<A, E, R | ProviderRegistry> =>
  Layer.unwrap(Effect.map(ProviderRegistry, layer))

const healthOf = ({ health }: Rules) =>
  health === false ? ProviderHealth.ProviderHealth.layerOff : ProviderHealth.ProviderHealth.layer(health)

const budgetOf = ({ budget }: Rules) =>
  budget === false ? RetryBudget.RetryBudget.layerOff : RetryBudget.RetryBudget.layer(budget)

const originOf = (config: Config | undefined): Effect.Effect<Origin | undefined, InvalidInput> => {
  if (config === false) return Effect.undefined
  if (config === undefined) {
    return Effect.map(ConfigurationFile.find(), (path) => (path === undefined ? undefined : inFile(path)))
  }
  if (typeof config === "string") return Effect.succeed(inFile(resolve(config)))
  return Effect.succeed({
    place: "config",
    read: Effect.succeed(config),
    changes: Stream.never,
    directory: process.cwd()
  })
}

const inFile = (path: string): Origin => {
  const { changes, read } = ConfigurationFile.at(path)
  return { place: path, file: path, read, changes, directory: dirname(path) }
}

const sourceOf = (origin: Origin, own: Said, force: InForce): Layer.Layer<never> =>
  Layer.succeed(ConfigurationSource, {
    load: Effect.map(origin.read, (value) => {
      const { configuration, problems } = Configuration.read(value, origin.place)
      const rules = merged(configuration, own)
      return {
        configuration: {
          ...located(configuration, origin.directory),
          unknown: [...configuration.unknown, ...force.waiting(rules)]
        },
        problems: [...problems, ...problemsOf(rules)],
        place: origin.place
      }
    }),
    changes: origin.changes,
    ...(origin.file === undefined ? undefined : { file: origin.file }),
    readKey,
    told: (outcome) =>
      Effect.sync(() => {
        if (Result.isSuccess(outcome)) force.take(merged(outcome.success.configuration, own))
      })
  })

const readKey = (source: KeyReader, place: string): Effect.Effect<Redacted.Redacted, InvalidInput> =>
  source._tag === "File"
    ? Secrets.fromFile(source.path, place)
    : Secrets.fromCommand(source.command, source.args, place)

/** Paths begin where the file stands, or at the user's home where they say so. */
const located = (configuration: Configuration.Configuration, directory: string): Configuration.Configuration => {
  const at = (path: string): string =>
    path.startsWith("~/") ? join(homedir(), path.slice(2)) : resolve(directory, path)
  const keyAt = <K extends Configuration.KeySource>(key: K): K =>
    key._tag === "File" ? { ...key, path: at(key.path) } : key
  const providerAt = (provider: Configuration.ProviderOptions): Configuration.ProviderOptions => {
    const { keySource, tls } = provider
    return {
      ...provider,
      ...(keySource === undefined ? undefined : { keySource: keyAt(keySource) }),
      ...(tls === undefined ? undefined : { tls: { ...tls, ...filesAt(tls, at) } })
    }
  }
  return {
    ...configuration,
    providers: Record.map(configuration.providers, providerAt),
    credentials: configuration.credentials.map((credential) =>
      credential.key === undefined ? credential : { ...credential, key: keyAt(credential.key) }
    )
  }
}

type Files = Pick<NonNullable<Configuration.ProviderOptions["tls"]>, "caFile" | "certFile" | "keyFile">

const filesAt = ({ caFile, certFile, keyFile }: Files, at: (path: string) => string): Files => ({
  ...(caFile === undefined ? undefined : { caFile: at(caFile) }),
  ...(certFile === undefined ? undefined : { certFile: at(certFile) }),
  ...(keyFile === undefined ? undefined : { keyFile: at(keyFile) })
})
