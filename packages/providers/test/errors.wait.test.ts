import { assert, describe, it } from "@effect/vitest"
import { classify, classifyInBand, fieldsOf } from "./support/classifying.ts"
import type { Format } from "./support/classifying.ts"

const at = Date.UTC(2026, 9, 21, 7, 28, 0)
const iso = (ms: number) => new Date(at + ms).toISOString()
const http = (ms: number) => new Date(at + ms).toUTCString()

/** What an answer of 429 says of the wait. */
const waitOf = (
  headers: Readonly<Record<string, string>>,
  message = "Too many requests",
  error: object = {},
  format: Format = "openai"
) => {
  const body = JSON.stringify({ error: { type: "rate_limit_error", message, ...error } })
  return fieldsOf(classify("p", format, { status: 429, headers, body, at })).retryAfterMs
}

/** Two buckets, and what is left in each. */
const buckets = (requests: string, tokens: string) => ({
  "x-ratelimit-remaining-requests": requests,
  "x-ratelimit-reset-requests": "8.64s",
  "x-ratelimit-remaining-tokens": tokens,
  "x-ratelimit-reset-tokens": "2m"
})

describe("how long to wait", () => {
  it.each<readonly [Readonly<Record<string, string>>, number | undefined]>([
    [{ "retry-after-ms": "120.4" }, 120],
    [{ "retry-after": " 30 " }, 30_000],
    [{ "retry-after": "1.5" }, 1500],
    [{ "retry-after": http(30_000) }, 30_000],
    // The answer's own clock comes before ours.
    [{ "retry-after": http(90_000), date: http(60_000) }, 30_000],
    [{ "retry-after": http(-5000) }, 0],
    [{ "retry-after": http(-24 * 3_600_000) }, undefined],
    [{ "retry-after": http(800 * 86_400_000) }, undefined],
    [{ "retry-after": "-3" }, undefined],
    [{ "retry-after": "1e400" }, undefined],
    [{ "retry-after": "Infinity" }, undefined],
    // A moment in the place of a duration.
    [{ "retry-after": "1792567680" }, undefined],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "1", "retry-after-ms": "0" }, 1000],
    [{ "retry-after": "nonsense", "retry-after-ms": "NaN" }, undefined]
  ])("is read from %o: %s", (headers, expected) => {
    assert.strictEqual(waitOf(headers), expected)
  })

  it.each<readonly [string, number]>([
    ["120ms", 120],
    ["17.399999999s", 17_400],
    ["6m0s", 360_000],
    ["1h2m", 3_720_000],
    ["2m59.56s", 179_560],
    ["1d", 86_400_000]
  ])("is read from x-ratelimit-reset-tokens: %s", (text, expected) => {
    assert.strictEqual(waitOf({ "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": text }), expected)
  })

  it("of several buckets is that of the empty one, and of several empty ones the longest", () => {
    assert.strictEqual(waitOf(buckets("0", "100")), 8640)
    assert.strictEqual(waitOf(buckets("14", "0")), 120_000)
    assert.strictEqual(waitOf(buckets("0", "0")), 120_000)
    assert.isUndefined(waitOf(buckets("14", "100")))
    assert.isUndefined(waitOf({ "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "2s" }))
    assert.strictEqual(waitOf({ "x-ratelimit-reset-requests": "1s" }), 1000)
    assert.isUndefined(waitOf({ "x-ratelimit-reset-requests": "soon" }))
  })

  it("is read from Anthropic's timestamps", () => {
    const headers = {
      "anthropic-ratelimit-requests-remaining": "49",
      "anthropic-ratelimit-requests-reset": iso(1000),
      "anthropic-ratelimit-input-tokens-remaining": "0",
      "anthropic-ratelimit-input-tokens-reset": iso(42_000)
    }
    assert.strictEqual(waitOf(headers, undefined, {}, "anthropic"), 42_000)
    const spent = {
      "anthropic-ratelimit-unified-status": "rejected",
      "anthropic-ratelimit-unified-reset": `${at / 1000 + 3600}`
    }
    const reason = fieldsOf(
      classify("anthropic", "anthropic", {
        status: 429,
        headers: spent,
        body: JSON.stringify({ type: "error", error: { type: "rate_limit_error", message: "This model's limit" } }),
        at
      })
    )
    assert.deepInclude(reason, { retryAfterMs: 3_600_000, limited: "credential" })
    assert.include(reason.advice, "Wait 60 min")
  })

  it("is read from OpenRouter's moment, among the headers or inside the error", () => {
    const reset = { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": String(at + 5000) }
    assert.strictEqual(waitOf({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(at + 5000) }), 5000)
    assert.strictEqual(waitOf({ "x-ratelimit-reset": String(at / 1000 + 5) }), 5000)
    assert.strictEqual(waitOf({ "x-ratelimit-reset": "5" }), 5000)
    assert.strictEqual(
      waitOf({}, "Rate limit exceeded: free-models-per-day", { code: 429, metadata: { headers: reset } }),
      5000
    )
  })

  it.each<readonly [string, number | undefined]>([
    ["Please retry after 30 seconds.", 30_000],
    ["Rate limit reached. Please try again in 1.5s. Visit https://x.com/2h", 1500],
    ["Please try again in 20ms.", 20],
    ["Try again in 6m0s", 360_000],
    ["tokens per day (TPD): Limit 100000, Used 97050. Please try again in 9m38.016s. Need more?", 578_016],
    ["Try again in 4 days 20 hours 9 minutes.", 418_140_000],
    ["Please wait 5 seconds before sending", 5000],
    ["Please retry in 34.07s.", 34_070],
    ["Try again later; 10s of users do", undefined],
    ["Limit 3 s, Used 2 s", undefined],
    ["please retry after 9999999 days", undefined]
  ])("is read from the words %o: %s", (message, expected) => {
    assert.strictEqual(waitOf({}, message), expected)
  })

  it("is read from the body's own fields", () => {
    assert.strictEqual(waitOf({}, "x", { resets_in_seconds: 602_705 }), 602_705_000)
    assert.strictEqual(waitOf({}, "x", { resets_at: at / 1000 + 60 }), 60_000)
    assert.strictEqual(waitOf({}, "x", { retry_after: "2.5" }), 2500)
    assert.strictEqual(waitOf({}, "x", { details: [{ "@type": "RetryInfo", retryDelay: "34s" }] }), 34_000)
    assert.isUndefined(waitOf({}, "x", { resets_in_seconds: -4 }))
    assert.isUndefined(waitOf({}, "x", { resets_in_seconds: 1e300 }))
    assert.isUndefined(waitOf({}, "x", { resets_at: "never" }))
  })

  it("is the header's, then the body's, then the words', then the bucket's", () => {
    const bucket = { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "40s" }
    const words = "Please try again in 3s."
    assert.strictEqual(waitOf({ ...bucket, "retry-after": "1" }, words, { retry_after: 2 }), 1000)
    assert.strictEqual(waitOf(bucket, words, { retry_after: 2 }), 2000)
    assert.strictEqual(waitOf(bucket, words), 3000)
    assert.strictEqual(waitOf(bucket), 40_000)
  })

  it("belongs to an overload as well, but no bucket's reset does", () => {
    const headers = { "anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": iso(9000) }
    const body = JSON.stringify({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } })
    const of = (more: object) =>
      fieldsOf(classify("anthropic", "anthropic", { status: 529, headers: { ...headers, ...more }, body, at }))
        .retryAfterMs
    assert.isUndefined(of({}))
    assert.strictEqual(of({ "retry-after": "4" }), 4000)
  })

  it("is read inside a 200 too, where the error itself says it", () => {
    const reason = classifyInBand("openai-codex", "openai", {
      error: { type: "usage_limit_reached", message: "The usage limit has been reached", resets_in_seconds: 13_872 }
    })
    assert.deepInclude(fieldsOf({ reason }), { _tag: "RateLimited", retryAfterMs: 13_872_000, limited: "credential" })
  })
})

/** What an answer says of the limit. */
const limitOf = (message: string, error: object = {}) => {
  const body = JSON.stringify({ error: { type: "rate_limit_error", message, ...error } })
  const { counted, limited, window } = fieldsOf(classify("p", "openai", { status: 429, headers: {}, body }))
  return [limited, counted, window]
}

describe("which limit", () => {
  it.each<readonly [string, object, ReadonlyArray<string | undefined>]>([
    [
      "Rate limit reached for gpt-5.5 in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.",
      { type: "tokens", code: "rate_limit_exceeded" },
      ["model", "tokens", "minute"]
    ],
    [
      "Rate limit reached for gpt-5.5 in organization org-x on requests per day (RPD): Limit 200, Used 200, Requested 1.",
      { type: "requests", code: "rate_limit_exceeded" },
      ["model", "requests", "day"]
    ],
    [
      "This request would exceed your organization's rate limit of 40,000 input tokens per minute.",
      {},
      ["model", "tokens", "minute"]
    ],
    ["Number of concurrent connections has exceeded your rate limit", {}, ["model", "concurrency", undefined]],
    ["Your account reached max request concurrency: 1", {}, ["credential", "concurrency", undefined]],
    ["Your account org-x reached organization max RPM: 3", {}, ["credential", "requests", "minute"]],
    ["Too many requests from this IP", {}, ["provider", "requests", undefined]],
    ["Rate limit reached for TPM", { code: "tpm_rate_limit_exceeded" }, ["model", "tokens", "minute"]],
    ["slow down please", { type: "throttled" }, ["model", undefined, undefined]]
  ])("%s", (message, error, expected) => {
    assert.deepStrictEqual(limitOf(message, error), expected)
  })

  it("is told by the empty bucket where the words are silent", () => {
    const headers = { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "4s" }
    const body = JSON.stringify({ error: { code: "rate_limit_exceeded", message: "slow down" } })
    assert.deepInclude(fieldsOf(classify("p", "openai", { status: 429, headers, body })), {
      counted: "tokens",
      limited: "model"
    })
  })
})
