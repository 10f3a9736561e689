/** The table's providers over a scripted transport, with hosts, credentials and a chain that a test names. */
import type { Candidate } from "@holdfast/core/Candidate"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Telemetry from "@holdfast/core/Telemetry"
import { Codecs } from "@holdfast/providers/Codecs"
import type { ProviderDefinition } from "@holdfast/providers/ProviderDefinition"
import { table } from "@holdfast/providers/ProviderTable"
import * as TestFailover from "@holdfast/testing/TestFailover"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { Scripted } from "./scripted.ts"

/** What a test's configuration says. */
export interface World {
  /** The chain of whatever is asked. Default: the model that was asked for, alone. */
  readonly chain?: ReadonlyArray<Candidate> | (() => ReadonlyArray<Candidate>)
  /** Providers besides those of the table. */
  readonly providers?: ReadonlyArray<ProviderDefinition>
  /** Parameters that configuration sets for every model. */
  readonly params?: Readonly<Record<string, unknown>>
  readonly policy?: FailoverPolicy.Overrides
}

/** A candidate, written as `provider/model` or `provider/model@credential`. */
export const at = (ref: string, more: Partial<Candidate> = {}): Candidate => {
  const [, provider = "", model = "", credential] = /^([^/]+)\/([^@]+)(?:@(.+))?$/.exec(ref) ?? []
  return { provider, model, ...(credential === undefined ? undefined : { credential }), ...more }
}

/** All that a model stands on, over a scripted transport. */
export const services = (script: Scripted, world: World = {}) => {
  const definitions = [...table, ...(world.providers ?? [])]
  const definitionOf = (id: string) => definitions.find((definition) => definition.id === id)
  const registry = ProviderRegistry.of({
    resolve: ({ model = "" }) => {
      const [first = at(model), ...rest] = (typeof world.chain === "function" ? world.chain() : world.chain) ?? []
      return Effect.succeed({ chain: [first, ...rest], suppressedDuplicates: 0, strict: false })
    },
    provider: (id, credential = "key") => {
      const definition = definitionOf(id)
      return definition === undefined
        ? Effect.fail(InvalidInput.of({ kind: "UnknownProvider", place: "model", expected: "another", found: id }))
        : Effect.succeed({
            id,
            baseUrl: definition.baseUrl,
            headers: { ...definition.headers, ...definition.authenticate(Redacted.make(`sk-${credential}-secret`)) },
            connections: definition.connections
          })
    },
    settings: () => ({ params: world.params ?? {} })
  })
  const codecs = Codecs.of({
    of: ({ api, model, provider }) => {
      const definition = definitionOf(provider)
      if (definition === undefined) return undefined
      const codec = definition.codecs.find((codec) => codec.api === api) ?? definition.codecs[0]
      return { codec, definition, facts: definition.describe(model) }
    }
  })
  return Layer.merge(script.layer, TestFailover.layer(world.policy)).pipe(
    Layer.provideMerge(
      Layer.mergeAll(Layer.succeed(ProviderRegistry, registry), Layer.succeed(Codecs, codecs), Telemetry.layer)
    )
  )
}
