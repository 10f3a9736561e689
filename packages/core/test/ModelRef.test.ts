import { assert, describe, it } from "@effect/vitest"
import * as InvalidInput from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** Texts of the characters that decide whether a reference is well formed. */
const texts = Schema.Array(Schema.Literals(["a", "Z", "7", "-", ".", "_", ":", "@", "/", "/", " ", "\n"]))
const runs = { arbitrary: { runs: 2000, seed: 20261120, size: 8 } }
const decode = Schema.decodeUnknownResult(ModelRef.FromString)
const wellFormed: ReadonlyArray<readonly [text: string, provider: string, model: string]> = [
  ["anthropic/claude-opus-4-7", "anthropic", "claude-opus-4-7"],
  ["openrouter/anthropic/claude-opus-4.7", "openrouter", "anthropic/claude-opus-4.7"],
  ["ollama/llama3.3:70b", "ollama", "llama3.3:70b"],
  ["bedrock/arn:aws:bedrock:eu-central-1:1:profile/x@2", "bedrock", "arn:aws:bedrock:eu-central-1:1:profile/x@2"],
  ["my_gateway.v2-eu/m", "my_gateway.v2-eu", "m"],
  ["3rd/model", "3rd", "model"]
]
const malformed = [
  "",
  "/",
  "claude-opus-4-7",
  "/claude-opus-4-7",
  "anthropic/",
  "anthropic//claude",
  "anthropic/claude opus",
  " anthropic/claude",
  "anthropic/claude\n",
  "anthropic /claude",
  "-anthropic/claude",
  "anthro@pic/claude"
]

describe("parse", () => {
  it.each(wellFormed)("reads %s, split at its first slash", (text, provider, model) => {
    assert.deepStrictEqual(ModelRef.parse(text), Result.succeed(ModelRef.make(provider, model)))
  })

  it.each(malformed)("refuses %j and names the place, the form expected and what was found", (text) => {
    const problem = Result.getOrThrow(Result.flip(ModelRef.parse(text, "agents.chief.model"))).problems[0]
    assert.strictEqual(problem.kind, "MalformedModelRef")
    assert.strictEqual(problem.place, "agents.chief.model")
    assert.include(problem.expected, "provider/model")
    assert.include(problem.found, JSON.stringify(text))
  })

  it("does not repeat more of a long text than a line holds", () => {
    const problem = Result.getOrThrow(Result.flip(ModelRef.parse("x".repeat(5000)))).problems[0]
    assert.isBelow(problem.found.length, 200)
  })
})

describe("fromString", () => {
  it.effect("succeeds and fails as parse does", () =>
    Effect.gen(function* () {
      const ref = yield* ModelRef.fromString("anthropic/claude-opus-4-7")
      assert.deepStrictEqual(ref, ModelRef.make("anthropic", "claude-opus-4-7"))
      const exit = yield* Effect.exit(ModelRef.fromString("opus"))
      assert.isTrue(Exit.isFailure(exit))
      assert.isTrue(InvalidInput.isInvalidInput(yield* Effect.flip(ModelRef.fromString("opus"))))
    })
  )
})

describe("make", () => {
  it("throws on parts that make no reference", () => {
    for (const [provider, model] of [
      ["", "m"],
      ["a/b", "m"],
      ["a", ""],
      ["a", "/m"],
      ["a", "m n"]
    ] as const) {
      assert.throws(() => ModelRef.make(provider, model))
    }
  })
})

describe("a reference", () => {
  it.each(wellFormed)("is written as it was read: %s", (text, provider, model) => {
    const ref = ModelRef.make(provider, model)
    assert.strictEqual(String(ref), text)
    assert.strictEqual(ModelRef.format(ref), text)
  })

  it("equals another of the same provider and model, whatever else they hold", () => {
    const ref = ModelRef.make("anthropic", "claude-opus-4-7")
    assert.isTrue(ModelRef.equals(ref, { provider: "anthropic", model: "claude-opus-4-7" }))
    assert.isFalse(ModelRef.equals(ref, ModelRef.make("bedrock", "claude-opus-4-7")))
    assert.isFalse(ModelRef.equals(ref, ModelRef.make("anthropic", "claude-opus-4-6")))
  })

  it.prop(
    "is written as the text it was read from",
    [texts],
    ([characters]) => {
      const text = characters.join("")
      const parsed = ModelRef.parse(text)
      if (Result.isSuccess(parsed)) assert.strictEqual(ModelRef.format(parsed.success), text)
    },
    runs
  )
})

describe("the schema from text", () => {
  it.each(wellFormed)("reads and writes %s", (text, provider, model) => {
    const ref = ModelRef.make(provider, model)
    assert.deepStrictEqual(decode(text), Result.succeed(ref))
    assert.strictEqual(Schema.encodeSync(ModelRef.FromString)(ref), text)
  })

  it.each(malformed)("refuses %j, as parse does", (text) => {
    assert.isTrue(Result.isFailure(decode(text)))
  })

  it.prop(
    "agrees with parse on any text",
    [texts],
    ([characters]) => {
      const text = characters.join("")
      const parsed = Result.getOrUndefined(ModelRef.parse(text))
      assert.deepStrictEqual(Result.getOrUndefined(decode(text)), parsed, JSON.stringify(text))
    },
    runs
  )
})
