/** Anthropic's own SDK as the judge: the same bytes through its stream helper and its client, and through our codec. */
import Anthropic from "@anthropic-ai/sdk"
import { assert, it } from "@effect/vitest"
import * as AnthropicMessages from "@holdfast/providers/AnthropicMessages"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Chat from "effect/ai/Chat"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { decode } from "./support/decoding.ts"
import * as Fixtures from "./support/fixtures.ts"
import { json, over, scripted, sse } from "./support/scripted.ts"
import { anthropic } from "./support/wire.ts"

const { codec } = AnthropicMessages

const answering = (body: Uint8Array | string, contentType: string) =>
  new Anthropic({
    apiKey: "none",
    maxRetries: 0,
    fetch: () =>
      Promise.resolve(
        new globalThis.Response(Buffer.from(body), { status: 200, headers: { "content-type": contentType } })
      )
  })

const toolkit = Toolkit.make(
  ...["Agent", "fixed_version", "pelican_name_generator", "rollDie"].map((name) =>
    Tool.dynamic(name, { parameters: { type: "object" } })
  )
)

const request = { model: "m", max_tokens: 1, messages: [{ role: "user" as const, content: "hi" }] }

type Message = Anthropic.Message | Anthropic.Beta.BetaMessage

const messageOf = (fixture: Fixtures.Fixture, body: Uint8Array): Promise<Message> => {
  const client = answering(body, "text/event-stream")
  // Only the trial client reads what MCP servers are asked.
  return fixture.path.includes("mcp-")
    ? client.beta.messages.stream(request).finalMessage()
    : client.messages.stream(request).finalMessage()
}

type Part = Response.StreamPartEncoded | Response.PartEncoded

/** What an answer says, whoever read it. */
interface Reading {
  readonly id: string | undefined
  readonly model: string | undefined
  readonly content: ReadonlyArray<unknown>
  readonly citations: ReadonlyArray<unknown>
  readonly stop: unknown
  readonly sequence: unknown
  readonly container: unknown
  readonly inputTokens: number
  readonly uncached: number
  readonly cacheRead: number
  readonly cacheWrite: number
  readonly outputTokens: number
  readonly reasoningTokens: number | undefined
}

const own = (part: Part): Readonly<Record<string, unknown>> =>
  (part.metadata?.["anthropic"] ?? {}) as Readonly<Record<string, unknown>>

/** Anthropic's blocks, by what our parts say. */
class Ours {
  private readonly blocks: Array<Record<string, unknown>> = []
  private readonly open = new Map<string, Record<string, unknown>>()
  readonly citations: Array<unknown> = []
  private readonly reading: { -readonly [K in keyof Reading]?: Reading[K] } = {}

  constructor(parts: ReadonlyArray<Part>) {
    for (const part of parts) this.add(part)
  }

  get(): Reading {
    return { ...(this.reading as Reading), content: this.blocks, citations: this.citations }
  }

  private begin(id: string, block: Record<string, unknown>): void {
    this.blocks.push(block)
    this.open.set(id, block)
  }

  private write(id: string, field: string, delta: string): void {
    const block = this.open.get(id)
    if (block !== undefined) block[field] = String(block[field]) + delta
  }

  private thought(block: Record<string, unknown>, part: Part): void {
    const { opaque, redactedData, signature } = own(part)
    if (signature !== undefined) block["signature"] = signature
    if (redactedData !== undefined) Object.assign(block, { type: "redacted", data: redactedData })
    if (opaque !== undefined) Object.assign(block, { type: "opaque", raw: JSON.parse(String(opaque)) })
  }

  private add(part: Part): void {
    switch (part.type) {
      case "response-metadata":
        this.reading.id = part.id
        this.reading.model = part.modelId
        return
      case "text":
        this.blocks.push({ type: "text", text: part.text })
        this.citations.push(...((own(part)["citations"] as ReadonlyArray<unknown>) ?? []))
        return
      case "text-start":
        return this.begin(part.id, { type: "text", text: "" })
      case "text-delta":
        return this.write(part.id, "text", part.delta)
      case "text-end":
        this.citations.push(...((own(part)["citations"] as ReadonlyArray<unknown>) ?? []))
        return
      case "reasoning": {
        const block = { type: "thinking", text: part.text }
        this.blocks.push(block)
        return this.thought(block, part)
      }
      case "reasoning-start":
        this.begin(part.id, { type: "thinking", text: "" })
        return this.thought(this.open.get(part.id) ?? {}, part)
      case "reasoning-delta":
        return this.write(part.id, "text", part.delta)
      case "reasoning-end":
        return this.thought(this.open.get(part.id) ?? {}, part)
      case "tool-call":
        this.blocks.push({
          type: own(part)["block"] ?? "tool_use",
          id: part.id,
          name: part.name,
          input: part.params,
          hosted: part.providerExecuted === true
        })
        return
      case "tool-result":
        this.blocks.push({ type: own(part)["block"], id: part.id, content: part.result })
        return
      case "finish": {
        const { container, stopReason, stopSequence } = own(part)
        const { inputTokens, outputTokens } = part.usage
        Object.assign(this.reading, {
          stop: stopReason,
          sequence: stopSequence ?? null,
          container: (container as { readonly id: string } | undefined)?.id,
          inputTokens: inputTokens.total ?? 0,
          uncached: inputTokens.uncached ?? 0,
          cacheRead: inputTokens.cacheRead ?? 0,
          cacheWrite: inputTokens.cacheWrite ?? 0,
          outputTokens: outputTokens.total ?? 0,
          reasoningTokens: outputTokens.reasoning
        })
        return
      }
      default:
        return
    }
  }
}

/** The same of a message of the SDK's. */
const theirs = (message: Message): Reading => ({
  id: message.id,
  model: message.model,
  content: message.content.map((block: Anthropic.Beta.BetaContentBlock | Anthropic.ContentBlock) => {
    switch (block.type) {
      case "text":
        return { type: "text", text: block.text }
      case "thinking":
        return { type: "thinking", text: block.thinking, signature: block.signature }
      case "redacted_thinking":
        return { type: "redacted", text: "", data: block.data }
      case "tool_use":
      case "server_tool_use":
      case "mcp_tool_use":
        return {
          type: block.type,
          id: block.id,
          name: block.name,
          input: block.input,
          hosted: block.type !== "tool_use"
        }
      default:
        return "tool_use_id" in block
          ? { type: block.type, id: block.tool_use_id, content: block.content }
          : { type: "opaque", text: "", raw: { ...block } }
    }
  }),
  citations: message.content.flatMap((block) => (block.type === "text" ? (block.citations ?? []) : [])),
  stop: message.stop_reason,
  sequence: message.stop_sequence ?? null,
  container: message.container?.id,
  inputTokens:
    message.usage.input_tokens +
    (message.usage.cache_creation_input_tokens ?? 0) +
    (message.usage.cache_read_input_tokens ?? 0),
  uncached: message.usage.input_tokens,
  cacheRead: message.usage.cache_read_input_tokens ?? 0,
  cacheWrite: message.usage.cache_creation_input_tokens ?? 0,
  outputTokens: message.usage.output_tokens,
  reasoningTokens: message.usage.output_tokens_details?.thinking_tokens
})

Fixtures.suite("Anthropic's SDK reads the same from", () => {
  for (const fixture of Fixtures.of(codec.api, "stream")) {
    // An error, which it throws; and one that a gateway began twice, which it refuses.
    if (fixture.path.includes("inband-error") || fixture.path.includes("duplicate-message-start")) continue
    it.effect(fixture.path, () =>
      Effect.gen(function* () {
        for (const body of Fixtures.streams(fixture)) {
          const { parts } = yield* decode(codec, [body])
          const message = yield* Effect.promise(() => messageOf(fixture, body))
          assert.deepStrictEqual(new Ours(parts).get(), theirs(message))
        }
      })
    )
  }

  for (const fixture of Fixtures.of(codec.api, "json")) {
    it.effect(fixture.path, () =>
      Effect.gen(function* () {
        const body = Fixtures.read(fixture)
        const parts = Result.getOrThrow(codec.decode(JSON.parse(body)))
        const message = yield* Effect.promise(() => answering(body, "application/json").messages.create(request))
        assert.deepStrictEqual(new Ours(parts).get(), theirs(message))
      })
    )
  }
})

/** What the SDK's user would send back: the message's own content, without what means nothing. */
const givenBack = (message: Message): ReadonlyArray<unknown> =>
  message.content.flatMap((block): ReadonlyArray<object> => {
    const { caller, citations, ...rest } = { caller: undefined, citations: undefined, ...block }
    if (rest.type === "text" && rest.text.trim() === "") return []
    const cites = Array.isArray(citations) && citations.length > 0 ? { citations } : undefined
    const calls = caller === undefined || caller.type === "direct" ? undefined : { caller }
    return [{ ...rest, ...cites, ...calls }]
  })

Fixtures.suite("what Anthropic's SDK would give back in the next turn is what we do, of", () => {
  for (const fixture of Fixtures.of(codec.api, "stream")) {
    if (fixture.path.includes("inband-error") || fixture.path.includes("duplicate-message-start")) continue
    it.effect(fixture.path, () =>
      Effect.gen(function* () {
        for (const body of Fixtures.streams(fixture)) {
          const message = yield* Effect.promise(() => messageOf(fixture, body))
          const expected = givenBack(message)
          const script = scripted(sse([new TextDecoder().decode(body)]), json(anthropic.text("A.")))
          yield* Effect.gen(function* () {
            const chat = yield* Chat.fromPrompt("q")
            yield* Stream.runDrain(chat.streamText({ prompt: [], toolkit, disableToolCallResolution: true }))
            yield* chat.generateText({ prompt: "more" })
            const messages = script.bodies()[1]?.["messages"] as ReadonlyArray<{ readonly content: unknown }>
            if (expected.length > 0) assert.deepStrictEqual(messages[1]?.content, expected)
            else assert.lengthOf(messages, 1)
          }).pipe(Effect.provide(over(script, anthropic.model)))
        }
      })
    )
  }
})
