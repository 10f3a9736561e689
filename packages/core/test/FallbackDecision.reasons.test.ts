/** Our reasons in OpenClaw's words, row by row. */
import { assert, describe, it } from "@effect/vitest"
import * as FallbackDecision from "@holdfast/core/FallbackDecision"
import * as Reason from "@holdfast/core/Reason"

const rows: ReadonlyArray<readonly [FallbackDecision.Word, number | undefined, ReadonlyArray<Reason.Tag>]> = [
  ["auth", 401, ["AuthenticationFailed", "PermissionDenied", "RegionBlocked"]],
  ["auth_permanent", 403, ["CredentialRevoked"]],
  ["format", 400, ["InvalidRequest", "ContentRefused"]],
  ["rate_limit", 429, ["RateLimited"]],
  ["overloaded", 503, ["Overloaded"]],
  ["billing", 402, ["BillingExhausted"]],
  ["server_error", 500, ["ServerError", "MalformedResponse"]],
  [
    "timeout",
    408,
    [
      "DnsFailure",
      "ConnectFailure",
      "ConnectTimeout",
      "ProxyFailure",
      "StaleConnection",
      "ConnectionLost",
      "HeadersTimeout",
      "FirstOutputTimeout",
      "StreamStalled",
      "TotalTimeout"
    ]
  ],
  ["tls_certificate", undefined, ["TlsFailure"]],
  ["context_overflow", undefined, ["ContextOverflow"]],
  ["model_not_found", 404, ["ModelNotFound"]],
  ["session_expired", 410, ["SessionExpired"]],
  ["empty_response", undefined, ["StreamTruncated"]],
  ["no_error_details", undefined, []],
  ["unclassified", undefined, ["Unclassified"]],
  ["unknown", undefined, []]
]

describe("wordOf and statusOf", () => {
  for (const [word, status, tags] of rows) {
    it(`${word} (${status ?? "no status"}) is ${tags.join(", ") || "none of our reasons"}`, () => {
      assert.strictEqual(FallbackDecision.statusOf[word], status)
      assert.deepStrictEqual(
        Reason.tags.filter((tag) => FallbackDecision.wordOf[tag] === word),
        Reason.tags.filter((tag) => tags.includes(tag))
      )
    })
  }

  it("has a row for every word", () => {
    assert.deepStrictEqual(
      rows.map(([word]) => word),
      [...FallbackDecision.Word.literals]
    )
  })
})
