/** Odd answers of Anthropic's, and of those who speak its format. */
import { assert, describe, it } from "@effect/vitest"
import * as AnthropicMessages from "@holdfast/providers/AnthropicMessages"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { amountOf, decode } from "./support/decoding.ts"
import * as Fixtures from "./support/fixtures.ts"
import { of, own, shapeOf } from "./support/parts.ts"

const { codec } = AnthropicMessages

const decodeText = (body: string) => decode(codec, [new TextEncoder().encode(body)])
const line = (data: object) => `data: ${JSON.stringify(data)}\n\n`

const cite = (url: string, title: string | null) => ({
  type: "web_search_result_location",
  url,
  title,
  cited_text: "x",
  encrypted_index: "e"
})

describe("an odd behaviour:", () => {
  const inband = "anthropic-messages/bedrock-gateway/inband-error-model-stream.sse"

  Fixtures.suite("recorded", () => {
    it.effect("a 200 that holds only an error event is that error", () =>
      Effect.gen(function* () {
        const fixture = Fixtures.all.find(({ path }) => path === inband)
        assert.isDefined(fixture)
        const { parts, reason } = yield* decode(codec, [Fixtures.bytes(fixture)])
        assert.deepStrictEqual(parts, [])
        assert.strictEqual(reason?._tag, "ServerError")
      })
    )
  })

  const start = line({ type: "message_start", message: { id: "m", model: "m", content: [], usage: {} } })
  const end = (reason: string) =>
    line({ type: "message_delta", delta: { stop_reason: reason }, usage: {} }) + line({ type: "message_stop" })
  const said =
    line({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }) +
    line({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "A" } })
  const closed = line({ type: "content_block_stop", index: 0 })

  it.effect("a stop without any content block is an answer without content", () =>
    Effect.gen(function* () {
      const { parts, reason } = yield* decodeText(start + end("end_turn"))
      assert.isUndefined(reason)
      assert.strictEqual(shapeOf(parts), "response-metadata finish")
    })
  )

  it.effect("an error event after content is that error, and the end after it is nobody's", () =>
    Effect.gen(function* () {
      const failed = line({ type: "error", error: { type: "overloaded_error", message: "no" } })
      const { parts, reason } = yield* decodeText(start + said + failed + closed + end("end_turn"))
      assert.strictEqual(amountOf(parts).text, "A")
      assert.strictEqual(reason?._tag, "Overloaded")
    })
  )

  it.effect("`data:` before `event:`, a `keepalive` event, comments and `retry:` change nothing", () =>
    Effect.gen(function* () {
      const odd = said
        .replace("data: ", "event: content_block_start\ndata: ")
        .replace(/^(event: .*)\n(data: .*)$/m, "$2\n$1")
      const noise = 'event: keepalive\ndata: {"type":"keepalive"}\n\n: comment\n\nretry: 10\n\n'
      const { parts, reason } = yield* decodeText(noise + start + noise + odd + noise + closed + end("end_turn"))
      assert.isUndefined(reason)
      assert.deepInclude(amountOf(parts), { text: "A", finish: "stop" })
    })
  )

  it.effect("arguments that break off at the limit are no call; elsewhere they are malformed", () =>
    Effect.gen(function* () {
      const block = { type: "tool_use", id: "t", name: "add", input: {} }
      const cut =
        line({ type: "content_block_start", index: 0, content_block: block }) +
        line({ type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json: '{"a":' } }) +
        closed
      const atLimit = yield* decodeText(start + cut + end("max_tokens"))
      assert.isUndefined(atLimit.reason)
      assert.deepStrictEqual(amountOf(atLimit.parts).calls, [])
      const elsewhere = yield* decodeText(start + cut + end("tool_use"))
      assert.strictEqual(elsewhere.reason?._tag, "MalformedResponse")
      const hostedCut = cut.replace('"tool_use"', '"server_tool_use"')
      const hostedAtLimit = yield* decodeText(start + hostedCut + end("max_tokens"))
      assert.deepStrictEqual(of(hostedAtLimit.parts, "tool-call"), [])
    })
  )

  it("a block of an unknown kind is named, and crashes nothing", () => {
    const content = [
      { type: "hologram", data: { deep: [[[]]] } },
      { type: "server_tool_use" },
      { type: "odd_tool_result" },
      null,
      7
    ]
    const parts = Result.getOrThrow(codec.decode({ type: "message", content, stop_reason: "end_turn" }))
    assert.deepStrictEqual(own(parts.at(-1)), {
      stopReason: "end_turn",
      unread: ["hologram", "server_tool_use", "odd_tool_result", "unknown"]
    })
  })

  it("a refusal says why, and where it stopped", () => {
    const parts = Result.getOrThrow(
      codec.decode({
        type: "message",
        content: [],
        stop_reason: "refusal",
        stop_details: { type: "refusal", category: "cyber", explanation: null }
      })
    )
    assert.strictEqual(amountOf(parts).finish, "content-filter")
    assert.deepStrictEqual(own(parts.at(-1))["stopDetails"], { type: "refusal", category: "cyber", explanation: null })
  })

  it.effect("calls keep their order among what Anthropic runs, because it compares what it is given back", () =>
    Effect.gen(function* () {
      const call = (index: number, type: string, id: string) =>
        line({ type: "content_block_start", index, content_block: { type, id, name: id, input: {} } }) +
        line({ type: "content_block_stop", index })
      const found = { type: "b_tool_result", tool_use_id: "b", content: null }
      const body =
        start +
        call(0, "tool_use", "a") +
        call(1, "server_tool_use", "b") +
        call(2, "tool_use", "c") +
        line({ type: "content_block_start", index: 3, content_block: found }) +
        call(4, "tool_use", "d") +
        end("tool_use")
      const { parts } = yield* decodeText(body)
      const order = parts.flatMap((part) =>
        part.type === "tool-call" || part.type === "tool-result" ? [`${part.type} ${part.id}`] : []
      )
      assert.deepStrictEqual(order, ["tool-call a", "tool-call b", "tool-call c", "tool-result b", "tool-call d"])
    })
  )

  it.effect("a container that the end does not name again is the one from the beginning", () =>
    Effect.gen(function* () {
      const message = { id: "m", model: "m", content: [], usage: {}, container: { id: "c", expires_at: "later" } }
      const last = { type: "message_delta", delta: { stop_reason: "end_turn", container: null }, usage: {} }
      const { parts } = yield* decodeText(
        line({ type: "message_start", message }) + line(last) + line({ type: "message_stop" })
      )
      assert.deepStrictEqual(own(parts.at(-1))["container"], { id: "c", expiresAt: "later" })
    })
  )

  it.effect("a summary of the conversation is kept as it is, and goes back", () =>
    Effect.gen(function* () {
      const block = { type: "compaction", content: null }
      const body =
        start +
        line({ type: "content_block_start", index: 0, content_block: block }) +
        line({
          type: "content_block_delta",
          index: 0,
          delta: { type: "compaction_delta", content: "So far.", encrypted_content: "e" }
        }) +
        closed +
        end("compaction")
      const { parts } = yield* decodeText(body)
      assert.strictEqual(amountOf(parts).finish, "stop")
      assert.deepStrictEqual(JSON.parse(String(own(of(parts, "reasoning-end")[0])["opaque"])), {
        type: "compaction",
        content: "So far.",
        encrypted_content: "e"
      })
    })
  )

  it("a source is told once, a URL that is none never", () => {
    const citations = [cite("https://a.example/", "A"), cite("https://a.example/", "A"), cite("not a url", null)]
    const page = { type: "page_location", document_index: 1, document_title: null, file_id: "file_1", cited_text: "y" }
    const parts = Result.getOrThrow(
      codec.decode({ type: "message", content: [{ type: "text", text: "A", citations: [...citations, page] }] })
    )
    assert.deepStrictEqual(of(parts, "source"), [
      { type: "source", sourceType: "url", id: "https://a.example/", url: "https://a.example/", title: "A" },
      { type: "source", sourceType: "document", id: "file_1", mediaType: "application/pdf", title: "Document 2" }
    ])
    assert.lengthOf(own(parts[1])["citations"] as ReadonlyArray<unknown>, 4)
  })

  it.effect("a call of 50 KB of arguments in pieces of some bytes is whole", () =>
    Effect.gen(function* () {
      const written = JSON.stringify({ text: "x".repeat(50_000) })
      const pieces = written.match(/.{1,7}/g) ?? []
      const block = { type: "tool_use", id: "t", name: "write", input: {} }
      const body =
        start +
        line({ type: "content_block_start", index: 0, content_block: block }) +
        pieces
          .map((partial_json) =>
            line({ type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json } })
          )
          .join("") +
        closed +
        end("tool_use")
      const { parts } = yield* decodeText(body)
      assert.deepStrictEqual(amountOf(parts).calls, [{ id: "t", name: "write", params: JSON.parse(written) }])
      assert.strictEqual(of(parts, "tool-params-delta").length, pieces.length)
    })
  )
})
