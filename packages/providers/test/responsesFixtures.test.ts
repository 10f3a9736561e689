/** What the recorded responses in OpenAI's Responses format hold, one by one. */
import { assert, describe, it } from "@effect/vitest"
import { codec } from "@holdfast/providers/OpenAiResponses"
import { codec as codexCodec } from "@holdfast/providers/OpenAiCodexResponses"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Response from "effect/ai/Response"
import type { Decoded } from "./support/decoding.ts"
import { amountOf, decode } from "./support/decoding.ts"
import * as Fixtures from "./support/fixtures.ts"

type Part = Response.PartEncoded | Response.StreamPartEncoded
type Parts = ReadonlyArray<Part>

const types = (parts: Parts): ReadonlyArray<string> => {
  const seen: Array<string> = []
  for (const { type } of parts) if (seen.at(-1) !== type) seen.push(type)
  return seen
}

const of = <T extends Part["type"]>(parts: Parts, type: T): ReadonlyArray<Extract<Part, { readonly type: T }>> =>
  parts.filter((part): part is Extract<Part, { readonly type: T }> => part.type === type)

/** What the parts of one type say under `openai`, what begins and ends them together. */
const said = (parts: Parts, type: Part["type"]): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  of(parts, type).map(({ metadata }) => (metadata?.["openai"] ?? {}) as Readonly<Record<string, unknown>>)

const head = (parts: Parts) => of(parts, "response-metadata")[0]
const usage = (parts: Parts) => of(parts, "finish")[0]?.usage

/** What each recorded answer exercises. */
const answers: Readonly<Record<string, (parts: Parts) => void>> = {
  "bedrock-mantle/data-before-event-turn2-stream.sse": (parts) => {
    assert.deepStrictEqual(amountOf(parts).calls, [{ id: "call_1", name: "second_tool", params: {} }])
    assert.match(String(said(parts, "reasoning-end")[0]?.["encryptedContent"]), /^rsn_/)
    assert.deepInclude(said(parts, "reasoning-start")[0], { itemId: "rs_4a4c74f82a535c8f8bda7d43b75d75f7", index: 0 })
    assert.deepInclude(said(parts, "tool-call")[0], { itemId: "fc_90eeebebbc0858fb8cfcf850d451caf8", index: 1 })
    assert.strictEqual(head(parts)?.modelId, "openai.gpt-5.6-luna")
    assert.strictEqual(amountOf(parts).finish, "tool-calls")
    assert.deepStrictEqual(usage(parts)?.outputTokens, { total: 30, text: 16, reasoning: 14 })
  },
  "chatgpt-codex/completed-without-output-stream.sse": (parts) => {
    assert.deepStrictEqual(amountOf(parts), {
      text: "",
      reasoning: "",
      calls: [{ id: "call_REDACTED_1", name: "ping", params: {} }],
      finish: "tool-calls",
      inputTokens: 56,
      outputTokens: 14
    })
  },
  "deepseek/reasoning-text-stream.sse": (parts) => {
    assert.strictEqual(amountOf(parts).reasoning, "We need answer simple. Need just number. 4.")
    assert.strictEqual(amountOf(parts).text, "4")
    assert.strictEqual(said(parts, "reasoning-start")[0]?.["raw"], true)
    assert.deepStrictEqual(types(parts), [
      "response-metadata",
      "reasoning-start",
      "reasoning-delta",
      "reasoning-end",
      "text-start",
      "text-delta",
      "text-end",
      "finish"
    ])
  },
  "openai/cache-read-stream.sse": (parts) => {
    assert.strictEqual(amountOf(parts).text, "2, 3, 4")
    assert.deepStrictEqual(usage(parts)?.inputTokens, {
      uncached: 125,
      total: 1515,
      cacheRead: 1390,
      cacheWrite: undefined
    })
  },
  "openai/code-interpreter-stream.chunks.jsonl": (parts) => {
    const calls = of(parts, "tool-call")
    const results = of(parts, "tool-result")
    assert.deepStrictEqual(
      calls.map(({ name, providerExecuted }) => [name, providerExecuted]),
      [1, 2, 3].map(() => ["code_interpreter", true])
    )
    assert.match(String((calls[0]?.params as { readonly code?: unknown } | undefined)?.code), /^import random/)
    assert.deepInclude(results[2]?.result as object, {
      status: "completed",
      outputs: [{ type: "logs", logs: "[6, 7, 2, 5, 5, 11, 4, 8, 10, 7, 5, 8, 8, 7, 10, 8, 9, 5, 4, 7]" }]
    })
    assert.deepStrictEqual(
      results.map(({ id, isFailure }) => [id, isFailure]),
      calls.map(({ id }) => [id, false])
    )
    const [source] = of(parts, "source")
    assert.deepInclude(source, { sourceType: "document", title: "roll2dice_sums_10000.csv" })
    assert.deepInclude(source?.metadata?.["openai"], {
      annotation: {
        type: "container_file_citation",
        container_id: "cntr_68c2e6f380d881908a57a82d394434ff02f484f5344062e9",
        end_index: 465,
        file_id: "cfile_68c2e7084ab48191a67824aa1f4c90f1",
        filename: "roll2dice_sums_10000.csv",
        start_index: 423
      }
    })
    // What is known of a text and of a citation came twice, on its own and with the whole.
    assert.lengthOf(of(parts, "source"), 1)
    assert.match(amountOf(parts).text, /^Here’s a simulation of rolling two fair six-sided dice/)
    assert.deepStrictEqual(usage(parts)?.outputTokens, { total: 1623, text: 215, reasoning: 1408 })
    assert.strictEqual(amountOf(parts).finish, "stop")
  },
  "openai/compaction-json.json": (parts) => {
    // Messages of the user's are repeated there; they are nothing that was answered.
    assert.strictEqual(amountOf(parts).text, "")
    const item = JSON.parse(String(said(parts, "reasoning")[0]?.["opaque"])) as Readonly<Record<string, unknown>>
    assert.strictEqual(item["type"], "compaction")
    assert.match(String(item["encrypted_content"]), /^gAAAA/)
    assert.strictEqual(amountOf(parts).outputTokens, 190)
  },
  "openai/incomplete-max-output-stream.sse": (parts) => {
    assert.strictEqual(amountOf(parts).finish, "length")
    assert.deepInclude(said(parts, "finish")[0], { status: "incomplete", finishReason: "max_output_tokens" })
    assert.match(amountOf(parts).text, /rolled off the$/)
  },
  "openai/keepalive-event-stream.sse": (parts) => {
    assert.strictEqual(amountOf(parts).text, "Joe unknown Hadley red")
    assert.strictEqual(of(parts, "text-delta").length, 5)
  },
  "openai/mcp-connector-failed-json.json": (parts) => {
    const calls = of(parts, "tool-call")
    assert.deepStrictEqual(
      calls.map(({ name, providerExecuted }) => [name, providerExecuted]),
      [1, 2].map(() => ["mcp", true])
    )
    assert.deepInclude(calls[0]?.params as object, { name: "search_events", server_label: "google_calendar" })
    for (const { isFailure, result } of of(parts, "tool-result")) {
      assert.isTrue(isFailure)
      assert.deepInclude(result as object, { status: "failed", output: null })
    }
    const [listed, ...thoughts] = said(parts, "reasoning")
    assert.include(String(listed?.["opaque"]), "mcp_list_tools")
    assert.deepStrictEqual(
      thoughts.map(({ index }) => index),
      [1, 3, 5]
    )
    assert.match(amountOf(parts).text, /^I’m sorry, I’m having trouble accessing your calendar/)
    assert.strictEqual(amountOf(parts).finish, "stop")
  },
  "openai/moderation-stream.sse": (parts) => {
    assert.strictEqual(amountOf(parts).text, "Paris.")
    const moderation = said(parts, "finish")[0]?.["moderation"] as Readonly<Record<string, unknown>>
    assert.deepInclude(moderation["input"], { type: "moderation_result", flagged: false })
    assert.strictEqual(amountOf(parts).finish, "stop")
  },
  "openai/phase-commentary-stream.sse": (parts) => {
    assert.deepInclude(said(parts, "text-start")[0], { phase: "commentary", index: 1 })
    assert.strictEqual(amountOf(parts).text, "I’ll check the capital lookup tool for “PotatoLand.”")
    assert.deepStrictEqual(amountOf(parts).calls, [
      { id: "call_LabG58Uhrq9kZvR52BYKjToD", name: "get_capital", params: { country: "PotatoLand" } }
    ])
    assert.match(String(said(parts, "reasoning-end")[0]?.["encryptedContent"]), /^gAAAAABqaR3-pGgSy/)
  },
  "openai/reasoning-summary-stream.sse": (parts) => {
    assert.match(amountOf(parts).reasoning, /^\*\*Solving for the number\*\*/)
    assert.strictEqual(of(parts, "reasoning-delta").length, 99)
    assert.isUndefined(said(parts, "reasoning-start")[0]?.["raw"])
    assert.strictEqual(amountOf(parts).text, "The number is 9, since 1 + x = 10 ⇒ x = 10 − 1 = 9.")
    assert.deepStrictEqual(usage(parts)?.outputTokens, { total: 166, text: 38, reasoning: 128 })
  },
  "openai/refusal-json.json": (parts) => {
    assert.strictEqual(amountOf(parts).text, "I'm sorry, I can't assist with that.")
    assert.strictEqual(said(parts, "text")[0]?.["refusal"], true)
    assert.strictEqual(amountOf(parts).finish, "content-filter")
  },
  "openai/text-stream.sse": (parts) => {
    assert.deepStrictEqual(amountOf(parts), {
      text: "pong",
      reasoning: "",
      calls: [],
      finish: "stop",
      inputTokens: 11,
      outputTokens: 5
    })
    assert.strictEqual(said(parts, "text-start")[0]?.["phase"], "final_answer")
    assert.deepStrictEqual(head(parts), {
      type: "response-metadata",
      id: "resp_00592e63e61b66660169fab1b9f8e481a2b321356198d7ac1b",
      modelId: "gpt-5.5-2026-04-23",
      timestamp: "2026-05-06T03:12:57.000Z"
    })
    assert.strictEqual(said(parts, "finish")[0]?.["serviceTier"], "default")
  },
  "openai/tool-single-stream.sse": (parts) => {
    assert.deepStrictEqual(types(parts), [
      "response-metadata",
      "tool-params-start",
      "tool-params-delta",
      "tool-params-end",
      "tool-call",
      "finish"
    ])
    assert.strictEqual(of(parts, "tool-params-delta").length, 12)
    assert.deepStrictEqual(amountOf(parts).calls, [
      {
        id: "call_lGe2JKQEBSP15opZ3KfxtEUC",
        name: "get_current_weather",
        params: { location: "Boston, MA", unit: "celsius" }
      }
    ])
  },
  "openai/tools-parallel-reasoning-stream.sse": (parts) => {
    assert.deepStrictEqual(
      amountOf(parts).calls.map(({ name, params }) => [name, params]),
      [
        ["add", { a: 2, b: 3 }],
        ["multiply", { a: 2, b: 3 }]
      ]
    )
    assert.deepStrictEqual(usage(parts)?.outputTokens, { total: 223, text: 95, reasoning: 128 })
  },
  "openai/unicode-escape-json.json": (parts) => {
    assert.strictEqual(amountOf(parts).text, "Hello! How can I help you today? 😊")
  },
  "openrouter/tool-stream.sse": (parts) => {
    assert.deepStrictEqual(amountOf(parts).calls, [
      { id: "call_faKQ4JI18zZQE2oynAbvwip4", name: "llm_version", params: {} }
    ])
    assert.strictEqual(head(parts)?.id, "gen-1785882271-2B3yJ6vpOkI3nf9dZb6k")
    assert.strictEqual(amountOf(parts).finish, "tool-calls")
  }
}

const rateLimited = "openai/inband-rate-limit-stream.sse"

const errors: Readonly<Record<string, readonly [reason: string, notRun: boolean]>> = {
  "openai/error-400-model-not-found.error.json": ["ModelNotFound", true],
  "openai/error-400-reasoning-item-orphan.error.json": ["InvalidRequest", true],
  "openai/error-401.error.json": ["AuthenticationFailed", true],
  "openai/error-429-insufficient-quota.error.json": ["BillingExhausted", true]
}

const nameOf = ({ path }: Fixtures.Fixture): string => path.slice("openai-responses/".length)

const ends = ["response.completed", "response.incomplete"]

/** Where the end marker begins. */
const endOf = (body: Uint8Array): number => Math.max(...ends.map((end) => Buffer.from(body).lastIndexOf(`"${end}"`)))

Fixtures.suite("recorded responses in the Responses format", () => {
  const streams = Fixtures.of(codec.api, "stream").filter((fixture) => nameOf(fixture) !== rateLimited)

  it("are each known", () => {
    const known = [...Object.keys(answers), ...Object.keys(errors), rateLimited]
    const recorded = Fixtures.all.filter(({ api, kind }) => api === codec.api && kind !== "request").map(nameOf)
    assert.sameMembers(recorded, known)
  })

  for (const fixture of streams) {
    it.effect(`${nameOf(fixture)} holds what it is known for`, () =>
      Effect.gen(function* () {
        const [body] = Fixtures.streams(fixture)
        assert.isDefined(body)
        const { parts, reason } = yield* decode(codec, [body])
        assert.isUndefined(reason)
        assert.strictEqual(parts[0]?.type, "response-metadata")
        assert.strictEqual(parts.at(-1)?.type, "finish")
        answers[nameOf(fixture)]?.(parts)
      })
    )
  }

  for (const fixture of Fixtures.of(codec.api, "json")) {
    it(`${nameOf(fixture)} holds what it is known for`, () => {
      const parts = Result.getOrThrow(codec.decode(Fixtures.json(fixture)))
      assert.strictEqual(parts[0]?.type, "response-metadata")
      assert.strictEqual(parts.at(-1)?.type, "finish")
      answers[nameOf(fixture)]?.(parts)
    })
  }

  for (const fixture of Fixtures.of(codec.api, "error")) {
    it(`${nameOf(fixture)} is ${errors[nameOf(fixture)]?.[0]}`, () => {
      const { body, headers, status } = Fixtures.head(fixture)
      const { notRun, reason } = codec.classify({ status, headers, body: JSON.stringify(body) })
      assert.deepStrictEqual([reason._tag, notRun], errors[nameOf(fixture)])
    })
  }

  it.effect("an error event in a 200 is the limit that it names, before anything was said", () =>
    Effect.gen(function* () {
      const fixture = Fixtures.of(codec.api, "stream").find((each) => nameOf(each) === rateLimited)
      assert.isDefined(fixture)
      const { parts, reason } = yield* decode(codec, [Fixtures.bytes(fixture)])
      assert.deepStrictEqual(types(parts), ["response-metadata"])
      assert.strictEqual(reason?._tag, "RateLimited")
      if (reason?._tag === "RateLimited") assert.strictEqual(reason.code, "rate_limit_exceeded")
    })
  )

  it.effect("a failed response says the same without the error event before it", () =>
    Effect.gen(function* () {
      const fixture = Fixtures.of(codec.api, "stream").find((each) => nameOf(each) === rateLimited)
      assert.isDefined(fixture)
      const text = Fixtures.read(fixture).replace(/^event: error\ndata: .*\n\n/m, "")
      assert.notInclude(text, '"type":"error"')
      const { reason } = yield* decode(codec, [new TextEncoder().encode(text)])
      assert.strictEqual(reason?._tag, "RateLimited")
    })
  )

  const cuts = Schema.NonEmptyArray(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3000 })))
  const places = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))

  for (const fixture of streams) {
    const whole = Effect.suspend(() => decode(codec, [bytesOf(fixture)]))
    it.effect.prop(
      `${nameOf(fixture)} is the same wherever it is cut`,
      { cuts },
      ({ cuts }) =>
        Effect.gen(function* () {
          const expected = yield* whole
          assert.deepStrictEqual(yield* decode(codec, cutInto(bytesOf(fixture), cuts)), expected)
        }),
      { arbitrary: { runs: 15 } }
    )

    it.effect.prop(
      `${nameOf(fixture)} is truncated wherever it ends before its end marker`,
      { at: places },
      ({ at }) =>
        Effect.gen(function* () {
          const body = bytesOf(fixture)
          const { reason } = yield* decode(codec, [body.subarray(0, at % endOf(body))])
          assert.strictEqual(reason?._tag, "StreamTruncated")
        }),
      { arbitrary: { runs: 30 } }
    )

    it.effect(`${nameOf(fixture)} is read by the format of ChatGPT's backend as well`, () =>
      Effect.gen(function* () {
        const body = bytesOf(fixture)
        const { endMarker: _, ...one } = codexCodec
        assert.isTrue(one.alwaysStreams)
        assert.deepStrictEqual(yield* decode(codexCodec, [body]), yield* decode(codec, [body]))
      })
    )
  }
})

const bytesOf = (fixture: Fixtures.Fixture): Uint8Array => {
  const [body] = Fixtures.streams(fixture)
  if (body === undefined) throw new Error(`${fixture.path} is empty`)
  return body
}

/** Chunks of these lengths, over and over. */
const cutInto = (body: Uint8Array, lengths: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  for (let at = 0, next = 0; at < body.length; next++) {
    const length = lengths[next % lengths.length] ?? 1
    chunks.push(body.subarray(at, at + length))
    at += length
  }
  return chunks
}

describe("a table of answers", () => {
  it("asserts something of each", () => {
    const nothing: Decoded["parts"] = []
    for (const [name, judge] of Object.entries(answers)) assert.throws(() => judge(nothing), undefined, undefined, name)
  })
})
