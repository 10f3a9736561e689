import { assert, describe, it } from "@effect/vitest"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import { codec } from "@holdfast/providers/Ollama"
import { Codecs } from "@holdfast/providers/Codecs"
import * as Providers from "@holdfast/providers/Providers"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { baseUrlOf } from "../src/internal/ollama/host.ts"

describe("an address of Ollama's", () => {
  const spellings: ReadonlyArray<readonly [text: string, url: string]> = [
    ["", "http://127.0.0.1:11434"],
    ["0.0.0.0", "http://127.0.0.1:11434"],
    ["0.0.0.0:8080", "http://127.0.0.1:8080"],
    ["http://0.0.0.0:11434", "http://127.0.0.1:11434"],
    ["127.0.0.1", "http://127.0.0.1:11434"],
    ["localhost", "http://localhost:11434"],
    ["box.lan", "http://box.lan:11434"],
    ["box.lan:1234", "http://box.lan:1234"],
    ["box.lan:1234/", "http://box.lan:1234"],
    ["box.lan/proxy/", "http://box.lan:11434/proxy"],
    [":8080", "http://127.0.0.1:8080"],
    ["[::1]", "http://[::1]:11434"],
    ["[::1]:8080", "http://[::1]:8080"],
    ["::1", "http://[::1]:11434"],
    ["::", "http://[::1]:11434"],
    ["[::]:8080", "http://[::1]:8080"],
    ["http://box.lan", "http://box.lan"],
    ["http://box.lan:11434", "http://box.lan:11434"],
    ["https://ollama.com", "https://ollama.com"],
    ["https://box.lan:443/ollama/", "https://box.lan/ollama"],
    ["HTTP://Box.lan:11434", "http://box.lan:11434"],
    ["http://localhost:11434/v1", "http://localhost:11434"],
    ["http://localhost:11434/v1/", "http://localhost:11434"],
    ["http://localhost:11434/api", "http://localhost:11434"],
    ["https://box.lan/ollama/v1", "https://box.lan/ollama"],
    ["  box.lan:1234  ", "http://box.lan:1234"],
    ['"box.lan:1234"', "http://box.lan:1234"],
    ["'0.0.0.0'", "http://127.0.0.1:11434"]
  ]

  it.each(spellings)("written %j is %s", (text, url) => assert.strictEqual(baseUrlOf(text), url))

  it("that is none, or holds more than an address, comes through as it is, to be refused where it stands", () => {
    for (const text of [
      "box.lan:port",
      "box lan",
      "http://",
      "http://u:p@box.lan",
      "http://box.lan?key=1",
      "box.lan:99999"
    ]) {
      assert.strictEqual(baseUrlOf(text), text)
    }
  })

  it("is not changed by being read again", () => {
    for (const [, url] of spellings) assert.strictEqual(baseUrlOf(url), url)
  })
})

const providerOf = (environment: Record<string, string>, options?: Providers.Options) =>
  Effect.gen(function* () {
    const registry = yield* ProviderRegistry
    return yield* registry.provider("ollama")
  }).pipe(
    Effect.provide(Providers.layer(options)),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: environment }))
  )

const spokenWith = (model: string, options?: Providers.Options) =>
  Effect.gen(function* () {
    const registry = yield* ProviderRegistry
    const codecs = yield* Codecs
    const {
      chain: [candidate]
    } = yield* registry.resolve({ model })
    return codecs.of(candidate)
  }).pipe(Effect.provide(Providers.layer(options)))

describe("the base URL of Ollama", () => {
  it.effect("is what OLLAMA_HOST says, in its spellings, or what is set, or its own", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* providerOf({})).baseUrl, "http://localhost:11434")
      assert.strictEqual((yield* providerOf({ OLLAMA_HOST: "0.0.0.0" })).baseUrl, "http://127.0.0.1:11434")
      assert.strictEqual((yield* providerOf({ OLLAMA_HOST: "box.lan:1234" })).baseUrl, "http://box.lan:1234")
      const set = { providers: { ollama: { baseUrl: "http://box.lan:11434/v1" } } }
      assert.strictEqual((yield* providerOf({ OLLAMA_HOST: "0.0.0.0" }, set)).baseUrl, "http://box.lan:11434")
    })
  )

  it.effect("that makes no sense is refused where it stands", () =>
    Effect.gen(function* () {
      const { problems } = yield* Effect.flip(providerOf({ OLLAMA_HOST: "box.lan:port" }))
      assert.deepInclude(problems[0], { kind: "InvalidBaseUrl", place: "OLLAMA_HOST" })
    })
  )

  it.effect("serves either format, its own unless the other is set, and every other provider that speaks it", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* spokenWith("ollama/llama3.1"))?.codec, codec)
      const set = { providers: { ollama: { api: "openai-completions" } } }
      assert.strictEqual((yield* spokenWith("ollama/llama3.1", set))?.codec.path, "/v1/chat/completions")
      const other = { providers: { box: { api: "ollama", baseUrl: "http://box.lan:11434" } } }
      const custom = yield* spokenWith("box/llama3.1", other)
      assert.strictEqual(custom?.codec, codec)
      assert.strictEqual(custom?.definition.embeddings?.path, "/api/embed")
    })
  )
})
