import { assert, describe, it } from "@effect/vitest"
import * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import type { Classified, Codec, ErrorAnswer } from "@holdfast/providers/Codec"
import type { Wire } from "./support/wire.ts"
import { anthropic, openai, wires } from "./support/wire.ts"

const refusals = [400, 401, 402, 403, 404, 405, 413, 415, 422, 429]
const others = [406, 408, 409, 410, 421, 424, 425, 431, 451, 499, 500, 501, 502, 503, 504, 520, 522, 524, 529]

const types: Readonly<Record<number, string>> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error"
}

/** The answer in the provider's own shape. */
const own = (wire: Wire, status: number): ErrorAnswer => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(wire.error(types[status] ?? "invalid_request_error"))
})

const foreign: Readonly<Record<string, Omit<ErrorAnswer, "status">>> = {
  "a proxy's page": {
    headers: { "content-type": "text/html", server: "nginx" },
    body: "<html><head><title>413 Request Entity Too Large</title></head></html>"
  },
  "a proxy's page with the provider's request id": {
    headers: { "content-type": "text/html", "request-id": "req_1", "x-request-id": "req_1" },
    body: "<html></html>"
  },
  "another service's JSON": { headers: { "content-type": "application/json" }, body: '{"message":"Forbidden"}' },
  "another service's error object": { headers: {}, body: '{"error":{"message":"Forbidden","reason":"x"}}' },
  "another service's error text": { headers: {}, body: '{"error":"unauthorized","code":1}' },
  "another service's error list": { headers: {}, body: '{"success":false,"errors":[{"code":10000}]}' },
  "an array": { headers: {}, body: '[{"error":{"type":"x","message":"y","code":1}}]' },
  "half of the provider's": { headers: {}, body: '{"type":"error","error":{"type":"invalid_requ' },
  "nothing at all": { headers: {}, body: "" },
  "nothing, with a foreign id": { headers: { "x-request-id": "8f14e45f" }, body: "" }
}

const verdictOf = ({ notRun, reason }: Classified, status: number): Failure.Failure => {
  const evidence: Evidence.Evidence = { _tag: "Unknown", status }
  return Failure.make({
    reason,
    evidence: notRun ? Evidence.asNotRun(evidence) : evidence,
    declaration: "unknown",
    candidate: { provider: "p", model: "m" }
  })
}

describe.each(wires)("an error of $codec.api", (wire) => {
  it.each(refusals)("with status %i in the provider's own shape was not run", (status) => {
    const classified = wire.codec.classify(own(wire, status))
    assert.isTrue(classified.notRun)
    assert.strictEqual(verdictOf(classified, status)._tag, "ReplaySafe")
  })

  it.each(others)("with status %i may have run, whoever says it", (status) => {
    const classified = wire.codec.classify(own(wire, status))
    assert.isFalse(classified.notRun)
    // 421 is the one status that HTTP itself speaks for.
    assert.strictEqual(verdictOf(classified, status)._tag, status === 421 ? "ReplaySafe" : "ReplayAmbiguous")
  })

  it.each(Object.entries(foreign))("in the shape of %s may have run, whatever its status", (_, answer) => {
    for (const status of [...refusals, ...others]) {
      const classified = wire.codec.classify({ ...answer, status })
      assert.isFalse(classified.notRun, String(status))
      if (status >= 500 && status !== 529) assert.deepInclude(classified.reason, { from: "intermediary" })
    }
  })

  it("of no body is the provider's own by its request id", () => {
    const headers = { "request-id": "req_1", "x-request-id": "req_1" }
    assert.isTrue(wire.codec.classify({ status: 401, headers, body: "" }).notRun)
    assert.isFalse(wire.codec.classify({ status: 500, headers, body: "" }).notRun)
  })

  it("names the rule that matched, the status, and the provider's words without keys", () => {
    const { reason } = wire.codec.classify({
      ...own(wire, 401),
      body: JSON.stringify(wire.error("authentication_error", "bad key sk-proj-abcdefghijklmnop, Bearer xyz"))
    })
    assert.deepInclude(reason, {
      _tag: "AuthenticationFailed",
      rule: `${wire === anthropic ? "anthropic" : "openai"}/authentication_error`,
      status: 401,
      said: "bad key [redacted], [redacted]"
    })
  })

  it("reads how long to wait, from every way of saying it", () => {
    const waits: ReadonlyArray<readonly [Readonly<Record<string, string>>, number | undefined]> = [
      [{ "retry-after": "30" }, 30_000],
      [{ "retry-after": "0.5" }, 500],
      [{ "retry-after": "7", "retry-after-ms": "1200" }, 1200],
      [{ "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", date: "Wed, 21 Oct 2026 07:28:00 GMT" }, 30_000],
      [{ "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT" }, undefined],
      [{ "retry-after": "-1" }, undefined],
      [{ "retry-after": "soon" }, undefined],
      [{ "retry-after": "9".repeat(330) }, undefined],
      [{ "retry-after": "9007199254740991" }, undefined],
      [{ "retry-after": `0.${"1".repeat(330)}` }, 111],
      [{ "retry-after-ms": "9".repeat(330), "retry-after": "2" }, 2000],
      [{ "retry-after": "" }, undefined],
      [{ "retry-after-ms": "", "retry-after": "2" }, 2000],
      [{}, undefined]
    ]
    for (const [headers, expected] of waits) {
      const { reason } = wire.codec.classify({ ...own(wire, 429), headers })
      assert.strictEqual(reason._tag, "RateLimited")
      assert.strictEqual((reason as { retryAfterMs?: number }).retryAfterMs, expected, JSON.stringify(headers))
    }
  })
})

const reasonOf = (codec: Codec, status: number, error: unknown): readonly [string, string] => {
  const { reason } = codec.classify({ status, headers: {}, body: JSON.stringify(error) })
  return [reason._tag, (reason as { rule: string }).rule]
}

describe("reasons", () => {
  it.each<readonly [number, string, string, string, string]>([
    [400, "invalid_request_error", "messages: required", "InvalidRequest", "invalid_request_error"],
    [
      400,
      "invalid_request_error",
      "prompt is too long: 9 > 8",
      "ContextOverflow",
      "invalid_request_error/prompt-too-long"
    ],
    [
      400,
      "invalid_request_error",
      "Your credit balance is too low",
      "BillingExhausted",
      "invalid_request_error/credit-balance"
    ],
    [
      400,
      "invalid_request_error",
      "This organization has been disabled.",
      "CredentialRevoked",
      "invalid_request_error/organization-disabled"
    ],
    [403, "permission_error", "no", "PermissionDenied", "permission_error"],
    [404, "not_found_error", "model: x", "ModelNotFound", "not_found_error"],
    [413, "request_too_large", "no", "InvalidRequest", "request_too_large"],
    [504, "timeout_error", "no", "ServerError", "timeout_error"],
    // A type that nobody knows says less than the status.
    [403, "something_forbidden", "no", "PermissionDenied", "status-403"],
    // What is said to a place that is not served.
    [403, "forbidden", "Request not allowed", "RegionBlocked", "forbidden/region"],
    [529, "something_new", "no", "Overloaded", "status-529"],
    [418, "teapot_error", "no", "Unclassified", "status-418"]
  ])("of Anthropic's %i %s (%s): %s", (status, type, message, reason, rule) => {
    const { codec } = anthropic
    assert.deepStrictEqual(reasonOf(codec, status, anthropic.error(type, message)), [reason, `anthropic/${rule}`])
  })

  it.each<readonly [number, object, string, string]>([
    [429, { code: "insufficient_quota", type: "insufficient_quota" }, "BillingExhausted", "insufficient_quota"],
    [429, { code: "rate_limit_exceeded", type: "tokens" }, "RateLimited", "rate_limit_exceeded"],
    [429, { code: null, type: null, message: "Insufficient balance" }, "BillingExhausted", "status-429/quota"],
    [401, { code: "invalid_api_key", type: "invalid_request_error" }, "AuthenticationFailed", "invalid_api_key"],
    [401, { code: "account_deactivated", type: "x" }, "CredentialRevoked", "account_deactivated"],
    [
      403,
      { code: "unsupported_country_region_territory", type: "x" },
      "RegionBlocked",
      "unsupported_country_region_territory"
    ],
    [400, { code: "model_not_found", type: "invalid_request_error" }, "ModelNotFound", "model_not_found"],
    [404, { code: null, type: "invalid_request_error" }, "ModelNotFound", "status-404"],
    [400, { code: "context_length_exceeded", type: "x" }, "ContextOverflow", "context_length_exceeded"],
    [400, { code: "content_filter", type: null }, "ContentRefused", "content_filter"],
    [400, { code: 400, type: null, message: "API key not valid." }, "AuthenticationFailed", "status-400/api-key"],
    [402, { code: null, type: null }, "BillingExhausted", "status-402"],
    [409, { code: null, type: "invalid_request_error" }, "ServerError", "status-409"],
    [503, { code: null, type: "server_error" }, "ServerError", "status-503"],
    [418, { code: null, type: "teapot" }, "Unclassified", "status-418"]
  ])("of OpenAI's %i %o: %s", (status, error, reason, rule) => {
    const body = { error: { message: "no", ...error } }
    assert.deepStrictEqual(reasonOf(openai.codec, status, body), [reason, `openai/${rule}`])
  })

  it("of an answer about the model's own output are no proof that nothing ran", () => {
    for (const error of [
      { code: "content_filter", type: null },
      { code: "tool_use_failed", type: "invalid_request_error", failed_generation: "{" }
    ]) {
      const body = JSON.stringify({ error: { message: "no", ...error } })
      assert.isFalse(openai.codec.classify({ status: 400, headers: {}, body }).notRun)
    }
  })
})
