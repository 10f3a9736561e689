import { assert, describe, it } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import * as AiErrors from "@holdfast/providers/AiErrors"
import type * as Providers from "@holdfast/providers/Providers"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as LanguageModel from "effect/ai/LanguageModel"
import { inspect } from "node:util"
import { cleanerOf } from "../src/internal/attempt/cleaner.ts"
import type { Reply } from "./support/scripted.ts"
import { json, over, page, scripted, sse } from "./support/scripted.ts"
import type { Wire } from "./support/wire.ts"
import { wires } from "./support/wire.ts"

// Nothing in them says that they are keys.
const key = "Q7vTzR4mWx1LpN8s"
const token = "team-hush-hush"

const provider = { apiKey: Redacted.make(key), headers: { "x-team": Redacted.make(token) } }
const providers: Providers.Options = {
  providers: {
    anthropic: provider,
    openai: { ...provider, api: "openai-completions" },
    responses: { ...provider, api: "openai-responses", baseUrl: "https://responses.test/v1" }
  }
}

/** Answers of a server that repeats what it was sent, wherever foreign words are kept. */
const echoes = (wire: Wire): Readonly<Record<string, Reply>> => ({
  "the message": json(wire.error("authentication_error", `wrong key ${key} of ${token}`), 401),
  "the message, escaped": json(JSON.stringify(wire.error("x", `wrong key ${key}`)).replaceAll("Q", "\\u0051"), 401),
  "the message, where it is cut": json(wire.error("authentication_error", `${"x".repeat(291)} ${key}`), 401),
  "the message, where much is cut": json(wire.error("authentication_error", `${"x".repeat(2391)} ${key}`), 401),
  "a type": json(wire.error(`bad_${key}`), 500),
  "a type, where it is cut": json(wire.error(`${"x".repeat(91)}_${key}`), 500),
  "a code, a parameter and an id": json(
    { type: "error", error: { message: "no", type: "t", code: key, param: `p.${key}` }, request_id: key },
    400
  ),
  "a request id": json(wire.error("api_error"), 500, { "request-id": key, "x-request-id": `req_${key}` }),
  "a content type": page("<html></html>", 200, `text/html; auth=Bearer ${key}`),
  "an error in a 200": json(wire.error(key, `Bearer ${key} is wrong`)),
  "an error in a stream": sse([wire.errorEvent(key, `wrong key ${key} of ${token}`)])
})

const printed = (error: unknown): string => {
  const failure = Failure.isFailure(error) ? error : undefined
  const encoded = failure === undefined ? undefined : Schema.encodeSync(Failure.Failure)(failure)
  return [String(error), JSON.stringify(error), inspect(error, { depth: 20 }), JSON.stringify(encoded)].join("\n")
}

describe.each(wires)("a server of $codec.api that repeats the key", (wire) => {
  it.effect.each(Object.keys(echoes(wire)))("in %s does not put it into the failure", (where) => {
    const reply = echoes(wire)[where]
    if (reply === undefined) return assert.fail(where)
    const asked = {
      whole: LanguageModel.generateText({ prompt: "hi" }),
      streamed: Stream.runDrain(LanguageModel.streamText({ prompt: "hi" }))
    }
    return Effect.gen(function* () {
      for (const [how, program] of Object.entries(asked)) {
        const script = scripted(reply)
        const error = yield* Effect.flip(
          Effect.provide(program, over(script, wire.model, undefined, { providers, policy: { maxAttempts: 1 } }))
        )
        if (error._tag !== "AiError") return assert.fail(error.message)
        const failure = AiErrors.failureOf(error)
        assert.isDefined(failure, how)
        const text = printed(error) + printed(failure)
        assert.notInclude(text, token)
        // Not the beginning of it either, as a cut would leave it.
        assert.notInclude(text, key.slice(0, 6))
      }
    })
  })
})

describe("what is kept of foreign words", () => {
  it("is without the secrets of the request, the longer first, and without what looks like a key", () => {
    const clean = cleanerOf({
      authorization: Redacted.make(`Bearer ${key}`),
      "x-longer": Redacted.make(`${key}-and-more`),
      "x-plain": "plain",
      "x-wiped": wiped()
    })
    assert.strictEqual(clean(`${key}-and-more, ${key}, plain`), "[redacted], [redacted], plain")
    assert.strictEqual(clean("wrong key sk-ant-api03-abcdef"), "wrong key [redacted]")
    assert.strictEqual(clean("a long text", 6), "a long...")
  })

  it("is not what classifies: a key that is part of the provider's words changes no reason", () => {
    const clean = cleanerOf({ "x-api-key": Redacted.make("error") })
    for (const { codec, error } of wires) {
      const body = JSON.stringify(error("authentication_error", "an error"))
      const { reason } = codec.classify({ status: 400, headers: {}, body }, { clean })
      assert.deepInclude(reason, {
        _tag: "AuthenticationFailed",
        type: "authentication_[redacted]",
        said: "an [redacted]"
      })
    }
  })

  it("keeps its words where the key is a stand-in that is part of every word", () => {
    const clean = cleanerOf({ authorization: Redacted.make("Bearer x") })
    assert.strictEqual(clean("x exceeds max"), "x exceeds max")
  })
})

const wiped = () => {
  const secret = Redacted.make("wiped")
  Redacted.wipeUnsafe(secret)
  return secret
}
