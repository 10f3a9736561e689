/** `models.providers` in OpenClaw's configuration. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import type { ProxySettings, TlsSettings } from "@holdfast/core/ProviderRegistry"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { KeySource, ModelConfiguration, ProviderOptions } from "../../Configuration.ts"
import { Dollars, factsOf, Modalities, Tokens } from "./facts.ts"
import * as Fields from "./fields.ts"
import { Headers, headersOf, ProxyUrl, Secret, serverOf, Text } from "./fields.ts"
import { answerWithin } from "./openclawOlder.ts"
import { placeOfPath } from "./path.ts"

const Tls = Schema.Struct({
  ca: Schema.optionalKey(Text),
  cert: Schema.optionalKey(Text),
  key: Schema.optionalKey(Secret),
  passphrase: Schema.optionalKey(Secret),
  serverName: Schema.optionalKey(Text),
  insecureSkipVerify: Schema.optionalKey(Schema.Boolean)
})

const Proxy = Schema.Union([
  ProxyUrl,
  Schema.Struct({
    mode: Schema.optionalKey(Schema.Literals(["env-proxy", "explicit-proxy"])),
    url: Schema.optionalKey(ProxyUrl)
  })
]).annotate({ expected: "a proxy's URL, or an object with mode and url" })

const SecretRef = Schema.Struct({
  source: Schema.Literals(["env", "file", "exec"]),
  provider: Schema.optionalKey(Text),
  id: Text
})

const Model = Schema.Struct({
  id: Text,
  input: Schema.optionalKey(Modalities),
  cost: Schema.optionalKey(
    Schema.Struct({
      input: Schema.optionalKey(Dollars),
      output: Schema.optionalKey(Dollars),
      cacheRead: Schema.optionalKey(Dollars),
      cacheWrite: Schema.optionalKey(Dollars)
    })
  ),
  contextWindow: Schema.optionalKey(Tokens),
  maxTokens: Schema.optionalKey(Tokens)
})

const Provider = Schema.Struct({
  baseUrl: Schema.optionalKey(Text),
  api: Schema.optionalKey(Text),
  apiKey: Schema.optionalKey(
    Schema.Union([Secret, SecretRef]).annotate({ expected: "a key, or { source, provider, id }" })
  ),
  headers: Schema.optionalKey(Headers),
  timeoutSeconds: Schema.optionalKey(
    Schema.Finite.check(Schema.isGreaterThan(0, { expected: "a number of seconds above zero" }))
  ),
  request: Schema.optionalKey(
    Schema.Struct({
      headers: Schema.optionalKey(Headers),
      proxy: Schema.optionalKey(Proxy),
      tls: Schema.optionalKey(Tls)
    })
  ),
  models: Schema.optionalKey(Schema.Array(Model))
})

/** The section. */
export const Providers = Schema.Record(Schema.String, Provider)

/** What is set for each provider. */
export const providersOf = (
  providers: typeof Providers.Type,
  unknown: Array<Problem>
): Readonly<Record<string, ProviderOptions>> =>
  Object.fromEntries(
    Object.entries(providers).map(([id, provider]) => {
      const place = placeOfPath({ models: { providers } }, ["models", "providers", id, "apiKey"])
      return [id, optionsOf(provider, place, unknown)]
    })
  )

const optionsOf = (provider: typeof Provider.Type, place: string, unknown: Array<Problem>): ProviderOptions => {
  const { api, apiKey, baseUrl, request = {}, timeoutSeconds } = provider
  const keySource = apiKey === undefined ? undefined : sourceOf(apiKey, place, unknown)
  const proxy = request.proxy === undefined ? undefined : proxyOf(request.proxy)
  const headers = { ...provider.headers, ...request.headers }
  return {
    ...(baseUrl === undefined ? undefined : { baseUrl }),
    ...(api === undefined ? undefined : { api }),
    ...(keySource === undefined ? undefined : { keySource }),
    ...(Object.keys(headers).length === 0 ? undefined : { headers: headersOf(headers) }),
    ...(timeoutSeconds === undefined ? undefined : { limits: answerWithin(timeoutSeconds * 1000) }),
    ...(proxy === undefined ? undefined : { proxy }),
    ...(request.tls === undefined ? undefined : { tls: tlsOf(request.tls) })
  }
}

/** A key as it is, `${VARIABLE}`, a variable's name, or a reference to one. */
const sourceOf = (
  written: NonNullable<(typeof Provider.Type)["apiKey"]>,
  place: string,
  unknown: Array<Problem>
): KeySource | undefined => {
  if (typeof written === "string") {
    const variable = /^\$\{(\w+)\}$/.exec(written)?.[1] ?? /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/.exec(written)?.[0]
    return variable === undefined
      ? { _tag: "Value", value: Redacted.make(written) }
      : { _tag: "Variable", name: variable }
  }
  if (Redacted.isRedacted(written)) return { _tag: "Value", value: written }
  if (written.source === "env") return { _tag: "Variable", name: written.id }
  unknown.push({
    kind: "UnknownOption",
    place: `${place}.source`,
    expected: "a key of the environment",
    found: `one of OpenClaw's secret providers, source ${written.source}`,
    fix: "set the provider's own variable, or write the source into holdfast.json5"
  })
  return undefined
}

const proxyOf = (proxy: typeof Proxy.Type): ProxySettings | undefined => {
  if (typeof proxy === "string") return serverOf(proxy)
  return proxy.mode === "env-proxy" ? "env" : proxy.url === undefined ? undefined : serverOf(proxy.url)
}

const tlsOf = ({ insecureSkipVerify, ...tls }: typeof Tls.Type): TlsSettings => ({
  ...Fields.tlsOf(tls),
  ...(insecureSkipVerify === true ? { dangerouslyAcceptAnyCertificate: true } : undefined)
})

/** What is said of each provider's models, beside what is said of them elsewhere. */
export const modelsOf = (
  providers: typeof Providers.Type,
  elsewhere: Readonly<Record<string, ModelConfiguration>>,
  place: string,
  problems: Array<Problem>
): Readonly<Record<string, ModelConfiguration>> => {
  const models: Record<string, ModelConfiguration> = {}
  for (const [provider, { models: own = [] }] of Object.entries(providers)) {
    for (const [index, model] of own.entries()) {
      const ref = `${provider}/${model.id}`
      if (ModelRef.isModel(model.id)) models[ref] = { ...elsewhere[ref], facts: factsOf(knownOf(model), place) }
      else {
        problems.push({
          kind: "MalformedModelRef",
          place: `${placeOfPath({ models: { providers } }, ["models", "providers", provider, "models", index])}.id`,
          expected: "a model's id without spaces",
          found: "another text"
        })
      }
    }
  }
  return models
}

const knownOf = ({ contextWindow, cost, input, maxTokens }: typeof Model.Type) => ({
  ...(input === undefined ? undefined : { input }),
  ...(contextWindow === undefined ? undefined : { contextTokens: contextWindow }),
  ...(maxTokens === undefined ? undefined : { outputTokens: maxTokens }),
  ...(cost === undefined ? undefined : priceOf(cost))
})

// OpenClaw writes zeros where it knows no price.
const priceOf = ({ cacheRead, cacheWrite, input = 0, output = 0 }: NonNullable<(typeof Model.Type)["cost"]>) =>
  input === 0 && output === 0
    ? undefined
    : {
        price: {
          input,
          output,
          ...(cacheRead === undefined ? undefined : { cacheRead }),
          ...(cacheWrite === undefined ? undefined : { cacheWrite })
        }
      }
