/** Nothing that a failure prints shows what it holds for a debugger or for the app. */
import { assert, describe, it } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import { inspect } from "node:util"
import { stale, truncated, unreachable } from "./fixtures.ts"

const key = "sk-ant-api03-THIS-IS-A-KEY"
const answer = "WORDS-OF-THE-ANSWER"
const host = "gateway.internal.example"
const url = `https://${host}/v1/messages?key=${key}`

/** A failure of each class that holds a key in what threw, in its cause and in its partial output. */
const laden = [unreachable(), stale(), Failure.amend(truncated(), { exposure: "output" })].map((failure) =>
  Failure.ofCall(
    unreachable().attempts,
    Failure.make({
      ...failure,
      partial: [{ type: "text", text: answer, source: url }],
      thrown: Object.assign(new Error(`POST ${url} failed`, { cause: new Error(`x-api-key: ${key}`) }), {
        request: { url, headers: { authorization: `Bearer ${key}` } }
      })
    })
  )
)

const printedForms: { readonly [form: string]: (failure: Failure.Failure) => string } = {
  "its message": (failure) => failure.message,
  "String(...)": String,
  "its stack": (failure) => failure.stack ?? "",
  "JSON.stringify": (failure) => JSON.stringify(failure),
  "JSON.stringify of what wraps it": (failure) => JSON.stringify({ error: failure, all: [failure] }),
  "util.inspect": (failure) => inspect(failure, { depth: Infinity }),
  "util.inspect with hidden fields": (failure) => inspect(failure, { depth: Infinity, showHidden: true }),
  "util.inspect of an error that it caused": (failure) => inspect(new Error("wrapped", { cause: failure })),
  "util.inspect of a cause": (failure) => inspect(Cause.fail(failure), { depth: Infinity }),
  "util.inspect of an exit": (failure) => inspect(Exit.fail(failure), { depth: Infinity }),
  "JSON.stringify of an exit": (failure) => JSON.stringify(Exit.fail(failure)),
  "Cause.pretty": (failure) => Cause.pretty(Cause.fail(failure)),
  "a JSON log line of the failure": (failure) => logged(Logger.formatJson, failure),
  "a JSON log line of its cause": (failure) => logged(Logger.formatJson, Cause.fail(failure)),
  "a logfmt line of the failure": (failure) => logged(Logger.formatLogFmt, failure),
  "a logfmt line of its cause": (failure) => logged(Logger.formatLogFmt, Cause.fail(failure))
}

const logged = (format: Logger.Logger<unknown, string>, what: unknown): string => {
  const lines: Array<string> = []
  const keep = Logger.make<unknown, void>((options) => {
    lines.push(format.log(options))
  })
  Effect.logError("the call failed", what).pipe(Effect.provide(Logger.layer([keep])), Effect.runSync)
  return lines.join("\n")
}

it("is held against a failure of each class", () => {
  assert.deepStrictEqual(
    laden.map(({ _tag }) => _tag),
    ["ReplaySafe", "ReplayAmbiguous", "ReplayUnsafe"]
  )
})

describe("no key, no URL and no answer is printed in", () => {
  for (const [form, print] of Object.entries(printedForms)) {
    it(form, () => {
      for (const failure of laden) {
        const printed = print(failure)
        assert.isNotEmpty(printed)
        assert.notInclude(printed, key, failure._tag)
        assert.notInclude(printed, host, failure._tag)
        assert.notInclude(printed, answer, failure._tag)
      }
    })
  }
})

describe("what is printed", () => {
  it("names candidate, reason, number of attempts, verdict and rule in the message", () => {
    const whole = Failure.ofCall(unreachable().attempts, stale())
    for (const fact of ["anthropic/claude-opus-4-7", "StaleConnection", "2 attempts", "ReplayAmbiguous", whole.rule]) {
      assert.include(whole.message, fact)
    }
  })

  it("names reason, advice, evidence and every attempt in JSON", () => {
    const whole = Failure.ofCall(unreachable().attempts, stale())
    const json = JSON.parse(JSON.stringify(whole))
    assert.strictEqual(json._tag, "ReplayAmbiguous")
    assert.strictEqual(json.reason._tag, "StaleConnection")
    assert.strictEqual(json.reason.advice, whole.reason.advice)
    assert.strictEqual(json.reason.scope, "endpoint")
    assert.deepStrictEqual(json.evidence, whole.evidence)
    assert.deepStrictEqual(
      json.attempts.map(({ reason }: { readonly reason: string }) => reason),
      ["ConnectFailure", "StaleConnection"]
    )
  })
})
