import { assert, describe, it } from "@effect/vitest"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Configuration from "@holdfast/providers/Configuration"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { momentsOf } from "./support/moments.ts"
import * as Samples from "./support/samples.ts"

const decode = (value: unknown) => Configuration.decode(value, "openclaw.json5")

const read = (value: unknown): Configuration.Configuration =>
  Result.getOrThrowWith(decode(value), (error) => new Error(error.message))

const places = (problems: ReadonlyArray<{ readonly place: string }>) => problems.map(({ place }) => place)

const gateway = {
  agents: {
    defaults: {
      workspace: "~/work",
      heartbeat: { every: "30m" },
      model: { primary: "anthropic/claude-opus-4-7", fallbacks: ["anthropic/claude-opus-4-6", "openai/gpt-4o"] },
      models: {
        "anthropic/claude-opus-4-7": { alias: "opus", params: { cacheRetention: "short", context1m: true } },
        "openai/gpt-5.1-codex": {
          alias: "GPT",
          params: { transport: "sse", maxTokens: 900, temperature: 0.2, fastMode: true }
        },
        "google/gemini-3-pro": { alias: "gem" },
        "google/*": {},
        "openrouter/*": {}
      }
    },
    list: [
      { id: "chief", name: "Chief", model: { primary: "anthropic/claude-opus-4-7", fallbacks: ["openai/gpt-4o"] } },
      { id: "plain", model: "openai/gpt-4o" },
      { id: "heir" },
      { id: "behind", model: { fallbacks: ["openai/gpt-4o"] } }
    ]
  },
  auth: {
    profiles: {
      "anthropic:default": { provider: "anthropic", mode: "api_key", email: "a@b.c" },
      "openai-codex:me": { provider: "openai-codex", mode: "oauth" }
    },
    order: { anthropic: ["anthropic:default", "anthropic:stored"] }
  },
  gateway: { port: 18_789 },
  channels: { telegram: {} }
}

describe("OpenClaw's newer shape", () => {
  it("says what agents ask", () => {
    const { agents } = read(gateway)
    assert.deepStrictEqual(
      Object.entries(agents).map(([id, { fallbacks, primary }]) => [id, primary, ...fallbacks]),
      [
        ["chief", "anthropic/claude-opus-4-7", "openai/gpt-4o"],
        ["plain", "openai/gpt-4o"],
        ["heir", "anthropic/claude-opus-4-7", "anthropic/claude-opus-4-6", "openai/gpt-4o"],
        ["behind", "anthropic/claude-opus-4-7", "openai/gpt-4o"],
        ["default", "anthropic/claude-opus-4-7", "anthropic/claude-opus-4-6", "openai/gpt-4o"]
      ]
    )
    assert.deepStrictEqual(agents["chief"]?.places, {
      primary: "agents.list[0].model.primary",
      fallbacks: ["agents.list[0].model.fallbacks[0]"]
    })
    assert.strictEqual(agents["plain"]?.places?.primary, "agents.list[1].model")
  })

  it("says who is the default", () => {
    const list = [
      { id: "a", model: "a/b" },
      { id: "b", model: "b/c", default: true }
    ]
    assert.strictEqual(read({ agents: { defaults: { model: "x/y" }, list } }).agents["default"]?.primary, "b/c")
    assert.strictEqual(read({ agents: { list: list.slice(0, 1) } }).agents["default"]?.primary, "a/b")
    assert.isUndefined(read({ agents: { list: [] } }).agents["default"])
  })

  it("says how models are called, and which may be asked", () => {
    const { allow, models } = read(gateway)
    assert.deepStrictEqual(models, {
      "anthropic/claude-opus-4-7": { alias: "opus", cacheRetention: "short", context1m: true },
      "openai/gpt-5.1-codex": { alias: "GPT", transport: "sse", params: { max_tokens: 900, temperature: 0.2 } }
    })
    assert.deepStrictEqual(allow, ["anthropic/claude-opus-4-7", "openai/gpt-5.1-codex", "openrouter/*"])
    assert.isUndefined(read({ agents: { defaults: { model: "a/b" } } }).allow)
  })

  it("leaves its own sections alone, and reports what it does not understand of ours", () => {
    const { unknown } = read({
      ...gateway,
      agnets: {},
      models: { providers: { mine: { baseUrl: "http://localhost:1", api: "openai-completions", quirk: 1 } } }
    })
    assert.sameMembers(places(unknown), [
      "agnets",
      'agents.defaults.models["google/gemini-3-pro"]',
      'agents.defaults.models["openai/gpt-5.1-codex"].params.fastMode',
      "auth.order.anthropic[1]",
      "models.providers.mine.quirk"
    ])
    assert.include(unknown.find(({ place }) => place === "agnets")?.fix, "agents")
  })

  it("takes the first profile of a provider, because the keys stand in a store of its own", () => {
    const { credentials, unknown } = read({
      auth: {
        profiles: {
          "anthropic:a": { mode: "api_key" },
          "anthropic:b": { mode: "token" },
          "anthropic:c": { mode: "oauth" }
        },
        order: { anthropic: ["anthropic:c", "anthropic:b"] }
      }
    })
    assert.deepStrictEqual(
      credentials.map(({ key, mode, name }) => [name, mode, key]),
      [["c", "oauth", undefined]]
    )
    assert.deepStrictEqual(places(unknown), ['auth.profiles["anthropic:b"]'])
  })

  it("says where providers are, and how they are reached", () => {
    const { models, providers, unknown } = read({
      models: {
        mode: "merge",
        providers: {
          mine: {
            baseUrl: "http://localhost:1/v1",
            api: "openai-completions",
            apiKey: "${MINE_KEY}",
            headers: { "X-Team": "a" },
            timeoutSeconds: 300,
            request: {
              headers: { "X-Token": "verysecret" },
              proxy: { mode: "explicit-proxy", url: "http://u:p%40w@localhost:8080" },
              tls: { ca: "PEM", insecureSkipVerify: true }
            },
            models: [
              {
                id: "big",
                name: "Big",
                reasoning: true,
                input: ["text", "image"],
                contextWindow: 1000,
                maxTokens: 100,
                cost: { input: 0, output: 0 }
              },
              { id: "dear", cost: { input: 1, output: 2, cacheRead: 0.5 } }
            ]
          },
          openai: {
            apiKey: { source: "env", provider: "default", id: "WORK_KEY" },
            request: { proxy: { mode: "env-proxy" } }
          },
          groq: { apiKey: { source: "exec", provider: "vault", id: "groq/key" } },
          deepseek: { apiKey: "DEEPSEEK_WORK_KEY" },
          zai: { apiKey: "verysecret" }
        }
      }
    })
    const five = Duration.minutes(5)
    assert.deepStrictEqual<unknown>(providers, {
      mine: {
        baseUrl: "http://localhost:1/v1",
        api: "openai-completions",
        keySource: { _tag: "Variable", name: "MINE_KEY" },
        headers: { "X-Team": "a", "X-Token": Redacted.make("verysecret") },
        limits: { headers: five, firstContent: five, liveness: five },
        proxy: { url: "http://localhost:8080", username: "u", password: Redacted.make("p@w") },
        tls: { ca: "PEM", dangerouslyAcceptAnyCertificate: true }
      },
      openai: { keySource: { _tag: "Variable", name: "WORK_KEY" }, proxy: "env" },
      groq: {},
      deepseek: { keySource: { _tag: "Variable", name: "DEEPSEEK_WORK_KEY" } },
      zai: { keySource: { _tag: "Value", value: Redacted.make("verysecret") } }
    })
    assert.deepStrictEqual(models, {
      "mine/big": { facts: { input: ["text", "image"], contextTokens: 1000, outputTokens: 100 } },
      "mine/dear": {
        facts: { price: { input: 1, output: 2, cacheRead: 0.5, source: "openclaw.json5", asOf: "not said" } }
      }
    })
    assert.deepStrictEqual(places(unknown), ["models.providers.groq.apiKey.source"])
  })

  it("is wrong all at once, too, and unknown keys are not what is wrong", () => {
    const result = decode({
      agents: {
        defaults: { model: 7, models: { opus: {}, "a/b": { alias: 7 } }, quirk: 1 },
        list: [{ model: "a/b" }, { id: "x", model: { fallbacks: "a/b" } }]
      },
      models: { providers: { mine: { timeoutSeconds: -1, request: { proxy: "verysecret" } } } },
      auth: { profiles: { "a:b": { mode: "key" } } }
    })
    if (Result.isSuccess(result)) return assert.fail("it was taken")
    assert.sameMembers(places(result.failure.problems), [
      "agents.defaults.model",
      "agents.defaults.models.opus",
      'agents.defaults.models["a/b"].alias',
      "agents.list[0].id",
      "agents.list[1].model.fallbacks",
      "models.providers.mine.timeoutSeconds",
      "models.providers.mine.request.proxy",
      'auth.profiles["a:b"].mode'
    ])
  })

  it("names models and parameters that cannot be", () => {
    const result = decode({
      agents: {
        defaults: { models: { opus: {}, "openai/gpt-5": { params: { cacheRetention: "tall" } } } },
        list: [{ id: "x" }, { id: "y", model: "a/b" }, { id: "y", model: "a/b" }]
      }
    })
    if (Result.isSuccess(result)) return assert.fail("it was taken")
    assert.sameMembers(places(result.failure.problems), [
      "agents.defaults.models.opus",
      'agents.defaults.models["openai/gpt-5"].params.cacheRetention',
      "agents.list[2].id"
    ])
  })
})

const hours = (...each: ReadonlyArray<number>) => each.map((n) => Duration.hours(n))
const minutes = (...each: ReadonlyArray<number>) => each.map((n) => Duration.minutes(n))

const healthOf = (cooldowns: object) => read({ auth: { cooldowns } }).health

describe("OpenClaw's cooldowns", () => {
  it.each([
    [{ billingBackoffHours: 3 }, hours(3, 6, 12, 24)],
    [{ billingMaxHours: 12 }, hours(5, 10, 12)],
    [{ billingBackoffHours: 8, billingMaxHours: 4 }, hours(4)],
    [{ billingBackoffHours: 24 }, hours(24)]
  ])("for billing double, as %j has it", (cooldowns, windows) => {
    assert.deepStrictEqual<unknown>(healthOf(cooldowns), { billing: { windows } })
  })

  it("for what is refused for good, and how long failures are remembered, are taken", () => {
    assert.deepStrictEqual<unknown>(healthOf({ authPermanentBackoffMinutes: 20, failureWindowHours: 24 }), {
      access: { windows: minutes(20, 40, 60) },
      idleTimeToLive: Duration.hours(24)
    })
    assert.isUndefined(healthOf({}))
    assert.isUndefined(read(older).health)
  })

  it("that are not taken are told, and those that cannot be are wrong", () => {
    const { health, unknown } = read({
      auth: {
        cooldowns: { billingBackoffHours: 24, billingBackoffHoursByProvider: { openai: 8 }, overloadedBackoffMs: 0 }
      }
    })
    assert.isDefined(health)
    assert.sameMembers(places(unknown), [
      "auth.cooldowns.billingBackoffHoursByProvider",
      "auth.cooldowns.overloadedBackoffMs"
    ])
    const result = decode({
      auth: { cooldowns: { billingBackoffHours: 0, billingMaxHours: 9000, failureWindowHours: "1d" } }
    })
    if (Result.isSuccess(result)) return assert.fail("it was taken")
    assert.sameMembers(places(result.failure.problems), [
      "auth.cooldowns.billingBackoffHours",
      "auth.cooldowns.billingMaxHours",
      "auth.cooldowns.failureWindowHours"
    ])
  })
})

const older = {
  models: {
    primary: { provider: "anthropic", model: "claude-sonnet-4-20250514" },
    fallback: { provider: "openai", model: "gpt-4o" }
  },
  rateLimiting: {
    minInterval: 1000,
    retry: { enabled: true, maxRetries: 3, backoffMultiplier: 2, initialDelay: 5000 }
  },
  proxy: { enabled: true, url: "http://127.0.0.1:7890" },
  timeout: { connect: 30_000, request: 120_000 }
}

describe("OpenClaw's older shape", () => {
  it("has a primary and a fallback", () => {
    assert.deepStrictEqual(read(older).agents, {
      default: {
        primary: "anthropic/claude-sonnet-4-20250514",
        fallbacks: ["openai/gpt-4o"],
        places: { primary: "models.primary", fallbacks: ["models.fallback"] }
      }
    })
    const fallback = [older.models.fallback, older.models.primary]
    assert.deepStrictEqual(read({ models: { ...older.models, fallback } }).agents["default"]?.fallbacks, [
      "openai/gpt-4o",
      "anthropic/claude-sonnet-4-20250514"
    ])
  })

  it("sets interval, proxy and limits of all providers", () => {
    const { limits, minIntervalMs, proxy, unknown } = read(older)
    const two = Duration.minutes(2)
    assert.strictEqual(minIntervalMs, 1000)
    assert.deepStrictEqual(proxy, { url: "http://127.0.0.1:7890" })
    assert.deepStrictEqual<unknown>(limits, {
      connect: Duration.seconds(30),
      headers: two,
      firstContent: two,
      liveness: two
    })
    assert.deepStrictEqual(unknown, [])
  })

  it("has no proxy that is not enabled", () => {
    assert.isUndefined(read({ ...older, proxy: { ...older.proxy, enabled: false } }).proxy)
  })

  it.effect("asks again as often as it says, ever later", () =>
    Effect.gen(function* () {
      const moments = yield* momentsOf(read(older).policy, "capacity")
      assert.strictEqual(moments.length, 4)
      const waits = moments.slice(1).map((moment, index) => moment - (moments[index] ?? 0))
      // Each is within a fifth of 5, 10 and 20 s.
      for (const [index, wait] of waits.entries())
        assert.closeTo(wait, 5000 * 2 ** index, 1000 * 2 ** index, `${waits}`)
    })
  )

  it.effect("does not ask again where that is off", () =>
    Effect.gen(function* () {
      const off = read({ rateLimiting: { retry: { enabled: false, maxRetries: 9 } } })
      assert.deepStrictEqual(yield* momentsOf(off.policy, "capacity"), [0])
      // Repairs of connections are another matter.
      assert.strictEqual(FailoverPolicy.make(off.policy).retry.connection, FailoverPolicy.defaults.retry.connection)
    })
  )

  it("is wrong all at once", () => {
    const result = decode({
      models: { primary: { provider: "anthropic" }, fallback: "openai/gpt-4o" },
      rateLimiting: { minInterval: "1s", retry: { maxRetries: -1, backoffMultiplier: 0.5 } },
      proxy: { enabled: "yes", url: "ftp://x" },
      timeout: { connect: -1 }
    })
    if (Result.isSuccess(result)) return assert.fail("it was taken")
    assert.sameMembers(places(result.failure.problems), [
      "models.primary.model",
      "models.fallback",
      "rateLimiting.minInterval",
      "rateLimiting.retry.maxRetries",
      "rateLimiting.retry.backoffMultiplier",
      "proxy.enabled",
      "proxy.url",
      "timeout.connect"
    ])
  })
})

Samples.suite("the samples", () => {
  it.each(["openclaw.json5", "openclaw-troubleshooting.json5"])("%s is understood as a whole", (name) => {
    const { agents, unknown } = read(Samples.sample(name))
    assert.deepStrictEqual(unknown, [])
    assert.isDefined(agents["default"])
  })
})
