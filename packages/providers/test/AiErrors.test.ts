import { assert, describe, it } from "@effect/vitest"
import type { Declaration } from "@holdfast/core/Declaration"
import type { Evidence } from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Reason from "@holdfast/core/Reason"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { inspect } from "node:util"
import { json, once, over, scripted, sse } from "./support/scripted.ts"
import { anthropic, openai, wires } from "./support/wire.ts"

const answer = { rule: "test", status: 400 }

/** Every reason, the reason of effect's that it becomes, and whether that one is worth retrying. */
const reasons: { readonly [T in Reason.Tag]: readonly [Reason.Of<T>, AiError.AiErrorReason["_tag"], boolean] } = {
  DnsFailure: [new Reason.DnsFailure({ host: "h", code: "ENOTFOUND" }), "NetworkError", true],
  ConnectFailure: [new Reason.ConnectFailure({ host: "h", code: "ECONNREFUSED", addresses: [] }), "NetworkError", true],
  ConnectTimeout: [new Reason.ConnectTimeout({ host: "h", limitMs: 1 }), "NetworkError", true],
  TlsFailure: [new Reason.TlsFailure({ host: "h", code: "CERT_HAS_EXPIRED" }), "NetworkError", true],
  ProxyFailure: [new Reason.ProxyFailure({ code: "x" }), "NetworkError", true],
  StaleConnection: [new Reason.StaleConnection({ idleMs: 1, how: "fin" }), "NetworkError", true],
  ConnectionLost: [new Reason.ConnectionLost({ how: "fin", during: "head" }), "NetworkError", true],
  HeadersTimeout: [new Reason.HeadersTimeout({ limitMs: 1 }), "NetworkError", true],
  FirstOutputTimeout: [new Reason.FirstOutputTimeout({ limitMs: 1 }), "NetworkError", true],
  StreamStalled: [new Reason.StreamStalled({ limitMs: 1, waitedFor: "bytes" }), "NetworkError", true],
  TotalTimeout: [new Reason.TotalTimeout({ limitMs: 1 }), "NetworkError", true],
  StreamTruncated: [new Reason.StreamTruncated({ missing: "[DONE]" }), "InvalidOutputError", true],
  MalformedResponse: [new Reason.MalformedResponse({ what: "json", detail: "d" }), "InvalidOutputError", true],
  AuthenticationFailed: [new Reason.AuthenticationFailed(answer), "AuthenticationError", false],
  CredentialRevoked: [new Reason.CredentialRevoked(answer), "AuthenticationError", false],
  PermissionDenied: [new Reason.PermissionDenied(answer), "AuthenticationError", false],
  RegionBlocked: [new Reason.RegionBlocked(answer), "AuthenticationError", false],
  BillingExhausted: [new Reason.BillingExhausted(answer), "QuotaExhaustedError", false],
  RateLimited: [new Reason.RateLimited({ ...answer, limited: "model", retryAfterMs: 30_000 }), "RateLimitError", true],
  Overloaded: [new Reason.Overloaded(answer), "InternalProviderError", true],
  ServerError: [new Reason.ServerError({ ...answer, from: "provider" }), "InternalProviderError", true],
  ModelNotFound: [new Reason.ModelNotFound(answer), "InvalidRequestError", false],
  InvalidRequest: [new Reason.InvalidRequest(answer), "InvalidRequestError", false],
  // As an InvalidRequestError it would make LanguageModel send an incremental call a second time.
  ContextOverflow: [new Reason.ContextOverflow(answer), "UnknownError", false],
  ContentRefused: [new Reason.ContentRefused(answer), "ContentPolicyError", false],
  SessionExpired: [new Reason.SessionExpired(answer), "AuthenticationError", false],
  Unclassified: [new Reason.Unclassified(answer), "UnknownError", false]
}

const safe: Evidence = { _tag: "Observed", phase: "connecting", bytesWritten: 0, bytesRead: 0 }
const ambiguous: Evidence = { _tag: "Unknown" }

const failureOf = (reason: Reason.Reason, evidence: Evidence, declaration: Declaration, exposed = false) =>
  Failure.make({
    reason,
    evidence,
    declaration,
    candidate: { provider: "anthropic", model: "m", endpoint: "api.anthropic.com" },
    ...(exposed ? { exposure: "output" as const, partial: ["A"] } : undefined)
  })

describe("an AiError", () => {
  it.each(Reason.tags)("of %s keeps the failure, and is retryable only where a replay is allowed", (tag) => {
    const [reason, expected, worthRetrying] = reasons[tag]
    const cases: ReadonlyArray<readonly [Failure.Failure, boolean]> = [
      [failureOf(reason, safe, "unknown"), worthRetrying],
      [failureOf(reason, ambiguous, "repeatable"), worthRetrying],
      [failureOf(reason, ambiguous, "unknown"), false],
      [failureOf(reason, ambiguous, "changes-state"), false],
      [failureOf(reason, safe, "repeatable", true), false]
    ]
    for (const [failure, isRetryable] of cases) {
      const error = AiErrors.toAiError(failure, "streamText")
      assert.strictEqual(error.reason._tag, expected)
      assert.strictEqual(error.isRetryable, isRetryable, failure._tag)
      assert.strictEqual(AiErrors.failureOf(error), failure)
      assert.strictEqual(error.reason.cause, failure)
      assert.include(error.message, "streamText")
      if ("metadata" in error.reason) {
        assert.deepInclude(error.reason.metadata["holdfast"], {
          verdict: failure.verdict,
          rule: failure.rule,
          reason: tag,
          attempts: 1
        })
      }
    }
  })

  it("says how long to wait where the provider did", () => {
    const error = AiErrors.toAiError(failureOf(reasons.RateLimited[0], ambiguous, "repeatable"), "generateText")
    assert.deepInclude(JSON.parse(JSON.stringify(error.retryAfter)), { _id: "Duration" })
  })

  it("of unusable input is not retryable and keeps every problem", () => {
    const input = InvalidInput.of({ kind: "InvalidOption", place: "params.model", expected: "none", found: "one" })
    const error = AiErrors.toAiError(input, "generateText")
    assert.strictEqual(error.reason._tag, "InvalidUserInputError")
    assert.isFalse(error.isRetryable)
    assert.strictEqual(AiErrors.invalidInputOf(error), input)
    assert.isUndefined(AiErrors.failureOf(error))
    assert.include(error.message, "params.model")
  })

  it("that is effect's own carries nothing of ours", () => {
    const error = AiError.make({ module: "m", method: "n", reason: new AiError.UnknownError({}) })
    assert.isUndefined(AiErrors.failureOf(error))
    assert.isUndefined(AiErrors.invalidInputOf(error))
  })

  it("shows its failure to who prints it, and is encoded as effect's own", () => {
    const error = AiErrors.toAiError(failureOf(reasons.DnsFailure[0], safe, "unknown"), "generateText")
    assert.include(inspect(error), "ReplaySafe")
    const encoded = Schema.encodeSync(AiError.AiError)(error)
    assert.deepInclude(encoded.reason, { _tag: "NetworkError", method: "POST", url: "api.anthropic.com" })
  })
})

const Note = Tool.make("note", { parameters: Schema.Struct({ text: Schema.String }), success: Schema.String })
const tools = Toolkit.make(Note)
const ordinaryRetry = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(self, { while: (error) => AiError.isAiError(error) && error.isRetryable, times: 3 })

/** A tool that counts how often it ran. */
const counting = () => {
  const runs: Array<string> = []
  const layer = tools.toLayer({
    note: ({ text }) =>
      Effect.sync(() => {
        runs.push(text)
        return "noted"
      })
  })
  return { runs, layer }
}

describe("under an ordinary retry", () => {
  it.effect.each(wires)("generateObject with a toolkit runs its tool once ($codec.api)", (wire) => {
    const { layer, runs } = counting()
    const call = json(wire.toolCall("call_1", "note", { text: "hi" }))
    const script = scripted(call, call, call, call)
    return Effect.gen(function* () {
      const error = yield* LanguageModel.generateObject({
        prompt: "hi",
        schema: Schema.Struct({ city: Schema.String }),
        toolkit: tools
      }).pipe(ordinaryRetry, Effect.flip)
      assert.deepStrictEqual(runs, ["hi"])
      assert.strictEqual(script.requests.length, 1)
      assert.strictEqual(error._tag, "AiError")
      assert.strictEqual((error as AiError.AiError).reason._tag, "StructuredOutputError")
      assert.isFalse((error as AiError.AiError).isRetryable)
    }).pipe(Effect.provide([over(script, wire.model), layer]))
  })

  it.effect("generateObject without tools is asked again, which costs tokens and nothing else", () => {
    const script = scripted(json(openai.text("no object")), json(openai.text('{"city":"Rome"}')))
    return Effect.gen(function* () {
      const { value } = yield* LanguageModel.generateObject({
        prompt: "hi",
        schema: Schema.Struct({ city: Schema.String })
      }).pipe(ordinaryRetry)
      assert.strictEqual(value.city, "Rome")
    }).pipe(Effect.provide(over(script, openai.model)))
  })

  it.effect("a call with a toolkit whose tools have not run is asked again", () => {
    const { layer, runs } = counting()
    const script = scripted(json(anthropic.error("overloaded_error"), 529), json(anthropic.text("Hello.")))
    return Effect.gen(function* () {
      const response = yield* LanguageModel.generateText({ prompt: "hi", toolkit: tools }).pipe(ordinaryRetry)
      assert.strictEqual(response.text, "Hello.")
      assert.deepStrictEqual(runs, [])
    }).pipe(Effect.provide([once(script, anthropic.model), layer]))
  })

  it.effect("a tool that was approved beforehand runs once, though the call after it fails", () => {
    const { layer, runs } = counting()
    const overloaded = json(anthropic.error("overloaded_error"), 529)
    const script = scripted(overloaded, overloaded, overloaded, overloaded)
    const prompt = Prompt.make([
      { role: "user", content: [{ type: "text", text: "hi" }] },
      {
        role: "assistant",
        content: [
          { type: "tool-call", id: "call_1", name: "note", params: { text: "hi" }, providerExecuted: false },
          { type: "tool-approval-request", approvalId: "approval_1", toolCallId: "call_1" }
        ]
      },
      { role: "tool", content: [{ type: "tool-approval-response", approvalId: "approval_1", approved: true }] }
    ])
    return Effect.gen(function* () {
      const error = yield* LanguageModel.generateText({ prompt, toolkit: tools }).pipe(ordinaryRetry, Effect.flip)
      assert.deepStrictEqual(runs, ["hi"])
      assert.strictEqual(script.requests.length, 1)
      assert.isTrue(AiError.isAiError(error))
      assert.strictEqual(AiErrors.failureOf(error as AiError.AiError)?.reason._tag, "Overloaded")
    }).pipe(Effect.provide([once(script, anthropic.model), layer]))
  })

  it.effect("a stream whose tool ran is not streamed again", () => {
    const { layer, runs } = counting()
    const call = sse(anthropic.toolCallStream("call_1", "note", '{"text":"hi"}'))
    const script = scripted(call, call)
    const Sub = Tool.make("note", {
      parameters: Schema.Struct({ text: Schema.String }),
      success: Schema.String,
      failure: AiError.AiError
    })
    const failing = Toolkit.make(Sub)
    const overloaded = AiErrors.toAiError(failureOf(reasons.Overloaded[0], ambiguous, "repeatable"), "generateText")
    return Effect.gen(function* () {
      const error = yield* LanguageModel.streamText({ prompt: "hi", toolkit: failing }).pipe(
        Stream.runDrain,
        ordinaryRetry,
        Effect.flip,
        Effect.provide(
          failing.toLayer({
            note: () => {
              runs.push("sub")
              return Effect.fail(overloaded)
            }
          })
        )
      )
      assert.deepStrictEqual(runs, ["sub"])
      // What a model within the tool said of itself is not said of the call that ran the tool.
      assert.isTrue(overloaded.isRetryable)
      assert.isFalse((error as AiError.AiError).isRetryable)
      assert.strictEqual(AiErrors.failureOf(error as AiError.AiError)?.reason._tag, "Overloaded")
    }).pipe(Effect.provide([over(script, anthropic.model), layer]))
  })
})
