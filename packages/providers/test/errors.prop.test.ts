import { assert, describe, it } from "@effect/vitest"
import { scrub } from "@holdfast/core/Preview"
import * as Reason from "@holdfast/core/Reason"
import type { ErrorAnswer, Reading } from "@holdfast/providers/Codec"
import { table } from "@holdfast/providers/ProviderTable"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as AnthropicErrors from "../src/internal/anthropic/errors.ts"
import { cleanerOf } from "../src/internal/attempt/cleaner.ts"
import * as OllamaErrors from "../src/internal/ollama/errors.ts"
import * as OpenAiErrors from "../src/internal/openaiCompletions/errors.ts"

// The limit is for a machine that does much else besides.
const runs = { arbitrary: { runs: 400, seed: 20261121 }, timeout: 60_000 }

const formats = [AnthropicErrors, OpenAiErrors, OllamaErrors]

const key = "Q7vTzR4mWx1LpN8s"
const clean = cleanerOf({ authorization: Redacted.make(`Bearer ${key}`) })

/** What texts are made of: words that rules look for, and the key. */
const Piece = Schema.Union([
  Schema.String,
  Schema.Literals([
    key,
    `Bearer ${key}`,
    "model",
    "model 'x' not found",
    `model '${key}' not found`,
    `${key} does not support tools`,
    "does not support tools",
    "prompt is too long",
    "rate limit",
    "try again in 5s",
    "retry after 99999999999 days",
    "insufficient balance",
    "overloaded",
    "<html>",
    "<title>",
    "Just a moment...",
    "litellm.",
    "coding plan",
    "revoked",
    "\u0000\ud83d"
  ])
])

const Text = Schema.Array(Piece).pipe(Schema.check(Schema.isMaxLength(5)))

const Word = Schema.Union([
  Schema.Null,
  Schema.Boolean,
  Schema.Number,
  Schema.Literals([
    "",
    key,
    "error",
    "rate_limit_error",
    "overloaded_error",
    "invalid_request_error",
    "insufficient_quota",
    "server_error",
    "1113",
    "__proto__",
    "9".repeat(330)
  ])
])

const Body = Schema.Struct({
  kind: Schema.Literals(["anthropic", "openai", "ollama", "array", "text", "html", "cut", "empty", "odd"]),
  message: Text,
  type: Word,
  code: Word,
  param: Word,
  raw: Text,
  more: Schema.Record(Schema.String, Schema.Json)
})

const Header = Schema.Literals([
  "retry-after",
  "retry-after-ms",
  "date",
  "request-id",
  "x-request-id",
  "x-ratelimit-reset",
  "x-ratelimit-remaining",
  "x-ratelimit-reset-tokens",
  "x-ratelimit-remaining-tokens",
  "anthropic-ratelimit-tokens-reset",
  "anthropic-ratelimit-tokens-remaining",
  "anthropic-ratelimit-unified-status",
  "anthropic-ratelimit-unified-reset",
  "server",
  "cf-mitigated",
  "x-litellm-version",
  "constructor"
])

const Value = Schema.Union([
  Schema.String,
  Schema.Literals([
    key,
    "0",
    "-1",
    "30",
    "1.5s",
    "Infinity",
    "1e999",
    "rejected",
    "challenge",
    "nginx",
    "Wed, 21 Oct 2026 07:28:30 GMT",
    "Wed, 21 Oct 9999 07:28:30 GMT",
    "2026-10-21T07:28:00Z",
    "1792567740000",
    "9".repeat(330)
  ])
])

const given = {
  status: Schema.Union([
    Schema.Literals([400, 401, 402, 403, 404, 405, 413, 415, 422, 429, 498, 500, 503, 520, 529]),
    Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 100, maximum: 999 })))
  ]),
  headers: Schema.Array(Schema.Tuple([Header, Value])).pipe(Schema.check(Schema.isMaxLength(6))),
  body: Body,
  at: Schema.Int,
  provider: Schema.Literals(table.map(({ id }) => id))
}

const textOf = ({ code, kind, message, more, param, raw, type }: typeof Body.Type): string => {
  const error = { type, code, param, message: message.join(" "), metadata: { raw: raw.join(""), ...more }, ...more }
  switch (kind) {
    case "anthropic":
      return JSON.stringify({ type: "error", error, request_id: code })
    case "openai":
      return JSON.stringify({ error })
    case "ollama":
      return JSON.stringify({ error: message.join(" ") })
    case "array":
      return JSON.stringify([{ error }])
    case "text":
      return message.join(" ")
    case "html":
      return `<html><title>${message.join(" ")}</title>${raw.join("")}`
    case "cut":
      return JSON.stringify({ error }).slice(0, -3)
    case "empty":
      return ""
    case "odd":
      return JSON.stringify(more)
  }
}

const readingOf = (provider: string): Reading => {
  const errors = table.find(({ id }) => id === provider)?.errors
  return {
    clean,
    provider,
    statusPage: "https://status.example.com",
    ...(errors === undefined ? undefined : { errors })
  }
}

const encode = Schema.encodeSync(Reason.Reason)

/** A reason as whatever keeps it would write it. */
const written = (reason: Reason.Reason): string =>
  [JSON.stringify(encode(reason)), reason.message, reason.advice, String(reason)].join("\n")

describe("an error answer", () => {
  it.prop(
    "of any status, headers and body has a reason, repeats no key, and asks for no absurd wait",
    given,
    ({ at, body, headers, provider, status }) => {
      const answer: ErrorAnswer = { status, headers: Object.fromEntries(headers), body: textOf(body), at }
      for (const { classify } of formats) {
        const { notRun, reason } = classify(answer, readingOf(provider))
        if (!("rule" in reason)) return assert.fail(reason._tag)
        assert.isTrue(reason.rule.startsWith(`${provider}/`))
        assert.isAbove(reason.advice.length, 0)
        assert.include(Reason.Scope.literals, reason.scope)
        // Not the beginning of it either, as a cut would leave it.
        assert.notInclude(written(reason), key.slice(0, 8))
        const wait = "retryAfterMs" in reason ? (reason.retryAfterMs ?? 0) : 0
        assert.isTrue(wait >= 0 && wait <= 365 * 86_400_000, String(wait))
        // The same again for the same.
        assert.deepStrictEqual(classify(answer, readingOf(provider)), { notRun, reason })
      }
    },
    runs
  )

  it.prop(
    "says that nothing ran only in the provider's own shape, with a status that it refuses with",
    given,
    ({ at, body, headers, provider, status }) => {
      const answer: ErrorAnswer = { status, headers: Object.fromEntries(headers), body: textOf(body), at }
      const isEmpty = answer.body.trim() === ""
      const own = {
        anthropic: isEmpty || body.kind === "anthropic" || body.kind === "odd",
        openai: isEmpty || body.kind === "anthropic" || body.kind === "openai" || body.kind === "odd",
        ollama: body.kind === "ollama" || body.kind === "odd"
      }
      const refusals = new Set([400, 401, 402, 403, 404, 405, 413, 415, 422, 429])
      const said = {
        anthropic: AnthropicErrors.classify(answer, readingOf(provider)).notRun,
        openai: OpenAiErrors.classify(answer, readingOf(provider)).notRun,
        ollama: OllamaErrors.classify(answer, readingOf(provider)).notRun
      }
      for (const format of ["anthropic", "openai", "ollama"] as const) {
        if (said[format]) assert.isTrue(own[format] && refusals.has(status), `${format} ${status} ${answer.body}`)
      }
    },
    runs
  )

  it.prop(
    "inside a 200 has a reason whatever it is, and no status",
    {
      payload: Schema.Record(Schema.Literals(["error", "type", "message", "status_code", "code"]), Schema.Json),
      provider: given.provider
    },
    ({ payload, provider }) => {
      for (const { classifyInBand } of formats) {
        const reason = classifyInBand(payload, readingOf(provider))
        assert.property(reason, "rule")
        assert.notProperty(reason, "status")
        assert.isString(written(reason))
      }
    },
    runs
  )

  it("repeats no part of a key that is long, wherever it is cut", () => {
    const long = Array.from({ length: 300 }, (_, i) => `Key${(i * 7919) % 1000}+`).join("")
    const cleanLong = cleanerOf({ authorization: Redacted.make(`Bearer ${long}`) })
    const echoed = `no ${long} ${long} ${long}`
    for (const body of [
      echoed,
      `<html><title>${echoed}</title>`,
      JSON.stringify({ error: { message: echoed, type: long, code: long, param: long } }),
      JSON.stringify({ error: { message: "x", code: 429, metadata: { raw: echoed, provider_name: long } } }),
      JSON.stringify({ error: `model '${long}' not found` }),
      JSON.stringify({ error: { message: `No endpoints found that support the provided ${long}`, code: 404 } })
    ]) {
      for (const { classify } of formats) {
        for (const status of [400, 404, 429, 502]) {
          for (const { id } of table) {
            const { reason } = classify(
              { status, headers: { server: long }, body },
              { ...readingOf(id), clean: cleanLong }
            )
            assert.notInclude(written(reason), long.slice(0, 12))
            assert.notInclude(written(reason), long.slice(100, 112))
          }
        }
      }
    }
  })

  it("of a size that nobody words is read in no time to speak of, and kept short", () => {
    const long = "a retry model ip address ".repeat(2600)
    for (const { classify } of formats) {
      for (const body of [
        long,
        JSON.stringify({ error: { message: long, type: "x", code: long } }),
        `<html><title>${long}`
      ]) {
        const { reason } = classify({ status: 403, headers: { server: long }, body }, { clean: scrub })
        assert.isBelow(written(reason).length, 6000)
      }
    }
  })
})
