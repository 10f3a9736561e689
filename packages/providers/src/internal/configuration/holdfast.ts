/** The shape of `holdfast.json5`. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type {
  AgentConfiguration,
  Configuration,
  CredentialConfiguration,
  ModelConfiguration,
  ProviderOptions
} from "../../Configuration.ts"
import { Budget, budgetOf } from "./budget.ts"
import { agentOf, aliasExpected, isAlias, orderedBy, profileOf } from "./common.ts"
import { Facts, factsOf, fields as factFields } from "./facts.ts"
import { Headers, headersOf, Limit, Proxy, proxyOf, Text, Time, Tls, tlsOf } from "./fields.ts"
import { Health, healthOf } from "./health.ts"
import { Source, sourceOf } from "./keySource.ts"
import { Limits, RateLimits } from "./limits.ts"
import { placeOfPath } from "./path.ts"
import { Policy, policyOf } from "./policy.ts"

const Alias = Text.check(Schema.makeFilter(isAlias, { expected: aliasExpected }))

const ofModel = {
  alias: Schema.optionalKey(Alias),
  cacheRetention: Schema.optionalKey(Schema.Literals(["none", "short", "long"])),
  context1m: Schema.optionalKey(Schema.Boolean),
  transport: Schema.optionalKey(Schema.Literals(["auto", "sse", "websocket"]))
}

// Written among the request's fields, a provider would refuse them.
const beside = Object.keys(ofModel)

const Params = Schema.Record(Schema.String, Schema.Unknown).check(
  Schema.makeFilter((params) => beside.every((name) => !Object.hasOwn(params, name)), {
    expected: `fields of the provider's own request; ${beside.join(", ")} stand beside params`
  })
)

const Model = Schema.Struct({
  ...ofModel,
  params: Schema.optionalKey(Params),
  facts: Schema.optionalKey(Facts)
})

const ModelOfProvider = Schema.Struct({ id: Text, ...ofModel, params: Schema.optionalKey(Params), ...factFields })

const Agent = Schema.Union([
  Text,
  Schema.Struct({ primary: Text, fallbacks: Schema.optionalKey(Schema.Array(Text)) })
]).annotate({ expected: 'a model such as "anthropic/claude-opus-4-7", or { primary, fallbacks }' })

const Provider = Schema.Struct({
  baseUrl: Schema.optionalKey(Text),
  api: Schema.optionalKey(Text),
  apiKey: Schema.optionalKey(Source),
  headers: Schema.optionalKey(Headers),
  limits: Schema.optionalKey(Limits),
  proxy: Schema.optionalKey(Proxy),
  tls: Schema.optionalKey(Tls),
  keepAlive: Schema.optionalKey(
    Schema.Union([Schema.Boolean, Limit]).annotate({
      expected: 'true, false, or how long an idle connection is kept, such as "30 seconds"'
    })
  ),
  http2: Schema.optionalKey(Schema.Boolean),
  minInterval: Schema.optionalKey(Time),
  rateLimits: Schema.optionalKey(RateLimits),
  models: Schema.optionalKey(Schema.Array(ModelOfProvider))
})

const Profile = Schema.Struct({
  provider: Schema.optionalKey(Text),
  mode: Schema.optionalKey(Schema.Literals(["api-key", "token", "oauth"])),
  key: Schema.optionalKey(Source)
})

/** The file. */
export const File = Schema.Struct({
  $schema: Schema.optionalKey(Schema.String),
  models: Schema.optionalKey(Schema.Record(Schema.String, Model)),
  agents: Schema.optionalKey(Schema.Record(Schema.String, Agent)),
  allow: Schema.optionalKey(Schema.Array(Text)),
  providers: Schema.optionalKey(Schema.Record(Schema.String, Provider)),
  credentials: Schema.optionalKey(
    Schema.Struct({
      profiles: Schema.optionalKey(Schema.Record(Schema.String, Profile)),
      order: Schema.optionalKey(Schema.Record(Schema.String, Schema.Array(Text)))
    })
  ),
  policy: Schema.optionalKey(Policy),
  health: Schema.optionalKey(Health),
  budget: Schema.optionalKey(Budget),
  limits: Schema.optionalKey(Limits),
  minInterval: Schema.optionalKey(Time),
  proxy: Schema.optionalKey(Proxy)
})

/** The file as a configuration; what Schema cannot see of it goes to `problems`. */
export const toConfiguration = (file: typeof File.Type, place: string, problems: Array<Problem>): Configuration => {
  const { allow, limits, minInterval, policy = {}, proxy } = file
  return {
    models: modelsOf(file, place, problems),
    agents: agentsOf(file, problems),
    ...(allow === undefined ? undefined : { allow }),
    providers: Object.fromEntries(
      Object.entries(file.providers ?? {}).map(([id, provider]) => [id, providerOf(provider)])
    ),
    credentials: credentialsOf(file, problems),
    policy: policyOf(policy),
    ...healthOf(file.health, problems),
    ...budgetOf(file.budget, problems),
    ...(limits === undefined ? undefined : { limits }),
    ...(minInterval === undefined
      ? undefined
      : { minIntervalMs: Duration.toMillis(Duration.fromInputUnsafe(minInterval)) }),
    ...(proxy === undefined ? undefined : { proxy: proxyOf(proxy) }),
    unknown: []
  }
}

const modelsOf = (file: typeof File.Type, place: string, problems: Array<Problem>) => {
  const models: Record<string, ModelConfiguration> = {}
  for (const [ref, { facts, ...model }] of Object.entries(file.models ?? {})) {
    const at = placeOfPath(file, ["models", ref])
    const parsed = ModelRef.parse(ref, at)
    if (parsed._tag === "Failure") problems.push(...parsed.failure.problems)
    models[ref] = { ...model, ...(facts === undefined ? undefined : { facts: factsOf(facts, place) }) }
  }
  for (const [provider, { models: own = [] }] of Object.entries(file.providers ?? {})) {
    for (const [index, { alias, cacheRetention, context1m, id, params, transport, ...facts }] of own.entries()) {
      const at = placeOfPath(file, ["providers", provider, "models", index])
      const ref = `${provider}/${id}`
      if (!ModelRef.isModel(id)) {
        problems.push({
          kind: "MalformedModelRef",
          place: `${at}.id`,
          expected: "a model's id without spaces",
          found: "another text"
        })
      } else if (Object.hasOwn(models, ref)) {
        problems.push({
          kind: "InvalidOption",
          place: at,
          expected: `a model that is named once`,
          found: `${ref} a second time`,
          fix: `write it in ${placeOfPath(file, ["models", ref])}, or here`
        })
      } else {
        models[ref] = {
          ...(alias === undefined ? undefined : { alias }),
          ...(cacheRetention === undefined ? undefined : { cacheRetention }),
          ...(context1m === undefined ? undefined : { context1m }),
          ...(params === undefined ? undefined : { params }),
          ...(transport === undefined ? undefined : { transport }),
          facts: factsOf(facts, place)
        }
      }
    }
  }
  return models
}

const agentsOf = (file: typeof File.Type, problems: Array<Problem>) => {
  const agents: Record<string, AgentConfiguration> = {}
  for (const [id, agent] of Object.entries(file.agents ?? {})) {
    const place = placeOfPath(file, ["agents", id])
    if (!isAlias(id)) problems.push({ kind: "InvalidOption", place, expected: aliasExpected, found: "another text" })
    agents[id] = agentOf(agent, place)
  }
  return agents
}

const providerOf = (provider: typeof Provider.Type): ProviderOptions => {
  const { api, apiKey, baseUrl, headers, http2, keepAlive, limits, minInterval, proxy, rateLimits, tls } = provider
  return {
    ...(baseUrl === undefined ? undefined : { baseUrl }),
    ...(api === undefined ? undefined : { api }),
    ...(apiKey === undefined ? undefined : { keySource: sourceOf(apiKey) }),
    ...(headers === undefined ? undefined : { headers: headersOf(headers) }),
    ...(keepAlive === undefined || keepAlive === true ? undefined : { keepAlive }),
    ...(http2 === undefined ? undefined : { http2 }),
    ...(limits === undefined ? undefined : { limits }),
    ...(minInterval === undefined ? undefined : { minInterval }),
    ...(rateLimits === undefined ? undefined : { rateLimits }),
    ...(proxy === undefined ? undefined : { proxy: proxyOf(proxy) }),
    ...(tls === undefined ? undefined : { tls: tlsOf(tls) })
  }
}

const credentialsOf = (file: typeof File.Type, problems: Array<Problem>): ReadonlyArray<CredentialConfiguration> => {
  const { order = {}, profiles = {} } = file.credentials ?? {}
  const credentials: Array<CredentialConfiguration> = []
  for (const [id, { key, mode = "api-key", provider }] of Object.entries(profiles)) {
    const place = placeOfPath(file, ["credentials", "profiles", id])
    const profile = profileOf(id, provider)
    if (profile === undefined) {
      problems.push({
        kind: "InvalidOption",
        place,
        expected: 'a provider and a name, such as "anthropic:work"',
        found: "another text"
      })
    } else {
      credentials.push({ ...profile, mode, place, ...(key === undefined ? undefined : { key: sourceOf(key) }) })
    }
  }
  return orderedBy(
    credentials,
    order,
    (provider, index) => placeOfPath(file, ["credentials", "order", provider, index]),
    problems
  )
}
