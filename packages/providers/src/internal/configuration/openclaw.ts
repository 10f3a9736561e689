/** The two shapes of OpenClaw's configuration. A file may hold parts of either; other sections are its own affair. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { AgentConfiguration, Configuration, ModelConfiguration } from "../../Configuration.ts"
import { agentAt, agentOf } from "./common.ts"
import { Text } from "./fields.ts"
import { cooldownsOf } from "./openclawCooldowns.ts"
import * as Older from "./openclawOlder.ts"
import * as Profiles from "./openclawProfiles.ts"
import * as Providers from "./openclawProviders.ts"
import { paramsOf } from "./openclawParams.ts"
import { isKnown } from "../registry/definitions.ts"
import { shown } from "../settings.ts"
import { placeOfPath } from "./path.ts"

const Model = Schema.Union([
  Text,
  Schema.Struct({ primary: Schema.optionalKey(Text), fallbacks: Schema.optionalKey(Schema.Array(Text)) })
]).annotate({ expected: 'a model such as "anthropic/claude-opus-4-7", or { primary, fallbacks }' })

const Entry = Schema.Struct({
  alias: Schema.optionalKey(Text),
  params: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
})

const Agent = Schema.Struct({
  id: Text,
  default: Schema.optionalKey(Schema.Boolean),
  model: Schema.optionalKey(Model)
})

/** The sections that are read. */
export const File = Schema.Struct({
  agents: Schema.optionalKey(
    Schema.Struct({
      defaults: Schema.optionalKey(
        Schema.Struct({
          model: Schema.optionalKey(Model),
          models: Schema.optionalKey(Schema.Record(Schema.String, Entry))
        })
      ),
      list: Schema.optionalKey(Schema.Array(Agent))
    })
  ),
  models: Schema.optionalKey(
    Schema.Struct({
      primary: Schema.optionalKey(Older.Model),
      fallback: Schema.optionalKey(Older.Fallback),
      providers: Schema.optionalKey(Providers.Providers)
    })
  ),
  auth: Schema.optionalKey(Profiles.Auth),
  rateLimiting: Schema.optionalKey(Older.RateLimiting),
  proxy: Schema.optionalKey(Older.Proxy),
  timeout: Schema.optionalKey(Older.Timeout)
})

/** The file as a configuration; what Schema cannot see of it goes to `problems`, what is not taken to `unknown`. */
export const toConfiguration = (
  file: typeof File.Type,
  place: string,
  problems: Array<Problem>,
  unknown: Array<Problem>
): Configuration => {
  const models = modelsOf(file, problems, unknown)
  const listed = Object.keys(file.agents?.defaults?.models ?? {})
  return {
    models: { ...models, ...Providers.modelsOf(file.models?.providers ?? {}, models, place, problems) },
    agents: agentsOf(file, problems),
    ...(listed.length === 0 ? undefined : { allow: listed.filter((ref) => isSpoken(file, ref.split("/")[0] ?? "")) }),
    providers: Providers.providersOf(file.models?.providers ?? {}, unknown),
    credentials: Profiles.credentialsOf(file.auth ?? {}, problems, unknown),
    policy: Older.policyOf(file.rateLimiting),
    ...cooldownsOf(file.auth?.cooldowns, problems),
    ...Older.restOf(file),
    unknown
  }
}

const modelsOf = (file: typeof File.Type, problems: Array<Problem>, unknown: Array<Problem>) => {
  const models: Record<string, ModelConfiguration> = {}
  for (const [ref, { alias, params }] of Object.entries(file.agents?.defaults?.models ?? {})) {
    const path = ["agents", "defaults", "models", ref]
    // It allows all models of a provider, and says nothing of any.
    if (ref.endsWith("/*")) continue
    const place = placeOfPath(file, path)
    const parsed = ModelRef.parse(ref, place)
    if (Result.isFailure(parsed)) {
      problems.push(...parsed.failure.problems)
      continue
    }
    const { provider } = parsed.success
    if (!isSpoken(file, provider)) {
      unknown.push(unspoken(place, provider))
      continue
    }
    models[ref] = {
      ...(alias === undefined ? undefined : { alias }),
      ...(params === undefined ? undefined : paramsOf(params, file, [...path, "params"], problems, unknown))
    }
  }
  return models
}

const isSpoken = (file: typeof File.Type, provider: string): boolean =>
  isKnown(provider) || Object.hasOwn(file.models?.providers ?? {}, provider)

/** OpenClaw speaks to more providers than we do; nobody asks for one by standing in its list of models. */
const unspoken = (place: string, provider: string): Problem => ({
  kind: "UnknownProvider",
  place,
  expected: "a provider that is known, or that models.providers defines",
  found: shown(provider),
  fix: "the entry is left out"
})

const agentsOf = (file: typeof File.Type, problems: Array<Problem>): Configuration["agents"] => {
  const { defaults, list = [] } = file.agents ?? {}
  const ofDefaults = modelOf(defaults?.model, "agents.defaults.model", undefined)
  const shared = ofDefaults ?? Older.agentOf(file.models)
  const agents: Record<string, AgentConfiguration> = {}
  for (const [index, { id, model }] of list.entries()) {
    const place = `agents.list[${index}]`
    if (Object.hasOwn(agents, id)) {
      problems.push({
        kind: "InvalidOption",
        place: `${place}.id`,
        expected: "an id that no other agent has",
        found: "one that is there"
      })
    }
    const own = modelOf(model, `${place}.model`, shared?.primary) ?? shared
    if (own !== undefined) agents[id] = own
  }
  const first = list.find((agent) => agent.default === true) ?? (shared === undefined ? list[0] : undefined)
  const standard = first === undefined ? shared : agents[first.id]
  return standard === undefined ? agents : { ...agents, default: standard }
}

/** An agent's model. One that names no fallbacks has none: those of the defaults are not its own. */
const modelOf = (
  model: typeof Model.Type | undefined,
  place: string,
  primary: string | undefined
): AgentConfiguration | undefined => {
  if (model === undefined || typeof model === "string") return model === undefined ? undefined : agentOf(model, place)
  const first = model.primary ?? primary
  return first === undefined ? undefined : agentAt(first, model.fallbacks ?? [], place)
}
