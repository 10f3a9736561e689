/** Holds and hedges around models that are somebody else's. */
import { assert, describe, it } from "@effect/vitest"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Answers from "@holdfast/providers/Answers"
import * as Wrapped from "@holdfast/providers/Wrapped"
import * as TestFailover from "@holdfast/testing/TestFailover"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import { TestClock } from "effect/testing"
import { fails, foreign, says, streams } from "./support/foreign.ts"

const claude = "anthropic/claude-opus-4-7"
const gpt = "openai/gpt-5.5"

const failover = (overrides?: FailoverPolicy.Overrides) =>
  TestFailover.layer(overrides).pipe(Layer.provideMerge(Telemetry.layer))

const hello = LanguageModel.generateText({ prompt: "hi" })

const textOf = (parts: ReadonlyArray<Response.AnyPart>): string =>
  parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("")

describe("a stream of somebody else's model", () => {
  const refused = new AiError.AuthenticationError({ kind: "InvalidKey" })
  const breaking = fails(refused, ...streams("A", "B").parts.slice(0, -2))
  const other = foreign(streams("Two", " whole."))

  it.effect("that is held back whole is replaced unseen, and says who answers", () =>
    Effect.gen(function* () {
      const content = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "hi" }))
      assert.strictEqual(textOf(content), "Two whole.")
      assert.deepStrictEqual(Answers.of({ content }), {
        requested: claude,
        answered: gpt,
        swap: "AuthenticationFailed"
      })
      const started = content.find(({ type }) => type === "text-start")
      assert.strictEqual(started === undefined ? undefined : Answers.of(started)?.answered, gpt)
    }).pipe(
      Effect.provide(
        Wrapped.layer(foreign(breaking).layer, {
          model: claude,
          declaration: "repeatable",
          fallbacks: [{ layer: other.layer, model: gpt }],
          hold: "whole"
        })
      ),
      Effect.provide(failover())
    )
  )

  it.effect("is not made of a hold that cannot be", () =>
    Effect.gen(function* () {
      const model = Wrapped.layer(foreign().layer, { hold: { bytes: -1 } })
      const error = yield* Effect.flip(Layer.build(model))
      assert.deepStrictEqual(error._tag === "InvalidInput" ? error.problems.map(({ place }) => place) : [], [
        "hold.bytes",
        "model"
      ])
    }).pipe(Effect.scoped, Effect.provide(failover()))
  )
})

const slow = (inner: LanguageModel.LanguageModel, waits: Array<"waited" | "interrupted">) =>
  LanguageModel.LanguageModel.of({
    ...inner,
    // Its overloads cannot be restated here.
    generateText: ((options: never) =>
      waits.push("waited") === 1
        ? Effect.never.pipe(Effect.onInterrupt(() => Effect.sync(() => waits.push("interrupted"))))
        : inner.generateText(options)) as never
  })

describe("a call of somebody else's model", () => {
  const hedged = Effect.fnUntraced(function* (options: { readonly declaration?: "repeatable" }) {
    const waits: Array<"waited" | "interrupted"> = []
    const inner = Layer.effect(
      LanguageModel.LanguageModel,
      Effect.map(foreign(says("Soon.")).model, (inner) => slow(inner, waits))
    )
    const model = Wrapped.layer(inner, { model: claude, limits: { total: "1 minute" }, ...options })
    const asked = yield* Effect.forkChild(Effect.result(Effect.provide(hello, model)))
    yield* TestClock.adjust("2 minutes")
    return { outcome: yield* Fiber.join(asked), waits }
  })

  it.effect("is hedged where the app says that it may be made twice", () =>
    Effect.gen(function* () {
      const { outcome, waits } = yield* hedged({ declaration: "repeatable" })
      assert.strictEqual(outcome._tag === "Success" ? outcome.success.text : outcome, "Soon.")
      assert.deepStrictEqual(waits, ["waited", "waited", "interrupted"])
    }).pipe(Effect.provide(failover({ hedge: { after: "1 second" } })))
  )

  it.effect("is not hedged where nobody says so", () =>
    Effect.gen(function* () {
      const { outcome, waits } = yield* hedged({})
      assert.strictEqual(outcome._tag, "Failure")
      assert.deepStrictEqual(waits, ["waited", "interrupted"])
    }).pipe(Effect.provide(failover({ hedge: { after: "1 second" } })))
  )
})
