/** A turn sees the tools that a model of Holdfast runs for it, by itself: how they begin, and how they end. */
import { assert, describe, it } from "@effect/vitest"
import * as Turn from "@holdfast/core/Turn"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Wrapped from "@holdfast/providers/Wrapped"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { json, once, over, scripted, services, sse } from "./support/scripted.ts"
import { anthropic, openai, wires } from "./support/wire.ts"

const parameters = Schema.Struct({ to: Schema.String })
const Send = Tool.make("send", { parameters, success: Schema.String })
const Look = Tool.make("look", { parameters, success: Schema.String }).annotate(Tool.Readonly, true)
const toolkit = Toolkit.make(Send, Look)
const handlers = toolkit.toLayer({ send: () => Effect.succeed("sent"), look: () => Effect.succeed("seen") })

const now = Effect.map(Turn.state, Option.getOrThrow)

const how = {
  whole: (kit: typeof toolkit) => Effect.asVoid(LanguageModel.generateText({ prompt: "hi", toolkit: kit })),
  streamed: (kit: typeof toolkit) => Stream.runDrain(LanguageModel.streamText({ prompt: "hi", toolkit: kit }))
}
const ways = Object.keys(how) as ReadonlyArray<keyof typeof how>

const failureIn = (error: unknown) => (AiError.isAiError(error) ? AiErrors.failureOf(error) : undefined)

const approved = Prompt.make([
  { role: "user", content: "send" },
  {
    role: "assistant",
    content: [
      { type: "tool-call", id: "call_1", name: "send", params: { to: "them" }, providerExecuted: false },
      { type: "tool-approval-request", approvalId: "approval_1", toolCallId: "call_1" }
    ]
  },
  { role: "tool", content: [{ type: "tool-approval-response", approvalId: "approval_1", approved: true }] }
])

/** Asks with a tool that the user has approved, which runs before anybody is asked. */
const approval = {
  whole: Effect.asVoid(LanguageModel.generateText({ prompt: approved, toolkit })),
  streamed: Stream.runDrain(LanguageModel.streamText({ prompt: approved, toolkit }))
}

describe.each(ways)("the tools of an answer, %s,", (way) => {
  const calling = (wire: (typeof wires)[number], name: "send" | "look") =>
    scripted(
      way === "whole"
        ? json(wire.toolCall("call_1", name, { to: "them" }))
        : sse(wire.toolCallStream("call_1", name, '{"to":', '"them"}'))
    )

  it.effect.each(wires)("mark the turn where nothing says that they may run again ($codec.api)", (wire) => {
    const script = calling(wire, "send")
    return Turn.run(
      Effect.gen(function* () {
        yield* how[way](toolkit)
        assert.deepStrictEqual((yield* now).tools, { begun: 1, finished: 1, interrupted: 0 })
        assert.deepStrictEqual((yield* now).replayInvalid, { why: Turn.marks.tool })
      })
    ).pipe(Effect.provide([once(script, wire.model), handlers]))
  })

  it.effect.each(wires)("leave the turn as it is where they only read ($codec.api)", (wire) => {
    const script = calling(wire, "look")
    return Turn.run(
      Effect.gen(function* () {
        yield* how[way](toolkit)
        assert.deepStrictEqual((yield* now).tools, { begun: 1, finished: 1, interrupted: 0 })
        assert.strictEqual(Turn.replayOf(yield* Turn.Current), "allowed")
      })
    ).pipe(Effect.provide([once(script, wire.model), handlers]))
  })

  it.effect("are recorded once where the app records the toolkit as well, and are what it declares", () => {
    const script = calling(anthropic, "send")
    return Turn.run(
      Effect.gen(function* () {
        const declared = Turn.toolkit(toolkit, { send: "idempotent" }) as typeof toolkit
        yield* how[way](declared)
        assert.deepStrictEqual((yield* now).tools, { begun: 1, finished: 1, interrupted: 0 })
        assert.strictEqual(Turn.replayOf(yield* Turn.Current), "allowed")
      })
    ).pipe(Effect.provide([once(script, anthropic.model), handlers]))
  })

  it.effect("run without a turn as they do with one, and bind nobody", () => {
    const script = calling(anthropic, "send")
    return Effect.gen(function* () {
      yield* how[way](toolkit)
      assert.deepStrictEqual(yield* Turn.state, Option.none())
      assert.isTrue(yield* Turn.run(Turn.mayRunAgain))
    }).pipe(Effect.provide([once(script, anthropic.model), handlers]))
  })

  it.effect("count from the moment they begin, though the app stops waiting", () => {
    const script = calling(anthropic, "send")
    return Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const hanging = toolkit.toLayer({
        send: () => Effect.andThen(Deferred.succeed(started, undefined), Effect.never),
        look: () => Effect.never
      })
      yield* Turn.run(
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(Effect.provide(how[way](toolkit), hanging))
          yield* Deferred.await(started)
          assert.deepStrictEqual((yield* now).tools, { begun: 1, finished: 0, interrupted: 0 })
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual((yield* now).tools, { begun: 1, finished: 0, interrupted: 1 })
          assert.strictEqual(Turn.replayOf(yield* Turn.Current), "invalid")
        })
      )
    }).pipe(Effect.provide(once(script, anthropic.model)))
  })

  it.effect("that were approved beforehand count where the answer after them is refused", () => {
    const script = scripted(json(anthropic.error("overloaded_error"), 529))
    return Turn.run(
      Effect.gen(function* () {
        yield* Effect.flip(approval[way])
        assert.deepStrictEqual((yield* now).tools, { begun: 1, finished: 1, interrupted: 0 })
        assert.strictEqual(Turn.replayOf(yield* Turn.Current), "invalid")
      })
    ).pipe(Effect.provide([once(script, anthropic.model), handlers]))
  })

  it.effect("that were approved beforehand put the turn in its middle: a swap that is denied then stays one", () => {
    const script = scripted(json(anthropic.error("authentication_error"), 401))
    return Turn.run(
      Effect.gen(function* () {
        const error = yield* Effect.flip(approval[way])
        const denied = AiError.isAiError(error) ? AiErrors.swapDeniedOf(error) : undefined
        assert.strictEqual(denied?.moment, "mid")
        assert.strictEqual(denied?.failure._tag, "ReplayUnsafe")
        assert.strictEqual(failureIn(error)?.exposure, "tool-call")
        assert.isFalse(AiError.isAiError(error) && error.isRetryable)
        assert.strictEqual(script.requests.length, 1)
      })
    ).pipe(Effect.provide([over(script, anthropic.model, { fallbacks: [openai.model] }), handlers]))
  })
})

const Sub = Tool.make("sub", { parameters, success: Schema.String, failure: AiError.AiError })

/** One answer that calls two tools. */
const twoCalls = (first: string, second: string): TestTransport.Step => {
  const contents = [first, second].map(
    (name) =>
      (anthropic.toolCall(`call_${name}`, name, { to: "them" }) as { readonly content: ReadonlyArray<object> }).content
  )
  return json({ ...(anthropic.toolCall("", "", {}) as object), content: contents.flat() })
}

/** Never comes back, and tells when it began and that it was interrupted. */
const hanging = Effect.map(Deferred.make<void>(), (started) => {
  const seen: Array<string> = []
  const hang = () =>
    Effect.onInterrupt(Effect.andThen(Deferred.succeed(started, undefined), Effect.never), () =>
      Effect.sync(() => seen.push("interrupted"))
    )
  return { started, seen, hang }
})

describe("a tool that is interrupted because its answer fails", () => {
  it.effect.each([
    ["send", Sub, "invalid"],
    ["look", Sub, "invalid"],
    ["look", Sub.annotate(Tool.Readonly, true), "allowed"]
  ] as const)("by a model that another tool asked is seen, and the failure is Unsafe: %s", ([name, tool, expected]) => {
    const script = scripted(twoCalls(name, "sub"))
    const withSub = Toolkit.make(Send, Look, tool)
    const refused = scripted(json(anthropic.error("authentication_error"), 401))
    return Effect.gen(function* () {
      const { hang, seen, started } = yield* hanging
      const sub = () =>
        Effect.andThen(Deferred.await(started), LanguageModel.generateText({ prompt: "sub" })).pipe(
          Effect.map(({ text }) => text),
          Effect.provide(once(refused, anthropic.model))
        ) as Effect.Effect<string, AiError.AiError>
      yield* Turn.run(
        Effect.gen(function* () {
          const error = yield* Effect.flip(
            LanguageModel.generateText({ prompt: "hi", toolkit: withSub, concurrency: "unbounded" }).pipe(
              Effect.provide(withSub.toLayer({ send: hang, look: hang, sub }))
            )
          )
          assert.strictEqual(failureIn(error)?._tag, "ReplayUnsafe")
          assert.strictEqual(failureIn(error)?.exposure, "tool-call")
          assert.isFalse(AiError.isAiError(error) && error.isRetryable)
          assert.deepStrictEqual(seen, ["interrupted"])
          assert.deepStrictEqual((yield* now).tools, { begun: 2, finished: 1, interrupted: 1 })
          assert.strictEqual(Turn.replayOf(yield* Turn.Current), expected)
          assert.strictEqual(script.requests.length, 1)
        })
      )
    }).pipe(Effect.provide(once(script, anthropic.model)))
  })

  it.effect.each([
    ["send", "invalid"],
    ["look", "allowed"]
  ] as const)("by a stream that breaks off is seen, and the failure is Unsafe: %s", ([name, expected]) =>
    Effect.gen(function* () {
      const { hang, seen, started } = yield* hanging
      const cut = AiError.make({
        module: "Foreign",
        method: "streamText",
        reason: new AiError.InternalProviderError({ description: "gone" })
      })
      const parts: ReadonlyArray<Response.StreamPartEncoded> = [
        { type: "tool-call", id: "call_1", name, params: { to: "them" } },
        { type: "text-start", id: "0" }
      ]
      const theirs = LanguageModel.make({
        generateText: () => Effect.succeed([]),
        streamText: () =>
          Stream.rechunk(Stream.fromIterable(parts), 1).pipe(
            Stream.concat(Stream.fromEffect(Effect.andThen(Deferred.await(started), Effect.fail(cut))))
          )
      })
      const model = Wrapped.layer(Layer.effect(LanguageModel.LanguageModel, theirs), { model: anthropic.model })
      yield* Turn.run(
        Effect.gen(function* () {
          const error = yield* Effect.flip(how.streamed(toolkit)).pipe(
            Effect.provide(toolkit.toLayer({ send: hang, look: hang })),
            Effect.provide(Layer.provide(model, services(scripted())))
          )
          assert.strictEqual(failureIn(error)?._tag, "ReplayUnsafe")
          assert.strictEqual(failureIn(error)?.exposure, "tool-call")
          assert.isFalse(AiError.isAiError(error) && error.isRetryable)
          assert.deepStrictEqual(seen, ["interrupted"])
          assert.deepStrictEqual((yield* now).tools, { begun: 1, finished: 0, interrupted: 1 })
          assert.strictEqual(Turn.replayOf(yield* Turn.Current), expected)
        })
      )
    })
  )
})

describe("a stream of a provider of ours", () => {
  it.effect.each(wires)("begins no tool before it has ended well, wherever it breaks off ($codec.api)", (wire) => {
    const events = wire.toolCallStream("call_1", "send", '{"to":', '"them"}')
    return Effect.gen(function* () {
      for (const ending of ["reset", "clean"] as const) {
        for (let chunks = 0; chunks < events.length; chunks++) {
          const script = scripted(sse(events).pipe(TestTransport.cut(ending, chunks)))
          yield* Turn.run(
            Effect.gen(function* () {
              const error = yield* Effect.flip(how.streamed(toolkit))
              assert.isDefined(failureIn(error), `${ending} after ${chunks}`)
              assert.deepStrictEqual((yield* now).tools, { begun: 0, finished: 0, interrupted: 0 })
              assert.strictEqual(Turn.replayOf(yield* Turn.Current), "allowed")
            })
          ).pipe(Effect.provide([once(script, wire.model), handlers]))
        }
      }
    })
  })
})
