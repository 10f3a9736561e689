/** A turn sees the tools that a provider runs while it answers, and counts one that it may have run unseen. */
import { assert, describe, it } from "@effect/vitest"
import * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import * as Reason from "@holdfast/core/Reason"
import * as ToolSafety from "@holdfast/core/ToolSafety"
import * as Turn from "@holdfast/core/Turn"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { HostedRuns } from "../src/internal/languageModel/hostedRuns.ts"
import type { Reply } from "./support/scripted.ts"
import { json, once, scripted, sse } from "./support/scripted.ts"
import { anthropic } from "./support/wire.ts"

const Search = Tool.providerDefined({
  id: "anthropic.web_search_20250305",
  customName: "Search",
  providerName: "web_search",
  args: Schema.Struct({ max_uses: Schema.Finite }),
  parameters: Schema.Struct({ query: Schema.String }),
  success: Schema.Array(Schema.Struct({ url: Schema.String, encrypted_content: Schema.String }))
})({ max_uses: 3 })

type Kit = Effect.Effect<Toolkit.WithHandler<{ readonly Search: typeof Search }>>

const unknown: Kit = Toolkit.make(Search)
const declared: Kit = Turn.toolkit(unknown, { Search: "readonly" })

const called = { type: "server_tool_use", id: "srv_1", name: "web_search", input: { query: "q" } }
const found = {
  type: "web_search_tool_result",
  tool_use_id: "srv_1",
  content: [{ type: "web_search_result", url: "https://a.example/", title: "A", encrypted_content: "e" }]
}
const message = { ...(anthropic.text("") as object), content: [] }
const text = { type: "text", text: "A." }
const event = (data: { readonly type: string }) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
const block = (index: number, content_block: object, ...deltas: ReadonlyArray<object>) => [
  { type: "content_block_start", index, content_block },
  ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
  { type: "content_block_stop", index }
]

const answers = (...content: ReadonlyArray<object>) => json({ ...message, content, stop_reason: "end_turn" })
const searched = answers(called, found, text)

const events = [
  { type: "message_start", message },
  ...block(0, { ...called, input: {} }, { type: "input_json_delta", partial_json: '{"query":"q"}' }),
  ...block(1, found),
  ...block(2, { type: "text", text: "" }, { type: "text_delta", text: "A." }),
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 3 } },
  { type: "message_stop" }
].map(event)

const now = Effect.map(Turn.state, Option.getOrThrow)
const replay = Effect.map(Turn.Current, Turn.replayOf)

const generates = (toolkit?: Kit) =>
  toolkit === undefined
    ? Effect.asVoid(LanguageModel.generateText({ prompt: "q" }))
    : Effect.asVoid(LanguageModel.generateText({ prompt: "q", toolkit }))
const streams = (toolkit?: Kit) =>
  toolkit === undefined
    ? Stream.runDrain(LanguageModel.streamText({ prompt: "q" }))
    : Stream.runDrain(LanguageModel.streamText({ prompt: "q", toolkit }))

/** Somebody else's failure, which is no word on ours. */
const unreachable = Failure.make({
  reason: new Reason.ConnectFailure({ host: "a.example", code: "ECONNREFUSED", addresses: [] }),
  evidence: Evidence.unsent,
  declaration: "repeatable",
  candidate: { provider: "openai", model: "gpt-5.5" }
})

/** What the turn knows after a call, however it ended. */
const after = <E>(reply: Reply | undefined, asks: Effect.Effect<unknown, E, LanguageModel.LanguageModel>) =>
  Turn.run(
    Effect.gen(function* () {
      yield* Effect.exit(asks)
      const { replayInvalid, tools } = yield* now
      return { tools, why: replayInvalid?.why }
    })
  ).pipe(Effect.provide(once(reply === undefined ? scripted() : scripted(reply), anthropic.model)))

const none = { begun: 0, finished: 0, interrupted: 0 }
const finished = { begun: 1, finished: 1, interrupted: 0 }
const cutShort = { begun: 1, finished: 0, interrupted: 1 }
const why = Turn.marks.providerTool

describe("a tool that the provider ran", () => {
  it.effect.each([
    ["whole, with the tool in the toolkit", searched, generates(unknown)],
    ["whole, without a toolkit", searched, generates()],
    ["streamed, with the tool in the toolkit", sse(events), streams(unknown)],
    ["streamed, without a toolkit", sse(events), streams()]
  ] as const)("counts as one of which nothing is known: %s", ([, reply, asks]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* after(reply, asks), { tools: finished, why })
    })
  )

  it.effect.each([
    ["whole", searched, generates(declared)],
    ["streamed", sse(events), streams(declared)]
  ] as const)("leaves the turn as it is where the app declares it: %s", ([, reply, asks]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* after(reply, asks), { tools: finished, why: undefined })
    })
  )

  it.effect("was interrupted where the answer broke off before its result", () =>
    Effect.gen(function* () {
      const broken = sse(events).pipe(TestTransport.cut("reset", 4))
      assert.deepStrictEqual(yield* after(broken, streams(unknown)), { tools: cutShort, why })
    })
  )

  it.effect("marks nothing without a turn", () =>
    Effect.gen(function* () {
      yield* streams(unknown)
      assert.deepStrictEqual(yield* Turn.state, Option.none())
    }).pipe(Effect.provide(once(scripted(sse(events)), anthropic.model)))
  )
})

describe("a call that offered such a tool", () => {
  const plain = answers(text)

  it.effect.each([
    ["was answered without it", plain, generates(unknown)],
    ["found nobody listening", TestTransport.refused, generates(unknown)],
    ["found nobody listening, as a stream", TestTransport.refused, streams(unknown)],
    ["was refused unrun by the provider", TestTransport.anthropicError(429), generates(unknown)],
    ["lost an answer without such a tool", TestTransport.lost(), generates()],
    ["lost its answer, though the app declares the tool", TestTransport.lost(), generates(declared)],
    ["was refused as no call at all", undefined, generates(unknown)]
  ] as const)("leaves the turn as it is where it %s", ([, reply, asks]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* after(reply, asks), { tools: none, why: undefined })
    })
  )

  it.effect.each([
    ["lost its answer", TestTransport.lost(), generates(unknown)],
    ["met an overload that tells of no refusal", TestTransport.anthropicError(529), generates(unknown)],
    ["lost its answer, as a stream", TestTransport.lost(), streams(unknown)],
    ["broke off before the tool showed", sse(events).pipe(TestTransport.cut("reset", 1)), streams(unknown)],
    [
      "was not read to its end",
      sse(events),
      Stream.runHead(LanguageModel.streamText({ prompt: "q", toolkit: unknown }))
    ],
    [
      "was read by somebody who failed",
      sse(events),
      Stream.runForEach(LanguageModel.streamText({ prompt: "q", toolkit: unknown }), () => Effect.fail(unreachable))
    ]
  ] as const)("may have run it where it %s", ([, reply, asks]) =>
    Effect.gen(function* () {
      const { why: marked } = yield* after(reply, asks)
      assert.strictEqual(marked, why)
    })
  )

  it.effect.each([
    ["whole", generates(unknown), "invalid"],
    ["streamed", streams(unknown), "invalid"],
    ["without it", generates(), "allowed"]
  ] as const)("may have run it where the app stopped waiting: %s", ([, asks, expected]) =>
    Turn.run(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(asks)
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* replay, expected)
        assert.deepStrictEqual((yield* now).tools, none)
      })
    ).pipe(Effect.provide(once(scripted(TestTransport.silent), anthropic.model)))
  )
})

const watching = (...tools: ReadonlyArray<Tool.Any>) =>
  Effect.map(Turn.make(), (turn) => {
    const runs = new HostedRuns(turn)
    runs.asks(tools)
    return runs
  })

describe("what one run of a method saw", () => {
  const finish = { type: "finish" } as Response.FinishPartEncoded

  it.effect("is nothing more where the answer came to its end", () =>
    Effect.gen(function* () {
      const runs = yield* watching(Search)
      assert.isTrue(runs.ends(undefined))
      runs.sees([finish])
      assert.isFalse(runs.ends(undefined))
    })
  )

  it.effect("is nothing of tools that the app declares, all of them", () =>
    Effect.gen(function* () {
      const harmless = Search.annotate(ToolSafety.Declared, "readonly")
      const lost = Cause.fail(Failure.amend(unreachable, { exposure: "provider-tool" }))
      const all = yield* watching(harmless, harmless)
      assert.deepStrictEqual([all.ends(undefined), all.ends(lost)], [false, false])
      const one = yield* watching(harmless, Search)
      assert.deepStrictEqual([one.ends(undefined), one.ends(lost)], [true, true])
    })
  )

  it.effect("begins anew where the model is asked again", () =>
    Effect.gen(function* () {
      const runs = yield* watching(Search)
      runs.sees([finish])
      runs.asks([Search])
      assert.isTrue(runs.ends(undefined))
    })
  )

  it.effect("is a tool that the failure tells of, though no part showed it and none was offered", () =>
    Effect.gen(function* () {
      const runs = yield* watching()
      const failure = Failure.amend(unreachable, { exposure: "provider-tool" })
      assert.isTrue(runs.ends(Cause.fail(failure)))
      assert.isTrue(runs.ends(Cause.fail(AiErrors.toAiError(failure, "generateText"))))
      assert.isFalse(runs.ends(Cause.fail(unreachable)))
      assert.isFalse(runs.ends(undefined))
    })
  )
})
