import { assert, describe, it } from "@effect/vitest"
import { plain } from "@holdfast/providers/Codec"
import { codec } from "@holdfast/providers/OpenAiResponses"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Response from "effect/ai/Response"
import { amountOf, decode } from "./support/decoding.ts"
import {
  added,
  argumentsDelta,
  completed,
  created,
  done,
  event,
  functionCall,
  message,
  response,
  responses,
  textDelta
} from "./support/responsesWire.ts"

const read = (...events: ReadonlyArray<string>) => decode(codec, [new TextEncoder().encode(events.join(""))])

const typesOf = (parts: ReadonlyArray<{ readonly type: string }>): ReadonlyArray<string> =>
  parts.map(({ type }) => type)

const summary = (index: number, delta: string) =>
  event({ type: "response.reasoning_summary_text.delta", output_index: 0, summary_index: index, delta })

const dataOf = (text: string) => text.slice(text.indexOf("data: ") + 6)

const reasonOf = (body: unknown) => Result.getOrThrow(Result.flip(codec.decode(body)))._tag

const begun = added(0, message("", { content: [], status: "in_progress" }))

describe("a streamed response", () => {
  it.effect("with data before the event's name, comments and a keepalive is what it is without", () =>
    Effect.gen(function* () {
      const plainly = yield* read(created, begun, textDelta(0, "Hi."), done(0, message("Hi.")), completed())
      const [first = "", ...rest] = [created, begun, textDelta(0, "Hi."), done(0, message("Hi.")), completed()]
      const turned = [first, ...rest].map((each) => each.replace(/^(event: .*)\n(data: .*)\n\n$/, "$2\n$1\n\n"))
      assert.match(turned[0] ?? "", /^data: /)
      const odd = turned.join(`: OPENROUTER PROCESSING\n\n${responses.ping}`)
      assert.deepStrictEqual(yield* read(odd), plainly)
      assert.strictEqual(amountOf(plainly.parts).text, "Hi.")
    })
  )

  it.effect("goes by the place of an item where its id changes between events", () =>
    Effect.gen(function* () {
      const { parts, reason } = yield* read(
        created,
        added(0, { ...message(""), id: "tmp_1", content: [] }),
        textDelta(0, "Hel", { item_id: "tmp_2" }),
        textDelta(0, "lo.", { item_id: "tmp_3" }),
        done(0, message("Hello.", { id: "msg_final" })),
        completed([message("Hello.", { id: "msg_other" })])
      )
      assert.isUndefined(reason)
      assert.strictEqual(amountOf(parts).text, "Hello.")
      assert.strictEqual(parts.filter(({ type }) => type === "text-start").length, 1)
      // What is given back later is the id that counts in the end.
      assert.deepStrictEqual(parts.find(({ type }) => type === "text-end")?.metadata, {
        openai: { itemId: "msg_final" }
      })
    })
  )

  it.effect("whose end repeats none of its items has them all the same", () =>
    Effect.gen(function* () {
      const { parts } = yield* read(created, begun, textDelta(0, "Hi."), done(0, message("Hi.")), completed([]))
      assert.strictEqual(amountOf(parts).text, "Hi.")
    })
  )

  it.effect("that says everything at its end is an answer", () =>
    Effect.gen(function* () {
      const call = functionCall("call_1", "add", '{"a":1}')
      const { parts, reason } = yield* read(completed([message("Hi."), call]))
      assert.isUndefined(reason)
      assert.deepStrictEqual(amountOf(parts), {
        text: "Hi.",
        reasoning: "",
        calls: [{ id: "call_1", name: "add", params: { a: 1 } }],
        finish: "tool-calls",
        inputTokens: 14,
        outputTokens: 6
      })
    })
  )

  it.effect("without deltas has the texts of its items, once", () =>
    Effect.gen(function* () {
      const { parts } = yield* read(
        created,
        done(0, { id: "rs_1", type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }] }),
        done(1, message("Hi.")),
        done(2, functionCall("call_1", "add", '{"a":1}')),
        done(2, functionCall("call_1", "add", '{"a":1}')),
        completed([message("Hi.")])
      )
      assert.deepStrictEqual(typesOf(parts), [
        "response-metadata",
        "reasoning-start",
        "reasoning-delta",
        "reasoning-end",
        "text-start",
        "text-delta",
        "text-end",
        "tool-params-start",
        "tool-params-delta",
        "tool-params-end",
        "tool-call",
        "finish"
      ])
    })
  )

  it.effect("gives each part of a summary its own reasoning, the last with what is encrypted", () =>
    Effect.gen(function* () {
      const { parts } = yield* read(
        created,
        added(0, { id: "rs_1", type: "reasoning", summary: [] }),
        summary(0, "First"),
        summary(0, "."),
        summary(1, "Second."),
        done(0, {
          id: "rs_1",
          type: "reasoning",
          encrypted_content: "c2VjcmV0",
          summary: [
            { type: "summary_text", text: "First." },
            { type: "summary_text", text: "Second." }
          ]
        }),
        completed()
      )
      assert.deepStrictEqual(parts.slice(1, -1), [
        { type: "reasoning-start", id: "0", metadata: { openai: { itemId: "rs_1", index: 0 } } },
        { type: "reasoning-delta", id: "0", delta: "First" },
        { type: "reasoning-delta", id: "0", delta: "." },
        { type: "reasoning-end", id: "0" },
        { type: "reasoning-start", id: "1", metadata: { openai: { itemId: "rs_1", index: 0 } } },
        { type: "reasoning-delta", id: "1", delta: "Second." },
        { type: "reasoning-end", id: "1", metadata: { openai: { encryptedContent: "c2VjcmV0" } } }
      ] satisfies ReadonlyArray<Response.StreamPartEncoded>)
    })
  )

  it.effect("that refuses says so in its text, and in how it finished", () =>
    Effect.gen(function* () {
      const { parts } = yield* read(
        created,
        begun,
        event({ type: "response.refusal.delta", output_index: 0, content_index: 0, delta: "I can't." }),
        done(0, message("", { content: [{ type: "refusal", refusal: "I can't." }] })),
        completed()
      )
      assert.strictEqual(amountOf(parts).text, "I can't.")
      assert.strictEqual(amountOf(parts).finish, "content-filter")
      assert.deepStrictEqual(parts.find(({ type }) => type === "text-start")?.metadata, {
        openai: { itemId: "msg_1", index: 0, refusal: true }
      })
    })
  )

  it.effect("cites each source once, as it comes or at the end of its text", () =>
    Effect.gen(function* () {
      const annotations: ReadonlyArray<Readonly<Record<string, string | number>>> = [
        { type: "url_citation", url: "https://effect.website/a", title: "A", start_index: 0, end_index: 2 },
        { type: "url_citation", url: "no address", title: "B" },
        { type: "file_citation", file_id: "file_1", filename: "notes.md", index: 3 },
        { type: "a kind of tomorrow's" }
      ]
      const { parts } = yield* read(
        created,
        begun,
        textDelta(0, "Hi."),
        event({
          type: "response.output_text.annotation.added",
          output_index: 0,
          content_index: 0,
          annotation_index: 0,
          annotation: annotations[0]
        }),
        done(0, message("Hi.", { content: [{ type: "output_text", text: "Hi.", annotations }] })),
        completed()
      )
      assert.deepStrictEqual(
        parts.filter(({ type }) => type === "source"),
        [
          {
            type: "source",
            sourceType: "url",
            id: "msg_1:0:0",
            url: "https://effect.website/a",
            title: "A",
            metadata: { openai: { annotation: annotations[0] ?? {} } }
          },
          {
            type: "source",
            sourceType: "document",
            id: "msg_1:0:2",
            mediaType: "text/plain",
            title: "notes.md",
            fileName: "notes.md",
            metadata: { openai: { annotation: annotations[2] ?? {} } }
          }
        ]
      )
    })
  )

  it.effect("with an image that was made gives it out as a file", () =>
    Effect.gen(function* () {
      const image = {
        id: "ig_1",
        type: "image_generation_call",
        status: "completed",
        result: "aGk=",
        output_format: "webp",
        revised_prompt: "A kelp."
      }
      const { parts } = yield* read(
        created,
        added(0, { ...image, status: "in_progress", result: null }),
        event({ type: "response.image_generation_call.partial_image", output_index: 0, partial_image_b64: "aA==" }),
        done(0, image),
        completed([image])
      )
      assert.deepStrictEqual(parts[1], {
        type: "file",
        mediaType: "image/webp",
        data: "aGk=",
        metadata: { openai: { itemId: "ig_1", index: 0, revisedPrompt: "A kelp." } }
      })
    })
  )

  it.effect(
    "with tools that the provider runs tells call and result, and the call alone where the app is to run it",
    () =>
      Effect.gen(function* () {
        const search = {
          id: "ws_1",
          type: "web_search_call",
          status: "completed",
          action: { type: "search", query: "q" }
        }
        const shell = {
          id: "sh_1",
          type: "local_shell_call",
          status: "completed",
          call_id: "c",
          action: { command: ["ls"] }
        }
        const { parts } = yield* read(
          created,
          added(0, { ...search, status: "in_progress" }),
          event({ type: "response.web_search_call.searching", output_index: 0, item_id: "ws_1" }),
          done(0, search),
          done(1, shell),
          completed()
        )
        const common = { id: "ws_1", name: "web_search", providerExecuted: true }
        assert.deepStrictEqual(parts.slice(1, 5), [
          { type: "tool-params-start", ...common },
          { type: "tool-params-end", id: "ws_1" },
          {
            type: "tool-call",
            ...common,
            params: { action: { type: "search", query: "q" } },
            metadata: { openai: { itemId: "ws_1", index: 0, type: "web_search_call" } }
          },
          {
            type: "tool-result",
            ...common,
            result: { status: "completed" },
            isFailure: false,
            metadata: { openai: { itemId: "ws_1", index: 0 } }
          }
        ] as ReadonlyArray<Response.StreamPartEncoded>)
        assert.deepStrictEqual(
          parts.flatMap((part) => (part.type === "tool-call" || part.type === "tool-result" ? [part.name] : [])),
          ["web_search", "web_search", "local_shell"]
        )
        assert.strictEqual(amountOf(parts).finish, "stop")
      })
  )

  it.effect("holds a tool call back until other content or the end", () =>
    Effect.gen(function* () {
      const call = functionCall("call_1", "add", '{"a":1}')
      const start = [created, added(0, { ...call, arguments: "" }), argumentsDelta(0, '{"a":1}'), done(0, call)]
      const cut = yield* read(...start)
      assert.strictEqual(cut.reason?._tag, "StreamTruncated")
      assert.notInclude(typesOf(cut.parts), "tool-call")
      const followed = yield* read(...start, added(1, message("", { content: [] })), textDelta(1, "Hi."))
      assert.strictEqual(
        typesOf(followed.parts).indexOf("tool-call") + 1,
        typesOf(followed.parts).indexOf("text-start")
      )
    })
  )

  it.effect("drops a call that the limit cut, and refuses one that is broken for no reason", () =>
    Effect.gen(function* () {
      const cut = functionCall("call_1", "add", '{"a":', { status: "incomplete" })
      const incomplete = { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }
      const start = [created, added(0, { ...cut, arguments: "" }), argumentsDelta(0, '{"a":')]
      const end = event({ type: "response.incomplete", response: response([], incomplete) })
      for (const events of [
        [...start, done(0, cut), end],
        [...start, end]
      ]) {
        const { parts, reason } = yield* read(...events)
        assert.isUndefined(reason)
        assert.strictEqual(amountOf(parts).finish, "length")
        assert.deepStrictEqual(amountOf(parts).calls, [])
      }
      const broken = yield* read(...start, done(0, { ...cut, status: "completed" }), completed())
      assert.strictEqual(broken.reason?._tag, "MalformedResponse")
    })
  )

  it.effect("whose filter struck says so", () =>
    Effect.gen(function* () {
      const filtered = { status: "incomplete", incomplete_details: { reason: "content_filter" } }
      const { parts } = yield* read(event({ type: "response.incomplete", response: response([], filtered) }))
      assert.strictEqual(amountOf(parts).finish, "content-filter")
    })
  )

  it.effect("fails with what its error says, in whichever of the shapes that are about", () =>
    Effect.gen(function* () {
      const error = { code: "rate_limit_exceeded", message: "Slow down." }
      const shapes = [
        event({ type: "error", ...error, param: null, sequence_number: 3 }),
        event({ type: "error", error: { type: "tokens", ...error } }),
        `data: ${JSON.stringify({ error })}\n\n`,
        `event: error\ndata: ${JSON.stringify({ error })}\n\n`,
        event({ type: "response.failed", response: response([], { status: "failed", error }) }),
        completed([], { status: "failed", error })
      ]
      for (const shape of shapes) {
        const { reason } = yield* read(created, begun, textDelta(0, "Hi."), shape)
        assert.strictEqual(reason?._tag, "RateLimited", shape)
      }
      const silent = event({ type: "response.failed", response: response([], { status: "failed" }) })
      assert.strictEqual((yield* read(created, silent)).reason?._tag, "ServerError")
    })
  )

  it.effect("goes on over events and items that nobody knows", () =>
    Effect.gen(function* () {
      const { parts, reason } = yield* read(
        created,
        event({ type: "response.telepathy.delta", delta: "…" }),
        event({ type: "codex.rate_limits", rate_limits: {} }),
        added(0, { id: "x_1", type: "telepathy" }),
        done(0, { id: "x_1", type: "telepathy", said: "…" }),
        added(1, {}),
        begun.replace('"output_index":0', '"output_index":2'),
        textDelta(2, "Hi."),
        done(2, message("Hi.")),
        "data: [DONE]\n\n",
        completed()
      )
      assert.isUndefined(reason)
      assert.strictEqual(amountOf(parts).text, "Hi.")
      const thought = parts.find(({ type }) => type === "reasoning-end")
      assert.deepStrictEqual(thought?.metadata, {
        openai: { itemId: "x_1", index: 0, opaque: '{"id":"x_1","type":"telepathy","said":"…"}' }
      })
    })
  )

  it.effect("is not complete at [DONE]", () =>
    Effect.gen(function* () {
      const { reason } = yield* read(created, begun, textDelta(0, "Hi."), "data: [DONE]\n\n")
      assert.strictEqual(reason?._tag, "StreamTruncated")
    })
  )

  it.effect("whose server numbers every item 0 has them all", () =>
    Effect.gen(function* () {
      const first = functionCall("call_1", "add", "{}")
      const second = functionCall("call_2", "add", "{}")
      const { parts } = yield* read(
        created,
        added(0, { ...first, arguments: "" }),
        argumentsDelta(0, "{}"),
        done(0, first),
        added(0, { ...second, arguments: "" }),
        argumentsDelta(0, "{}"),
        done(0, second),
        completed()
      )
      assert.deepStrictEqual(
        amountOf(parts).calls.map(({ id }) => id),
        ["call_1", "call_2"]
      )
    })
  )

  it("puts a call's arguments together in one go, however many pieces they come in", () => {
    const pieces = 50_000
    const decoder = codec.makeStreamDecoder(plain)
    const out: Array<Response.StreamPartEncoded> = []
    const give = (data: string) => decoder.read({ event: "", data }, out)
    give(dataOf(added(0, functionCall("call_1", "add", ""))))
    const piece = dataOf(argumentsDelta(0, "9"))
    give(dataOf(argumentsDelta(0, '{"text":"')))
    for (let i = 0; i < pieces; i++) give(piece)
    give(dataOf(argumentsDelta(0, '"}')))
    const { arguments: _, ...rest } = functionCall("call_1", "add", "")
    give(dataOf(done(0, rest)))
    assert.strictEqual(give(dataOf(completed()))._tag, "Complete")
    const call = out.find(({ type }) => type === "tool-call")
    assert.deepStrictEqual(call?.type === "tool-call" ? call.params : undefined, { text: "9".repeat(pieces) })
    assert.strictEqual(out.filter(({ type }) => type === "tool-params-delta").length, pieces + 2)
  })
})

describe("a whole response", () => {
  it("gives the parts that its stream gives, in one piece each", () => {
    const output = [
      { id: "rs_1", type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }], encrypted_content: "cw==" },
      message("Hi.", { phase: "commentary" }),
      functionCall("call_1", "add", '{"a":1}')
    ]
    assert.deepStrictEqual(Result.getOrThrow(codec.decode(response(output))), [
      {
        type: "response-metadata",
        id: "resp_1",
        modelId: "gpt-5.5-2026-01-01",
        timestamp: "2026-01-01T00:00:00.000Z"
      },
      {
        type: "reasoning",
        text: "Hm.",
        metadata: { openai: { itemId: "rs_1", index: 0, encryptedContent: "cw==" } }
      },
      { type: "text", text: "Hi.", metadata: { openai: { itemId: "msg_1", index: 1, phase: "commentary" } } },
      {
        type: "tool-call",
        id: "call_1",
        name: "add",
        params: { a: 1 },
        metadata: { openai: { itemId: "fc_call_1", index: 2 } }
      },
      {
        type: "finish",
        reason: "tool-calls",
        usage: {
          inputTokens: { uncached: 10, total: 14, cacheRead: 4, cacheWrite: 0 },
          outputTokens: { total: 6, text: 4, reasoning: 2 }
        },
        metadata: { openai: { status: "completed", finishReason: null, serviceTier: "default" } }
      }
    ])
  })

  it("that goes on in the background has nothing yet, and says so", () => {
    const parts = Result.getOrThrow(codec.decode(response([], { status: "queued", usage: null })))
    assert.deepStrictEqual(typesOf(parts), ["response-metadata", "finish"])
    assert.strictEqual(amountOf(parts).finish, "pause")
  })

  it("that failed is what its error says, and JSON of another shape is none", () => {
    const failed = response([], { status: "failed", error: { code: "server_error", message: "Sorry." } })
    assert.strictEqual(reasonOf(failed), "ServerError")
    for (const body of [{ id: "chatcmpl-1", choices: [] }, {}, [], null, "x"]) {
      assert.strictEqual(reasonOf(body), "MalformedResponse")
    }
    const broken = response([functionCall("call_1", "add", "{")])
    assert.strictEqual(reasonOf(broken), "MalformedResponse")
  })
})
