import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { label } from "@holdfast/core/Candidate"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Configuration from "@holdfast/providers/Configuration"
import * as Providers from "@holdfast/providers/Providers"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import JSON5 from "json5"

const read = (value: unknown): Configuration.Configuration =>
  Result.getOrThrowWith(Configuration.decode(value, "holdfast.json5"), (error) => new Error(error.message))

const problemsOf = (value: unknown) =>
  Result.match(Configuration.decode(value, "holdfast.json5"), {
    onFailure: ({ problems }) => problems,
    onSuccess: () => assert.fail("it was taken")
  })

/** Place, expected, found and fix of each problem, by place. */
const wrongIn = (value: unknown) => Object.fromEntries(problemsOf(value).map((problem) => [problem.place, problem]))

const reference = `{
  // What models are called, what is sent with their calls, and what they are known to be.
  models: {
    "anthropic/claude-opus-4-7": { alias: "opus", cacheRetention: "short", context1m: true, params: { max_tokens: 8000 } },
    "anthropic/claude-haiku-4-5": { alias: "haiku" },
    "openai/gpt-5.1-codex": { alias: "codex", facts: { price: { input: 1.25, output: 10 } } }
  },
  // Whom a call asks. "default" is for calls that name nobody.
  agents: {
    default: "opus",
    chief: { primary: "opus", fallbacks: ["anthropic/claude-opus-4-6", "codex", "haiku", "local/qwen3"] }
  },
  // What else may be asked for. Without it: everything.
  allow: ["anthropic/*", "codex"],
  providers: {
    anthropic: { limits: { firstContent: "2 minutes" }, minInterval: "200 millis" },
    openai: {
      apiKey: { command: ["op", "read", "op://work/openai/key"] },
      proxy: "http://proxy.example.com:8080",
      keepAlive: "30 seconds"
    },
    local: {
      baseUrl: "http://localhost:8000/v1",
      api: "openai-completions",
      models: [{ id: "qwen3", contextTokens: 32000, input: ["text"] }]
    }
  },
  credentials: {
    profiles: { "anthropic:work": { key: { env: "WORK_KEY" } }, "anthropic:home": { key: { file: "~/.keys/anthropic" } } },
    order: { anthropic: ["work", "home"] }
  },
  policy: {
    swap: { start: "any", midTurn: "same-family" },
    retry: { capacity: { times: 5, delay: "1 second", factor: 2, longestDelay: "30 seconds", within: "90 seconds" } },
    longestRetryAfter: "1 minute",
    reasons: { Unclassified: { same: "never", onward: "next" } },
    chains: { ContextOverflow: ["haiku"] },
    hold: { parts: 20 },
    hedge: { after: "p95" },
    rotation: "least-recently-used"
  },
  health: { capacity: { windows: ["30 seconds", "5 minutes"] }, fault: { after: 3 } },
  budget: { ratio: 0.2, floorPerSecond: 10, window: "10 seconds" },
  limits: { connect: "10 seconds", stall: "10 minutes" }
}`

describe("holdfast.json5", () => {
  it.effect("as the reference has it is a registry", () =>
    Effect.gen(function* () {
      const registry = yield* ProviderRegistry
      const { chain } = yield* registry.resolve({ model: "chief" })
      assert.deepStrictEqual(chain.map(label), [
        "anthropic/claude-opus-4-7@work",
        "anthropic/claude-opus-4-6@work",
        "anthropic/claude-haiku-4-5@work",
        "local/qwen3"
      ])
    }).pipe(
      Effect.provide(
        Layer.provide(
          Providers.layer({ configuration: read(JSON5.parse(reference)) }),
          ConfigProvider.layer(ConfigProvider.fromEnv({ env: { WORK_KEY: "sk-ant-x" } }))
        )
      ),
      // Here, nothing reads files and commands.
      Effect.provide(Logger.layer([]))
    )
  )

  it("is a configuration, whatever of it is written", () => {
    assert.deepStrictEqual(read({}), Configuration.empty)
  })

  it("says what models are called, sent and known to be", () => {
    const { models } = read({
      models: {
        "anthropic/claude-opus-4-7": {
          alias: "opus",
          params: { max_tokens: 4000 },
          cacheRetention: "long",
          context1m: true,
          transport: "sse",
          facts: { contextTokens: 200_000, price: { input: 5, output: 25, source: "the contract", asOf: "2026-11-01" } }
        }
      },
      providers: {
        local: {
          baseUrl: "http://localhost:1",
          api: "openai-completions",
          models: [{ id: "a/b", alias: "b", input: ["text"] }]
        }
      }
    })
    assert.deepStrictEqual(models, {
      "anthropic/claude-opus-4-7": {
        alias: "opus",
        params: { max_tokens: 4000 },
        cacheRetention: "long",
        context1m: true,
        transport: "sse",
        facts: { contextTokens: 200_000, price: { input: 5, output: 25, source: "the contract", asOf: "2026-11-01" } }
      },
      "local/a/b": { alias: "b", facts: { input: ["text"] } }
    })
  })

  it("names the place of a price that has no source of its own", () => {
    const { models } = read({ models: { "a/b": { facts: { price: { input: 1, output: 2 } } } } })
    assert.deepStrictEqual(models["a/b"]?.facts?.price, {
      input: 1,
      output: 2,
      source: "holdfast.json5",
      asOf: "not said"
    })
  })

  it("takes an agent as a model, or as a model and its fallbacks", () => {
    const { agents } = read({ agents: { default: "a/b", chief: { primary: "a/b", fallbacks: ["a/c"] } } })
    assert.deepStrictEqual(agents, {
      default: { primary: "a/b", fallbacks: [], places: { primary: "agents.default", fallbacks: [] } },
      chief: {
        primary: "a/b",
        fallbacks: ["a/c"],
        places: { primary: "agents.chief.primary", fallbacks: ["agents.chief.fallbacks[0]"] }
      }
    })
  })

  it("keeps every secret out of sight", () => {
    const secret = "verysecret"
    const configuration = read({
      providers: {
        anthropic: {
          apiKey: Redacted.make(secret),
          headers: { "x-portkey-api-key": secret, "x-team": "a" },
          proxy: `socks5://me:${secret}@localhost:1080`,
          tls: { key: secret, passphrase: Redacted.make(secret), caFile: "ca.pem" }
        },
        openai: { proxy: { url: "http://localhost:8080", username: "me", password: secret } }
      }
    })
    assert.notInclude(inspect(configuration, { depth: 9 }) + JSON.stringify(configuration), secret)
    const { anthropic, openai } = configuration.providers
    assert.deepStrictEqual(anthropic?.proxy, {
      url: "socks5://localhost:1080",
      username: "me",
      password: Redacted.make(secret)
    })
    assert.strictEqual(Redacted.value(Object(openai?.proxy).password), secret)
    assert.strictEqual(Redacted.value(anthropic?.tls?.key ?? Redacted.make("")), secret)
    assert.strictEqual(anthropic?.headers?.["x-team"], "a")
    assert.deepStrictEqual(anthropic?.keySource, { _tag: "Value", value: Redacted.make(secret) })
  })

  it.each([
    [{ env: "WORK_KEY" }, { _tag: "Variable", name: "WORK_KEY" }],
    [{ file: "~/key" }, { _tag: "File", path: "~/key" }],
    [{ command: ["op", "read", "op://x"] }, { _tag: "Command", command: "op", args: ["read", "op://x"] }]
  ])("takes a key from %j", (apiKey, keySource) => {
    assert.deepStrictEqual<unknown>(read({ providers: { openai: { apiKey } } }).providers["openai"], { keySource })
  })

  it.each([
    ["verysecretverysecret", "a text"],
    ["${OPENAI_API_KEY}", "a text"],
    [{ env: "A", file: "b" }, "an object"],
    [{}, "an object"],
    [7, "7"]
  ])("takes no key from %j", (apiKey, found) => {
    const [problem, ...more] = problemsOf({ providers: { openai: { apiKey } } })
    assert.deepStrictEqual(more, [])
    assert.deepInclude(problem, { kind: "InvalidOption", place: "providers.openai.apiKey", found })
    assert.include(problem?.expected, '{ env: "VARIABLE" }')
  })

  it("does not repeat a key that stands where a variable's name should", () => {
    const [problem] = problemsOf({ providers: { openai: { apiKey: { env: "sk-proj-verysecret" } } } })
    assert.deepInclude(problem, { place: "providers.openai.apiKey.env", found: "a text" })
  })

  it("puts the credentials of a provider in their order", () => {
    const { credentials } = read({
      credentials: {
        profiles: {
          "anthropic:home": { key: { env: "HOME_KEY" } },
          "anthropic:work": { key: { file: "work.key" } },
          "openai-codex:me": { mode: "oauth" }
        },
        order: { anthropic: ["work", "anthropic:home"] }
      }
    })
    assert.deepStrictEqual(
      credentials.map(({ mode, name, provider }) => [provider, name, mode]),
      [
        ["anthropic", "work", "api-key"],
        ["anthropic", "home", "api-key"],
        ["openai-codex", "me", "oauth"]
      ]
    )
  })

  it("keeps connections on by default, off, or for a time", () => {
    const { providers } = read({
      providers: { openai: { keepAlive: true }, anthropic: { keepAlive: false }, groq: { keepAlive: "3 seconds" } }
    })
    assert.deepStrictEqual(providers, { openai: {}, anthropic: { keepAlive: false }, groq: { keepAlive: "3 seconds" } })
  })

  it("sets limits, intervals and a proxy for all", () => {
    const { limits, minIntervalMs, proxy } = read({
      limits: { connect: "3 seconds", total: false, stall: Duration.minutes(1) },
      minInterval: "250 millis",
      proxy: "env"
    })
    assert.deepStrictEqual(limits, { connect: "3 seconds", total: false, stall: Duration.minutes(1) })
    assert.strictEqual(minIntervalMs, 250)
    assert.strictEqual(proxy, "env")
  })

  it("replaces parts of the policy", () => {
    const { policy } = read({
      policy: {
        swap: { midTurn: "never" },
        maxAttempts: 3,
        longestRetryAfter: "10 seconds",
        reasons: { RateLimited: { same: "never", onward: "next" } }
      }
    })
    assert.deepStrictEqual(policy, {
      swap: { midTurn: "never" },
      maxAttempts: 3,
      longestRetryAfterMs: 10_000,
      table: { RateLimited: { same: "never", onward: "next" } }
    })
  })

  it("says all that is wrong at once, each with its place, what was expected and what was found", () => {
    const wrong = wrongIn({
      modles: {},
      models: { opus: {}, "a/b": { cacheRetention: "tall", facts: { price: { output: -1 } } } },
      agents: { chief: { primery: "a/b", fallbacks: ["a/b", 2] }, other: 3 },
      providers: {
        openai: {
          keepAlive: 5,
          limits: { connect: "soon", stall: 30 },
          tls: { dangerouslyAcceptAnyCertificate: false }
        }
      },
      policy: { maxAttempts: 0, retry: { capacity: { times: 1.5 } }, reasons: { RateLimitd: {} } },
      minInterval: "-1 seconds"
    })
    assert.sameMembers(Object.keys(wrong), [
      "modles",
      "models.opus",
      'models["a/b"].cacheRetention',
      'models["a/b"].facts.price.input',
      'models["a/b"].facts.price.output',
      "agents.chief.primery",
      "agents.chief.primary",
      "agents.chief.fallbacks[1]",
      "agents.other",
      "providers.openai.keepAlive",
      "providers.openai.limits.connect",
      "providers.openai.limits.stall",
      "providers.openai.tls.dangerouslyAcceptAnyCertificate",
      "policy.maxAttempts",
      "policy.retry.capacity.times",
      "policy.reasons.RateLimitd",
      "minInterval"
    ])
    assert.deepInclude(wrong["agents.chief.fallbacks[1]"], { kind: "InvalidOption", expected: "a text", found: "2" })
    assert.deepInclude(wrong["agents.chief.primary"], { expected: "a text", found: "nothing" })
    assert.deepInclude(wrong["agents.chief.primery"], { kind: "UnknownOption", fix: 'did you mean "primary"?' })
    assert.deepInclude(wrong["modles"], { kind: "UnknownOption", fix: 'did you mean "models"?' })
    assert.deepInclude(wrong["policy.reasons.RateLimitd"], { fix: 'did you mean "RateLimited"?' })
    assert.include(wrong["providers.openai.limits.stall"]?.expected, "with its unit")
  })

  it("says what is wrong with names, of which Schema knows nothing", () => {
    const wrong = wrongIn({
      models: { opus: {}, "a/b": {} },
      agents: { "a b": "a/b" },
      providers: { a: { models: [{ id: "b" }, { id: "two words" }] } },
      credentials: { profiles: { ":x": {}, "a:work": {} }, order: { a: ["wrok"] } }
    })
    assert.sameMembers(Object.keys(wrong), [
      "models.opus",
      'agents["a b"]',
      "providers.a.models[0]",
      "providers.a.models[1].id",
      'credentials.profiles[":x"]',
      "credentials.order.a[0]"
    ])
    assert.strictEqual(wrong["credentials.order.a[0]"]?.fix, 'did you mean "work"?')
  })

  it("refuses settings of ours among the fields of a request", () => {
    const [problem] = problemsOf({ models: { "a/b": { params: { cacheRetention: "short" } } } })
    assert.strictEqual(problem?.place, 'models["a/b"].params')
    assert.include(problem?.expected, "stand beside params")
  })

  it("does not repeat a key, wherever it was pasted", () => {
    const key = "sk-ant-api03-verysecretverysecret"
    const problems = problemsOf({
      [key]: 1,
      models: { [key]: 2, "a/b": { [key]: 1, alias: `${key}/` } },
      agents: { [key]: 1, chief: key + " ", b: { primary: 7, fallbacks: [key, 7] } },
      providers: {
        [key]: { [key]: 1 },
        openai: { api: 7, apiKey: key, headers: { [key]: 7 }, baseUrl: "", proxy: key }
      },
      credentials: { profiles: { [key]: { mode: key, key } }, order: { openai: key } },
      limits: { connect: key },
      minInterval: key,
      allow: key
    })
    assert.isAbove(problems.length, 12)
    assert.notInclude(JSON.stringify(problems), "verysecret")
  })

  it.each([null, undefined, [], "models", 7])("is not %j", (value) => {
    const [problem] = problemsOf(value)
    assert.deepInclude(problem, { kind: "InvalidOption", place: "holdfast.json5", expected: "an object" })
  })

  it("has agents that are named like sections of another format", () => {
    const { agents } = read({ agents: { defaults: { primary: "a/b" }, list: "a/c" } })
    assert.deepStrictEqual(Object.keys(agents), ["defaults", "list"])
  })

  it("stays one of ours where a key in it is one of another format", () => {
    const wrong = wrongIn({ agents: { chief: "a/b" }, timeout: { connect: 1 } })
    assert.deepStrictEqual(Object.keys(wrong), ["timeout"])
    assert.strictEqual(wrong["timeout"]?.kind, "UnknownOption")
  })

  it("is not misled by names that objects have anyway", () => {
    const { agents, models } = read(
      JSON.parse('{"agents":{"constructor":"a/b"},"models":{"a/toString":{"alias":"valueOf"}}}')
    )
    assert.deepStrictEqual(Object.keys(agents), ["constructor"])
    assert.strictEqual(models["a/toString"]?.alias, "valueOf")
  })
})
