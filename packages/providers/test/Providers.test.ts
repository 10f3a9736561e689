import * as ModelRef from "@holdfast/core/ModelRef"
import { assert, describe, it } from "@effect/vitest"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Codecs from "@holdfast/providers/Codecs"
import * as Model from "@holdfast/providers/Model"
import * as Providers from "@holdfast/providers/Providers"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as LanguageModel from "effect/ai/LanguageModel"
import { inspect } from "node:util"
import { json, over, scripted, services, settings } from "./support/scripted.ts"
import { openai, wires } from "./support/wire.ts"

const secret = "sk-ant-api03-verysecret"
// Nothing in it says that it is one.
const bare = "9f8e7d6c5b4a39281706verysecret"

/** The problems of settings, or of a model under them, as kind and place; nothing that is printed holds the secret. */
const problemsOf = (
  model: string | undefined,
  providers: Providers.Options["providers"],
  options: Model.Options & { readonly env?: Readonly<Record<string, string>> } = {}
) =>
  Effect.suspend(() => {
    const script = scripted()
    const layer = services(script, { providers: providers === undefined ? {} : { providers } })
    const program: Effect.Effect<unknown, InvalidInput> =
      model === undefined
        ? Effect.scoped(Effect.asVoid(Layer.build(layer)))
        : Effect.scoped(Effect.asVoid(Layer.build(Layer.provide(Model.layer(model, options), layer))))
    return program.pipe(
      Effect.flip,
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...options.env } }))),
      Effect.orDie,
      Effect.map((error) => {
        assert.strictEqual(error._tag, "InvalidInput")
        for (const text of [error.message, inspect(error), JSON.stringify(error)]) assert.notInclude(text, "verysecret")
        assert.strictEqual(script.requests.length, 0)
        return error.problems.map(({ kind, place }) => [kind, place])
      })
    )
  })

const keys = settings.providers

const wiped = (): Redacted.Redacted => {
  const key = Redacted.make(secret)
  Redacted.wipeUnsafe(key)
  return key
}

describe("settings", () => {
  it.effect("are all wrong at once", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf(undefined, {
        anthropic: { baseUrl: "api.anthropic.com", headers: { "x-team": "a\r\nb: c", "bad name": "v" } },
        openai: { baseUrl: "ftp://api.openai.com", api: "anthropic-messages" },
        mine: { baseUrl: "http://localhost:1" },
        yours: { api: "openai-completions" },
        "no spaces": { baseUrl: "http://localhost:1", api: "openai-completions" }
      })
      assert.sameDeepMembers(problems, [
        ["InvalidBaseUrl", "providers.anthropic.baseUrl"],
        ["InvalidHeader", 'providers.anthropic.headers["x-team"]'],
        ["InvalidHeader", "providers.anthropic.headers, name 2"],
        ["InvalidBaseUrl", "providers.openai.baseUrl"],
        ["InvalidOption", "providers.openai.api"],
        ["InvalidOption", "providers.mine.api"],
        ["InvalidBaseUrl", "providers.yours.baseUrl"],
        ["InvalidOption", "providers"]
      ])
    })
  )

  it.effect.each([
    "",
    "nonsense",
    "localhost:8080",
    "ftp://host/v1",
    "file:///etc/passwd",
    "http://",
    "https://host\n.example",
    `https://host/v1?key=${secret}`,
    `https://host/v1#${secret}`,
    `https://user:${secret}@host/v1`,
    `ftp://user:${secret}@host/v1`,
    `user:${secret}@host`,
    secret
  ])("refuse a base URL such as %j without repeating a secret", (baseUrl) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* problemsOf(undefined, { anthropic: { baseUrl } }), [
        ["InvalidBaseUrl", "providers.anthropic.baseUrl"]
      ])
    })
  )

  it.effect.each([
    ["a header with its scheme", { anthropic: { headers: { [`Bearer ${secret}`]: "x" } } }, "headers, name 1"],
    ["a header's name", { anthropic: { headers: { [secret]: "a\nb" } } }, "headers, name 1"],
    ["a header's name, without a prefix", { anthropic: { headers: { [bare]: "a\nb" } } }, "headers, name 1"],
    ["a format", { anthropic: { api: secret } }, "api"],
    ["a format, without a prefix", { anthropic: { api: bare } }, "api"],
    ["a base URL, without a prefix", { anthropic: { baseUrl: bare } }, "baseUrl"],
    ["a base URL's scheme", { anthropic: { baseUrl: `${secret}:x` } }, "baseUrl"]
  ] as const)("refuse a key in place of %s without repeating it", ([, providers, place]) =>
    Effect.gen(function* () {
      const [[, found] = [], ...more] = yield* problemsOf(undefined, providers)
      assert.strictEqual(found, `providers.anthropic.${place}`)
      assert.deepStrictEqual(more, [])
    })
  )

  it.effect.each([secret, bare, `${secret} `])("refuse the key %j in place of a provider's id by its position", (id) =>
    Effect.gen(function* () {
      const [[, wrong] = []] = yield* problemsOf(undefined, { openai: {}, [id]: { baseUrl: "http://localhost" } })
      assert.strictEqual(wrong, id.endsWith(" ") ? "providers" : "providers, id 2.api")
      const custom = { [id.trim()]: { baseUrl: "http://localhost", api: "openai-completions" } }
      assert.deepStrictEqual(yield* problemsOf("nobody/gpt", custom), [["UnknownProvider", "model"]])
      const spaced = { [id.trim()]: { ...custom[id.trim()], apiKey: Redacted.make(" ") } }
      assert.deepStrictEqual(yield* problemsOf(`${id.trim()}/gpt`, spaced), [
        ["InvalidCredential", "providers, id 1.apiKey"]
      ])
    })
  )

  it.effect.each([7, null, {}, ["https://api.anthropic.com"]])("refuse a base URL that is %j", (baseUrl) =>
    Effect.gen(function* () {
      const providers = { anthropic: { baseUrl: baseUrl as unknown as string } }
      assert.deepStrictEqual(yield* problemsOf(undefined, providers), [
        ["InvalidBaseUrl", "providers.anthropic.baseUrl"]
      ])
    })
  )

  it.effect.each(["Connection", "Transfer-Encoding", "content-length"])(
    "refuse the header %s, which is the transport's to write",
    (name) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* problemsOf(undefined, { openai: { headers: { [name]: "close" } } }), [
          ["InvalidHeader", `providers.openai.headers["${name}"]`]
        ])
      })
  )

  it.effect.each([-1, Number.NaN, Number.POSITIVE_INFINITY, "soon", "-1 seconds", "Infinity", null, true])(
    "keep no connection for %j",
    (keepAlive) =>
      Effect.gen(function* () {
        const providers = { openai: { keepAlive: keepAlive as Duration.Input } }
        assert.deepStrictEqual(yield* problemsOf(undefined, providers), [
          ["InvalidOption", "providers.openai.keepAlive"]
        ])
      })
  )

  it.effect.each([
    [false, 0],
    [0, 0],
    ["30 seconds", 30_000],
    [undefined, 50_000]
  ] as const)("keep an idle connection for %j, which is %i ms", ([keepAlive, ms]) =>
    Effect.gen(function* () {
      const registry = yield* ProviderRegistry
      assert.strictEqual((yield* registry.provider("openai")).connections.keepAliveMs, ms)
    }).pipe(Effect.provide(Providers.layer({ providers: { openai: keepAlive === undefined ? {} : { keepAlive } } })))
  )

  it.effect("refuse a header whose value is secret without repeating it", () =>
    Effect.gen(function* () {
      const headers = { "x-key": Redacted.make(`${secret}\n`) }
      assert.deepStrictEqual(yield* problemsOf(undefined, { openai: { headers } }), [
        ["InvalidHeader", 'providers.openai.headers["x-key"]']
      ])
    })
  )
})

describe("a model", () => {
  it.effect.each([
    ["opus", "UnknownModel"],
    ["", "MalformedModelRef"],
    ["/claude", "MalformedModelRef"],
    ["anthropic/", "MalformedModelRef"],
    ["anthropic/claude opus", "MalformedModelRef"],
    ["nobody/gpt-5.5", "UnknownProvider"],
    [`${secret}/gpt-5.5`, "UnknownProvider"]
  ] as const)("such as %j is %s", ([model, kind]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* problemsOf(model, keys), [[kind, "model"]])
    })
  )

  it.effect("and its fallbacks are all wrong at once, a missing key once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* problemsOf("anthropic/claude-opus-4-7", undefined, {
          fallbacks: ["anthropic/claude-opus-4-6", "nobody/x", "gpt", "openai/gpt-5.5"]
        }),
        [
          ["InvalidCredential", "ANTHROPIC_API_KEY"],
          ["UnknownProvider", "fallbacks[1]"],
          ["UnknownModel", "fallbacks[2]"],
          ["InvalidCredential", "OPENAI_API_KEY"]
        ]
      )
    })
  )

  it.effect("is wrong together with its limits", () =>
    Effect.gen(function* () {
      const limits = { connect: "soon" as Duration.Input, headers: -1 }
      const wrong = [
        ["InvalidOption", "limits.connect"],
        ["InvalidOption", "limits.headers"]
      ]
      assert.deepStrictEqual(yield* problemsOf("anthropic/claude-opus-4-7", keys, { limits }), wrong)
      assert.deepStrictEqual(yield* problemsOf("gpt", keys, { limits }), [["UnknownModel", "model"], ...wrong])
    })
  )

  it.effect.each(["", " ", `${secret}\n`, ` ${secret}`, `${secret}\r\nx: y`, `${secret}\u200b`])(
    "with the key %j is refused, wherever the key came from",
    (key) =>
      Effect.gen(function* () {
        const model = "anthropic/claude-opus-4-7"
        assert.deepStrictEqual(yield* problemsOf(model, { anthropic: { apiKey: Redacted.make(key) } }), [
          ["InvalidCredential", "providers.anthropic.apiKey"]
        ])
        assert.deepStrictEqual(yield* problemsOf(model, undefined, { env: { ANTHROPIC_API_KEY: key } }), [
          ["InvalidCredential", "ANTHROPIC_API_KEY"]
        ])
      })
  )

  it.effect.each([
    ["a plain text", secret],
    ["a secret that was wiped", wiped()],
    ["a secret that is no text", Redacted.make(7)],
    ["null", null]
  ])("with a key that is %s is refused", ([, key]) =>
    Effect.gen(function* () {
      for (const [provider, model] of [
        ["anthropic", "anthropic/claude-opus-4-7"],
        ["openai", "openai/gpt-5.5"]
      ] as const) {
        const providers = { [provider]: { apiKey: key as Redacted.Redacted } }
        assert.deepStrictEqual(yield* problemsOf(model, providers), [
          ["InvalidCredential", `providers.${provider}.apiKey`]
        ])
      }
    })
  )

  it.effect("sends nothing that is no JSON", () => {
    const script = scripted()
    const loop: Record<string, unknown> = {}
    loop["self"] = loop
    return Effect.gen(function* () {
      const error = yield* Effect.flip(LanguageModel.generateText({ prompt: "hi" }))
      assert.strictEqual(error.reason._tag, "InvalidUserInputError")
      assert.include(error.message, "prompt, tools or params")
      assert.strictEqual(script.requests.length, 0)
    }).pipe(Effect.provide(over(script, openai.model, { params: { metadata: loop } })))
  })
})

const value = (header: string | Redacted.Redacted | undefined): string | undefined =>
  Redacted.isRedacted(header) ? Redacted.value(header) : undefined

describe("a provider", () => {
  it.effect("gets its key from the environment, where the provider wants it, and shows it to nobody", () => {
    const env = { ANTHROPIC_API_KEY: secret, OPENAI_API_KEY: secret }
    return Effect.gen(function* () {
      const registry = yield* ProviderRegistry
      const anthropic = yield* registry.provider("anthropic")
      const openai = yield* registry.provider("openai")
      assert.strictEqual(value(anthropic.headers["x-api-key"]), secret)
      assert.strictEqual(anthropic.headers["anthropic-version"], "2023-06-01")
      assert.strictEqual(value(openai.headers["authorization"]), `Bearer ${secret}`)
      for (const provider of [anthropic, openai]) {
        assert.notInclude(inspect(provider, { depth: 9 }) + JSON.stringify(provider), "verysecret")
      }
    }).pipe(Effect.provide(Layer.provide(Providers.layer(), ConfigProvider.layer(ConfigProvider.fromEnv({ env })))))
  })

  it.effect("that is not known is defined by its base URL and wire format, and needs no key", () => {
    const script = scripted(json(openai.text("Hello.")))
    const providers = {
      providers: {
        local: { baseUrl: "http://localhost:11434/v1/", api: "openai-completions", headers: { "x-team": "a" } }
      }
    }
    return Effect.gen(function* () {
      yield* LanguageModel.generateText({ prompt: "hi" })
      assert.deepInclude(script.requests[0], { url: "http://localhost:11434/v1/chat/completions" })
      assert.deepInclude(script.requests[0]?.headers, { "x-team": "a" })
      assert.deepInclude(script.requests[0]?.candidate, { endpoint: "localhost:11434", model: "library/qwen3:8b" })
    }).pipe(Effect.provide(over(script, "local/library/qwen3:8b", undefined, { providers })))
  })

  it.effect("names its models for the swap rule, and a chain holds each once", () =>
    Effect.gen(function* () {
      const registry = yield* ProviderRegistry
      const { chain } = yield* registry.resolve({
        model: "anthropic/claude-opus-4-7",
        fallbacks: ["anthropic/claude-opus-4-6-20260101", "anthropic/claude-opus-4-7", "openai/gpt-5.5-mini"]
      })
      assert.deepStrictEqual(
        chain.map(({ family, identity }) => [identity, family?.maker, family?.line]),
        [
          ["claude-opus-4-7", "anthropic", "opus"],
          ["claude-opus-4-6-20260101", "anthropic", "opus"],
          ["gpt-5.5-mini", "openai", "gpt-mini"]
        ]
      )
    }).pipe(Effect.provide(Providers.layer(settings)))
  )

  it.effect("speaks a format that has a codec", () =>
    Effect.gen(function* () {
      const codecs = yield* Codecs.Codecs
      for (const { codec, model: ref } of wires) {
        const { model, provider } = Result.getOrThrow(ModelRef.parse(ref))
        assert.strictEqual(codecs.of({ provider, model, api: codec.api })?.codec, codec)
        assert.isUndefined(codecs.of({ provider, model, api: "morse" }))
      }
      assert.isUndefined(codecs.of({ provider: "nobody", model: "m", api: "anthropic-messages" }))
    }).pipe(Effect.provide(Providers.layer(settings)))
  )
})
