import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Asked } from "@holdfast/core/ProviderRegistry"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import { Codecs } from "@holdfast/providers/Codecs"
import * as Configuration from "@holdfast/providers/Configuration"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Providers from "@holdfast/providers/Providers"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Samples from "./support/samples.ts"

const env = { ANTHROPIC_API_KEY: "sk-ant-a", OPENAI_API_KEY: "sk-b", GROQ_API_KEY: "gsk_c" }

const decode = (value: unknown) =>
  Result.getOrThrowWith(Configuration.decode(value, "holdfast.json5"), (error) => new Error(error.message))

const layerOf = (value: unknown, variables: Readonly<Record<string, string>> = env) =>
  Layer.provide(
    Providers.layer({ configuration: decode(value) }),
    ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...variables } }))
  )

const chief = {
  primary: "anthropic/claude-opus-4-7",
  fallbacks: ["anthropic/claude-opus-4-6", "openai/gpt-4o", "anthropic/claude-haiku-4-5"]
}

const own = {
  models: {
    "anthropic/claude-opus-4-7": { alias: "opus" },
    "anthropic/claude-sonnet-4-6": { alias: "sonnet" },
    "openai/gpt-5.1-codex": { alias: "GPT" },
    "groq/kimi-k2": {},
    "openrouter/kimi-k3": {},
    "moonshot/kimi-k3": {}
  },
  agents: { default: "sonnet", chief, scribe: { primary: "GPT", fallbacks: ["chief", "opus", "GPT"] } }
}

const resolve = (asked: Asked) => Effect.flatMap(ProviderRegistry, (registry) => registry.resolve(asked))

const wrong = (asked: Asked) =>
  Effect.map(Effect.flip(resolve(asked)), ({ problems }) => problems.map(({ kind, place }) => [kind, place]))

const labels = (chain: ReadonlyArray<Candidate.Candidate>) => chain.map(Candidate.label)

/** What is wrong with a configuration when the registry is made of it. */
const brokenBy = (value: unknown): Effect.Effect<InvalidInput> =>
  Effect.flip(Effect.scoped(Layer.build(layerOf(value)))) as never

describe("what is asked", () => {
  it.effect.each<readonly [Asked, ReadonlyArray<string>, boolean, string | undefined, number]>([
    [{ model: "opus" }, ["anthropic/claude-opus-4-7"], true, undefined, 0],
    [{ model: "anthropic/claude-opus-4-7" }, ["anthropic/claude-opus-4-7"], true, undefined, 0],
    [{ model: "anthropic/claude-3-nobody-knows" }, ["anthropic/claude-3-nobody-knows"], true, undefined, 0],
    [{ model: "claude-haiku-4-5" }, ["anthropic/claude-haiku-4-5"], true, undefined, 0],
    [{ model: "kimi-k2" }, ["groq/kimi-k2"], true, undefined, 0],
    [{ model: "groq/meta/llama" }, ["groq/meta/llama"], true, undefined, 0],
    [{}, ["anthropic/claude-sonnet-4-6"], false, "default", 0],
    [{ model: "default" }, ["anthropic/claude-sonnet-4-6"], false, "default", 0],
    [{ model: "chief" }, [chief.primary, ...chief.fallbacks], false, "chief", 0],
    [{ agent: "chief" }, [chief.primary, ...chief.fallbacks], false, "chief", 0],
    [{ model: "opus", agent: "chief" }, [chief.primary, ...chief.fallbacks], false, "chief", 0],
    [{ model: "GPT", agent: "chief" }, ["openai/gpt-5.1-codex", ...chief.fallbacks, chief.primary], false, "chief", 0],
    [
      { model: "openai/gpt-4o", agent: "chief" },
      ["openai/gpt-4o", "anthropic/claude-opus-4-6", "anthropic/claude-haiku-4-5", chief.primary],
      false,
      "chief",
      1
    ],
    [{ model: "scribe" }, ["openai/gpt-5.1-codex", "anthropic/claude-opus-4-7"], false, "scribe", 2],
    [
      { model: "opus", fallbacks: ["GPT", "opus"] },
      ["anthropic/claude-opus-4-7", "openai/gpt-5.1-codex"],
      false,
      undefined,
      1
    ],
    [{ model: "opus", fallbacks: [] }, ["anthropic/claude-opus-4-7"], true, undefined, 0],
    [{ model: "chief", fallbacks: [] }, [chief.primary], false, "chief", 0],
    [{ model: "chief", fallbacks: ["GPT"] }, [chief.primary, "openai/gpt-5.1-codex"], false, "chief", 0],
    [
      { model: "GPT", agent: "chief", fallbacks: ["sonnet"] },
      ["openai/gpt-5.1-codex", "anthropic/claude-sonnet-4-6", chief.primary],
      false,
      "chief",
      0
    ]
  ])("%j is a chain", ([asked, chain, strict, agent, suppressedDuplicates]) =>
    Effect.gen(function* () {
      const resolution = yield* resolve(asked)
      assert.deepStrictEqual(labels(resolution.chain), chain)
      assert.deepInclude(resolution, { strict, suppressedDuplicates })
      assert.strictEqual(resolution.agent, agent)
      assert.isUndefined(resolution.leftOut)
    }).pipe(Effect.provide(layerOf(own)))
  )

  it.effect.each<readonly [Asked, ReadonlyArray<readonly [string, string]>]>([
    [{ model: "opsu" }, [["UnknownModel", "model"]]],
    [{ model: "kimi-k3" }, [["UnknownModel", "model"]]],
    [{ model: "" }, [["MalformedModelRef", "model"]]],
    [{ model: "nobody/x" }, [["UnknownProvider", "model"]]],
    [{ agent: "cheif" }, [["UnknownAgent", "agent"]]],
    [
      { model: "opsu", agent: "cheif" },
      [
        ["UnknownAgent", "agent"],
        ["UnknownModel", "model"]
      ]
    ],
    [
      { model: "nobody/x", fallbacks: ["GPT", "nobody", "/", "nowhere/y"] },
      [
        ["UnknownProvider", "model"],
        ["UnknownModel", "fallbacks[1]"],
        ["MalformedModelRef", "fallbacks[2]"],
        ["UnknownProvider", "fallbacks[3]"]
      ]
    ]
  ])("%j is wrong", ([asked, problems]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>(yield* wrong(asked), problems)
    }).pipe(Effect.provide(layerOf(own)))
  )

  it.effect("names whom an ambiguous name may mean, and what a wrong one was probably meant to be", () =>
    Effect.gen(function* () {
      assert.include(
        (yield* Effect.flip(resolve({ model: "kimi-k3" }))).message,
        "openrouter/kimi-k3 or moonshot/kimi-k3"
      )
      assert.include((yield* Effect.flip(resolve({ model: "sonet" }))).message, 'did you mean "sonnet"?')
      assert.include((yield* Effect.flip(resolve({ agent: "cheif" }))).message, 'did you mean "chief"?')
      assert.include((yield* Effect.flip(resolve({ model: "antropic/x" }))).message, 'did you mean "anthropic"?')
    }).pipe(Effect.provide(layerOf(own)))
  )

  it.effect("is nothing where there is no default", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* wrong({}), [["EmptyChain", "model"]])
    }).pipe(Effect.provide(layerOf({})))
  )

  it.effect("is resolved once", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* resolve({ model: "chief" }), yield* resolve({ model: "chief" }))
    }).pipe(Effect.provide(layerOf(own)))
  )
})

describe("a list of what is allowed", () => {
  const listed = { ...own, allow: ["opus", "groq/*", "openai/gpt-5.5"] }

  it.effect("admits models, aliases and whole providers, and refuses the others", () =>
    Effect.gen(function* () {
      for (const model of ["opus", "groq/anything", "openai/gpt-5.5"]) yield* resolve({ model })
      assert.deepStrictEqual(yield* wrong({ model: "openai/gpt-5" }), [["ModelNotAllowed", "model"]])
      assert.include((yield* Effect.flip(resolve({ model: "openai/gpt-5" }))).message, "groq/*")
    }).pipe(Effect.provide(layerOf(listed)))
  )

  it.effect("admits what the operator named for an agent", () =>
    Effect.gen(function* () {
      yield* resolve({ model: "sonnet" })
      yield* resolve({ model: "openai/gpt-4o" })
    }).pipe(Effect.provide(layerOf(listed)))
  )

  it.effect("is passed by explicit fallbacks", () =>
    Effect.gen(function* () {
      const { chain } = yield* resolve({ model: "opus", fallbacks: ["openai/gpt-5"] })
      assert.deepStrictEqual(labels(chain), ["anthropic/claude-opus-4-7", "openai/gpt-5"])
    }).pipe(Effect.provide(layerOf(listed)))
  )

  it.effect("admits nothing where it is empty and no agent names anything", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* wrong({ model: "openai/gpt-5" }), [["ModelNotAllowed", "model"]])
    }).pipe(Effect.provide(layerOf({ allow: [] })))
  )
})

describe("a configuration", () => {
  it.effect("names what is not there: all at once, each by its place", () =>
    Effect.gen(function* () {
      const { problems } = yield* brokenBy({
        models: { "anthropic/a": { alias: "x" }, "anthropic/b": { alias: "x" }, "nobody/c": {} },
        agents: {
          chief: { primary: "anthropic/a", fallbacks: ["anthropic/b", "x", "nobody/y", "nothing"] },
          one: "two",
          two: { primary: "three" },
          three: "one"
        },
        allow: ["nope", "nobody/*", "anthropic/*"],
        credentials: { profiles: { "nobody:me": {} } }
      })
      assert.sameDeepMembers(
        problems.map(({ kind, place }) => [kind, place]),
        [
          ["InvalidOption", 'models["anthropic/b"].alias'],
          ["UnknownProvider", 'models["nobody/c"]'],
          ["UnknownProvider", "agents.chief.fallbacks[2]"],
          ["UnknownModel", "agents.chief.fallbacks[3]"],
          ["AliasLoop", "agents.one"],
          ["AliasLoop", "agents.two.primary"],
          ["AliasLoop", "agents.three"],
          ["UnknownModel", "allow[0]"],
          ["UnknownProvider", "allow[1]"],
          ["UnknownProvider", 'credentials.profiles["nobody:me"]']
        ]
      )
      assert.strictEqual(problems.find(({ place }) => place === "agents.one")?.found, "two -> three -> one -> two")
    })
  )

  it.effect("says how models are called and what they are, in place of the table", () =>
    Effect.gen(function* () {
      const registry = yield* ProviderRegistry
      const codecs = yield* Codecs
      const { chain } = yield* registry.resolve({ model: "opus" })
      const [candidate] = chain
      assert.deepStrictEqual(registry.settings(candidate), {
        params: { max_tokens: 9 },
        cacheRetention: "short",
        context1m: true
      })
      assert.deepStrictEqual(candidate.family, { maker: "anthropic", line: "opus" })
      assert.strictEqual(candidate.identity, "mine")
      assert.deepInclude(codecs.of(candidate)?.facts, { identity: "mine", contextTokens: 7 })
      assert.strictEqual(codecs.of(candidate), codecs.of(candidate))
      const [other] = (yield* registry.resolve({ model: "anthropic/claude-opus-4-6" })).chain
      assert.deepStrictEqual(registry.settings(other), { params: {} })
    }).pipe(
      Effect.provide(
        layerOf({
          models: {
            "anthropic/claude-opus-4-7": {
              alias: "opus",
              params: { max_tokens: 9 },
              cacheRetention: "short",
              context1m: true,
              facts: { identity: "mine", contextTokens: 7 }
            }
          }
        })
      )
    )
  )

  it.effect("says how providers are reached", () =>
    Effect.gen(function* () {
      const registry = yield* ProviderRegistry
      const openai = yield* registry.provider("openai")
      assert.deepStrictEqual<unknown>(openai.connections, {
        keepAliveMs: 3000,
        http2: true,
        proxy: { url: "http://localhost:1" },
        tls: { caFile: "ca.pem" }
      })
      assert.deepStrictEqual<unknown>(openai.limits, { connect: "2 seconds", stall: false })
      assert.strictEqual(openai.minIntervalMs, 5000)
      const groq = yield* registry.provider("groq")
      assert.strictEqual(groq.connections.proxy, "env")
      assert.deepStrictEqual<unknown>(groq.limits, { connect: "1 second", stall: false })
      assert.strictEqual(groq.minIntervalMs, 1000)
    }).pipe(
      Effect.provide(
        layerOf({
          providers: {
            openai: {
              keepAlive: "3 seconds",
              http2: true,
              proxy: "http://localhost:1",
              tls: { caFile: "ca.pem" },
              limits: { connect: "2 seconds" },
              minInterval: "5 seconds"
            }
          },
          proxy: "env",
          limits: { connect: "1 second", stall: false },
          minInterval: "1 second"
        })
      )
    )
  )

  it.effect("says which of its formats a provider is spoken to in", () =>
    Effect.gen(function* () {
      const registry = yield* ProviderRegistry
      const codecs = yield* Codecs
      const [candidate] = (yield* registry.resolve({ model: "openai/gpt-5.5" })).chain
      assert.strictEqual(candidate.api, "openai-responses")
      assert.strictEqual(codecs.of(candidate)?.codec.api, "openai-responses")
    }).pipe(Effect.provide(layerOf({ providers: { openai: { api: "openai-responses" } } })))
  )

  it.effect("stands behind what the app itself sets", () =>
    Effect.gen(function* () {
      const registry = yield* ProviderRegistry
      const { baseUrl, connections } = yield* registry.provider("openai")
      assert.strictEqual(baseUrl, "http://localhost:2")
      assert.strictEqual(connections.keepAliveMs, 7000)
    }).pipe(
      Effect.provide(
        Providers.layer({
          configuration: decode({ providers: { openai: { baseUrl: "http://localhost:1", keepAlive: "7 seconds" } } }),
          providers: { openai: { baseUrl: "http://localhost:2" } }
        })
      )
    )
  )
})

Samples.suite("an operator of OpenClaw", () => {
  it.effect("gets the same chain", () =>
    Effect.gen(function* () {
      const resolution = yield* resolve({ model: "chief" })
      assert.deepStrictEqual(labels(resolution.chain), [
        "anthropic/claude-opus-4-7",
        "anthropic/claude-opus-4-6",
        "openai/gpt-4o",
        "openai/gpt-5.1-codex",
        "anthropic/claude-sonnet-4-6",
        "anthropic/claude-haiku-4-5",
        "openai/gpt-5.4-pro"
      ])
      assert.strictEqual(resolution.suppressedDuplicates, 1)
      assert.deepStrictEqual(labels((yield* resolve({})).chain), labels(resolution.chain))
      assert.deepStrictEqual(labels((yield* resolve({ agent: "chief" })).chain), labels(resolution.chain))
      assert.deepStrictEqual(labels((yield* resolve({ model: "GPT" })).chain), ["openai/gpt-5.1-codex"])
      assert.deepStrictEqual(labels((yield* resolve({ model: "opus" })).chain), ["anthropic/claude-opus-4-7"])
      // Of the two providers that have it, the one that an agent names.
      assert.deepStrictEqual(labels((yield* resolve({ model: "gpt-4o" })).chain), ["openai/gpt-4o"])
      const registry = yield* ProviderRegistry
      const long = { params: {}, cacheRetention: "short", context1m: true }
      const unset = { params: {} }
      assert.deepStrictEqual<ReadonlyArray<unknown>>(
        resolution.chain.map((candidate) => registry.settings(candidate)),
        [long, long, unset, unset, long, { params: {}, cacheRetention: "short" }, unset]
      )
      assert.deepStrictEqual(yield* wrong({ model: "openai/gpt-5" }), [["ModelNotAllowed", "model"]])
    }).pipe(Effect.provide(layerOf(Samples.sample("openclaw.json5"))))
  )

  it.effect("of the older shape gets chain, proxy, interval and limits", () =>
    Effect.gen(function* () {
      const registry = yield* ProviderRegistry
      assert.deepStrictEqual(labels((yield* resolve({})).chain), [
        "anthropic/claude-sonnet-4-20250514",
        "openai/gpt-4o"
      ])
      const long = [120_000, 120_000, 120_000, 120_000]
      for (const id of ["anthropic", "openai"]) {
        const { connections, limits, minIntervalMs } = yield* registry.provider(id)
        assert.deepStrictEqual<unknown>(connections.proxy, { url: "http://127.0.0.1:7890" })
        assert.strictEqual(minIntervalMs, 1000)
        const { answerMs, connectMs, firstContentMs, headersMs, livenessMs } = TimeLimits.resolve(limits)
        assert.deepStrictEqual([connectMs, headersMs, answerMs, firstContentMs, livenessMs], [30_000, ...long])
      }
    }).pipe(Effect.provide(layerOf(Samples.sample("openclaw-troubleshooting.json5"))))
  )
})
