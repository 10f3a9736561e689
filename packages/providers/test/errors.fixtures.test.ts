import { assert, it } from "@effect/vitest"
import type { ErrorAnswer } from "@holdfast/providers/Codec"
import { classify, fieldsOf } from "./support/classifying.ts"
import type { Format } from "./support/classifying.ts"
import * as Fixtures from "./support/fixtures.ts"

/** What each recorded error is: its reason, by which rule of whose, whether it proves that nothing ran. */
const expected: Readonly<Record<string, readonly [reason: string, rule: string, notRun: boolean]>> = {
  "anthropic-messages/anthropic/error-401-invalid-key": [
    "AuthenticationFailed",
    "anthropic/authentication_error",
    true
  ],
  "anthropic-messages/anthropic/error-404-model": ["ModelNotFound", "anthropic/not_found_error", true],
  "anthropic-messages/anthropic/error-529-overloaded": ["Overloaded", "anthropic/overloaded_error", false],
  "openai-completions/azure/error-404-deployment": ["ModelNotFound", "azure/DeploymentNotFound", true],
  "openai-completions/azure/error-429-rate": ["RateLimited", "azure/RateLimitReached", true],
  "openai-completions/deepseek/error-400-context": ["ContextOverflow", "deepseek/status-400/context-length", true],
  "openai-completions/deepseek/error-400-image": ["InvalidRequest", "deepseek/images", true],
  "openai-completions/deepseek/error-401": ["AuthenticationFailed", "deepseek/authentication_error", true],
  // A bad key, but neither status nor words say so.
  "openai-completions/doubleword/error-403-forbidden": ["PermissionDenied", "doubleword/status-403", true],
  // The model ran: its failed output is in the answer.
  "openai-completions/groq/error-400-tool-use-failed": ["InvalidRequest", "groq/tool_use_failed", false],
  "openai-completions/ollama/error-400-context": ["ContextOverflow", "ollama/status-400/context-length", true],
  "openai-completions/openai/error-400-unsupported-param": ["InvalidRequest", "openai/status-400", true],
  "openai-completions/openai/error-500-server": ["ServerError", "openai/status-500", false],
  "openai-completions/openrouter/error-400-model": ["ModelNotFound", "openrouter/model-id", true],
  "openai-completions/openrouter/error-400-nested-raw": ["InvalidRequest", "openrouter/status-400", true],
  "openai-completions/openrouter/error-401-no-header": ["AuthenticationFailed", "openrouter/no-key", true],
  "openai-completions/openrouter/error-429-upstream": ["RateLimited", "openrouter/upstream-limit", true],
  "openai-completions/perplexity/error-400-context": ["ContextOverflow", "perplexity/too_many_prompt_tokens", true],
  "openai-responses/openai/error-400-model-not-found": ["ModelNotFound", "openai/model_not_found", true],
  "openai-responses/openai/error-400-reasoning-item-orphan": [
    "InvalidRequest",
    "openai/status-400/reasoning-item",
    true
  ],
  "openai-responses/openai/error-401": ["AuthenticationFailed", "openai/invalid_api_key", true],
  "openai-responses/openai/error-429-insufficient-quota": ["BillingExhausted", "openai/insufficient_quota", true]
}

const formatOf: Readonly<Record<string, Format>> = {
  "anthropic-messages": "anthropic",
  "openai-completions": "openai",
  "openai-responses": "openai",
  "ollama-chat": "ollama"
}

const nameOf = ({ path }: Fixtures.Fixture): string => path.replace(".error.json", "")

const answerOf = (fixture: Fixtures.Fixture): ErrorAnswer => {
  const { body, headers, status } = Fixtures.head(fixture)
  return { status, headers, body: typeof body === "string" ? body : JSON.stringify(body) }
}

const classified = (fixture: Fixtures.Fixture) => {
  const [, provider = ""] = fixture.path.split("/")
  return classify(provider, formatOf[fixture.api] ?? "openai", answerOf(fixture))
}

/** The fields that a body has, one level into its error. */
const shapeOf = (body: unknown): string => {
  if (typeof body !== "object" || body === null) return typeof body
  return Object.entries(body)
    .map(([name, value]) =>
      typeof value === "object" && value !== null ? `${name}{${Object.keys(value).join(" ")}}` : name
    )
    .join(" ")
}

const errors = Fixtures.all.filter(({ kind }) => kind === "error")

/** What the recording of a name is. */
const of = (name: string) => {
  const fixture = errors.find((known) => nameOf(known) === name)
  return fixture === undefined ? assert.fail(name) : fieldsOf(classified(fixture))
}

Fixtures.suite("recorded errors", () => {
  it("are all known here", () => {
    assert.deepStrictEqual(errors.map(nameOf).toSorted(), Object.keys(expected).toSorted())
    assert.isAbove(errors.length, 20)
  })

  for (const fixture of errors) {
    it(`${nameOf(fixture)} is ${expected[nameOf(fixture)]?.join(", ")}`, () => {
      const { notRun, reason } = classified(fixture)
      assert.deepStrictEqual([reason._tag, fieldsOf({ reason }).rule, notRun], expected[nameOf(fixture)])
    })
  }

  it("in a table", () => {
    const rows = errors.map((fixture) => {
      const { _tag, rule, scope, status } = fieldsOf(classified(fixture))
      return [String(status), _tag, scope, rule, shapeOf(Fixtures.head(fixture).body)]
    })
    const titles = ["status", "reason", "scope", "rule", "body"]
    const widths = titles.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
    const lineOf = (row: ReadonlyArray<string>) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd()
    // The table is what the test is for.
    // oxlint-disable-next-line no-console
    console.log([titles, ...rows].map(lineOf).join("\n"))
    assert.strictEqual(rows.length, errors.length)
  })

  it("say what can be done, and repeat what the upstream of a router said", () => {
    const nested = of("openai-completions/openrouter/error-400-nested-raw")
    assert.match(nested.said ?? "", /^Provider returned error \(Azure\): Invalid schema for response_format/)
    const upstream = of("openai-completions/openrouter/error-429-upstream")
    assert.match(upstream.advice, /host behind OpenRouter/)
    assert.strictEqual(upstream.scope, "model")
    assert.match(of("openai-completions/openrouter/error-401-no-header").advice, /OPENROUTER_API_KEY/)
    // retry-after-ms: 0 says less than retry-after: 1.
    assert.strictEqual(of("openai-completions/azure/error-429-rate").retryAfterMs, 1000)
    assert.strictEqual(of("openai-responses/openai/error-401").requestId, "<X_REQUEST_ID>")
    assert.strictEqual(of("openai-completions/openai/error-400-unsupported-param").parameter, "stop")
  })
})
