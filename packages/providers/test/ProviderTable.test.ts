import { assert, describe, it } from "@effect/vitest"
import { table } from "@holdfast/providers/ProviderTable"

describe("the table", () => {
  it("has the ten providers, each once", () => {
    assert.deepStrictEqual(
      table.map(({ id }) => id),
      ["anthropic", "openai", "openai-codex", "openrouter", "groq", "deepseek", "moonshot", "zai", "qianfan", "ollama"]
    )
  })

  it("says who speaks over a WebSocket, and in which of its formats: ChatGPT's backend does not", () => {
    assert.deepStrictEqual(
      table.flatMap(({ id, webSocket = [] }) => webSocket.map((api) => `${id} ${api}`)),
      ["openai openai-responses"]
    )
  })

  it("gives every price and every rate limit a source", () => {
    for (const { describe, id, rateLimits = [] } of table) {
      for (const { source } of rateLimits) assert.isNotEmpty(source, id)
      for (const model of ["claude-opus-4-7", "gpt-5.5", "deepseek-chat", "openai/gpt-oss-120b"]) {
        const price = describe(model)?.price
        if (price === undefined) continue
        assert.match(price.source, /^https:\/\//, `${id}/${model}`)
        assert.match(price.asOf, /^\d{4}-\d{2}-\d{2}$/)
      }
    }
  })

  it("says no price of Groq's, which are not known for certain", () => {
    const groq = table.find(({ id }) => id === "groq")
    assert.deepInclude(groq?.describe("llama-3.3-70b-versatile"), { contextTokens: 131_072 })
    for (const model of ["llama-3.3-70b-versatile", "openai/gpt-oss-120b"])
      assert.notProperty(groq?.describe(model), "price")
  })
})
