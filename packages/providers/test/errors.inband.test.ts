import { assert, describe, it } from "@effect/vitest"
import { table } from "@holdfast/providers/ProviderTable"
import type { Format } from "./support/classifying.ts"
import { classify, classifyInBand, fieldsOf } from "./support/classifying.ts"

describe("inside a 200", () => {
  it.each<readonly [string, Format, Readonly<Record<string, unknown>>, string, string]>([
    [
      "openrouter",
      "openai",
      { error: { code: 502, message: "Provider returned error" }, choices: [] },
      "ServerError",
      "said-status-502"
    ],
    [
      "openrouter",
      "openai",
      { error: { code: 402, message: "Insufficient credits" } },
      "BillingExhausted",
      "said-status-402"
    ],
    [
      "openrouter",
      "openai",
      { error: { code: 429, message: "Provider returned error" } },
      "RateLimited",
      "upstream-limit"
    ],
    [
      "openai",
      "openai",
      {
        error: {
          code: "rate_limit_exceeded",
          type: "tokens",
          message: "Request too large for gpt-5.5 on tokens per min (TPM): Limit 1, Requested 2."
        }
      },
      "RateLimited",
      "rate_limit_exceeded/too-large-for-limit"
    ],
    ["openai", "openai", { error: { code: "server_error", message: "x" } }, "ServerError", "server_error"],
    [
      "openai-codex",
      "openai",
      { error: { type: "usage_limit_reached", message: "x" }, status_code: 429 },
      "RateLimited",
      "usage_limit_reached"
    ],
    ["zai", "openai", { error: { code: "1305", message: "busy" } }, "Overloaded", "1305-traffic"],
    ["zai", "openai", { error: { code: 1999, message: "new" } }, "Unclassified", "no-rule"],
    ["custom", "openai", { error: { code: "403", message: "Forbidden" } }, "PermissionDenied", "said-status-403"],
    ["custom", "openai", { error: "the model is overloaded" }, "Overloaded", "no-rule/overloaded"],
    ["custom", "openai", { error: { message: "Internal server error" } }, "ServerError", "no-rule/server"],
    [
      "anthropic",
      "anthropic",
      { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
      "Overloaded",
      "overloaded_error"
    ],
    [
      "anthropic",
      "anthropic",
      { type: "error", error: { type: "new_error", message: "x" } },
      "Unclassified",
      "no-rule"
    ],
    [
      "ollama",
      "ollama",
      { error: "an error was encountered while running the model: CUDA error" },
      "Unclassified",
      "no-rule"
    ],
    ["ollama", "ollama", {}, "Unclassified", "no-rule"]
  ])("%s (%s) %o is %s", (provider, format, payload, is, rule) => {
    const reason = fieldsOf({ reason: classifyInBand(provider, format, payload) })
    assert.deepStrictEqual([reason._tag, reason.rule], [is, `${provider}/${rule}`])
    assert.notProperty(reason, "status")
  })
})

const answerOf = (type: string) => JSON.stringify({ type: "error", error: { type, message: "no" } })

describe("a provider that has a status page", () => {
  const page = table.find(({ id }) => id === "anthropic")?.statusPage ?? ""

  it.each(["api_error", "overloaded_error"])("is looked up there after %s", (type) => {
    const classified = classify("anthropic", "anthropic", { status: 500, headers: {}, body: answerOf(type) })
    assert.isAbove(page.length, 0)
    assert.include(fieldsOf(classified).advice, page)
  })

  it("is not, where somebody in between answered", () => {
    const classified = classify("anthropic", "anthropic", {
      status: 502,
      headers: { via: "1.1 squid" },
      body: "<html>"
    })
    assert.notInclude(fieldsOf(classified).advice, page)
    assert.include(fieldsOf(classified).advice, "1.1 squid")
  })
})
