import { assert, describe, it } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import * as ReplaySafety from "@holdfast/core/ReplaySafety"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import type { Reply } from "./support/scripted.ts"
import { json, once, scripted, sse } from "./support/scripted.ts"
import type { Wire } from "./support/wire.ts"
import { anthropic, wires } from "./support/wire.ts"

const Pay = Tool.make("pay", { parameters: Schema.Struct({ to: Schema.String }), success: Schema.String })
const Sub = Tool.make("sub", {
  parameters: Schema.Struct({ to: Schema.String }),
  success: Schema.String,
  failure: Schema.Union([AiError.AiError, Failure.Failure])
})
const payment = Toolkit.make(Pay)
const both = Toolkit.make(Pay, Sub)

const approved = Prompt.make([
  { role: "user", content: [{ type: "text", text: "pay" }] },
  {
    role: "assistant",
    content: [
      { type: "tool-call", id: "call_1", name: "pay", params: { to: "them" }, providerExecuted: false },
      { type: "tool-approval-request", approvalId: "approval_1", toolCallId: "call_1" }
    ]
  },
  { role: "tool", content: [{ type: "tool-approval-response", approvalId: "approval_1", approved: true }] }
])

const refusedBy = (wire: Wire): Reply => json(wire.error("authentication_error"), 401)

/** Counts how often the money went out. */
const counter = () => {
  const paid: Array<string> = []
  const pay = ({ to }: { readonly to: string }) =>
    Effect.sync(() => {
      paid.push(to)
      return "paid"
    })
  return { paid, pay }
}

/** Every way in which an app may ask again, by the library's own word that it is safe. */
const again: ReadonlyArray<
  readonly [string, <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<unknown, unknown, R>]
> = [
  ["unwrap and retryWhenSafe", (self) => self.pipe(AiErrors.unwrap, ReplaySafety.retryWhenSafe(Schedule.recurs(2)))],
  [
    "unwrap and orElseWhenSafe",
    (self) =>
      self.pipe(
        AiErrors.unwrap,
        ReplaySafety.orElseWhenSafe(() => self)
      )
  ],
  [
    "unwrap, assumeRepeatable and retryWhenSafe",
    (self) => self.pipe(AiErrors.unwrap, ReplaySafety.assumeRepeatable, ReplaySafety.retryWhenSafe(Schedule.recurs(2)))
  ],
  [
    "isRetryable",
    (self) => Effect.retry(self, { while: (error) => AiError.isAiError(error) && error.isRetryable, times: 2 })
  ]
]

const failureIn = (error: unknown): Failure.Failure | undefined =>
  AiError.isAiError(error) ? AiErrors.failureOf(error) : Failure.isFailure(error) ? error : undefined

/** Nothing that can be asked again, however it is looked at. */
const assertFinal = (error: unknown): void => {
  const failure = failureIn(error)
  assert.strictEqual(failure?._tag, "ReplayUnsafe")
  assert.strictEqual(failure?.reason._tag, "AuthenticationFailed")
  assert.strictEqual(failure?.exposure, "tool-call")
  if (AiError.isAiError(error)) {
    assert.strictEqual(error.reason._tag, "AuthenticationError")
    assert.isFalse(error.isRetryable)
    assert.deepInclude("metadata" in error.reason ? error.reason.metadata["holdfast"] : undefined, {
      verdict: "Unsafe",
      rule: "exposed"
    })
  }
}

describe.each(again)("under %s", (_, ask) => {
  describe.each(wires)("($codec.api)", (wire) => {
    it.effect.each([
      ["whole", Effect.asVoid(LanguageModel.generateText({ prompt: approved, toolkit: payment }))],
      ["as a stream", Stream.runDrain(LanguageModel.streamText({ prompt: approved, toolkit: payment }))]
    ] as const)("a tool approved beforehand runs once where the answer after it is refused, %s", ([how, program]) => {
      const { paid, pay } = counter()
      const answer = how === "whole" ? json(wire.text("Paid.")) : sse(wire.textStream("Paid."))
      const script = scripted(refusedBy(wire), refusedBy(wire), answer)
      return Effect.gen(function* () {
        const error = yield* Effect.flip(ask(program))
        assert.deepStrictEqual(paid, ["them"])
        assert.strictEqual(script.requests.length, 1)
        assertFinal(error)
      }).pipe(Effect.provide([once(script, wire.model), payment.toLayer({ pay })]))
    })

    it.effect("a call refused before any tool is asked again, if anything is worth retrying", () => {
      const { paid, pay } = counter()
      const script = scripted(json(wire.error("rate_limit_error"), 429), json(wire.text("Nothing to pay.")))
      return Effect.gen(function* () {
        yield* ask(LanguageModel.generateText({ prompt: "hi", toolkit: payment }))
        assert.strictEqual(script.requests.length, 2)
        assert.deepStrictEqual(paid, [])
      }).pipe(Effect.provide([once(script, wire.model), payment.toLayer({ pay })]))
    })
  })

  it.effect.each([
    ["an AiError", <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, unknown, R> => self],
    ["a failure", AiErrors.unwrap]
  ] as const)("a tool runs once where the model that another tool asked is refused, which is %s", ([, raise]) => {
    const { paid, pay } = counter()
    const call = twoCalls("pay", "sub")
    const script = scripted(call, call, call)
    const refused = scripted(refusedBy(anthropic), refusedBy(anthropic), refusedBy(anthropic))
    const sub = () =>
      LanguageModel.generateText({ prompt: "sub" }).pipe(
        Effect.map(({ text }) => text),
        raise,
        Effect.provide(once(refused, anthropic.model))
      ) as Effect.Effect<string, AiError.AiError | Failure.Failure>
    return Effect.gen(function* () {
      const error = yield* Effect.flip(ask(LanguageModel.generateText({ prompt: "hi", toolkit: both })))
      assert.deepStrictEqual(paid, ["them"])
      assert.strictEqual(script.requests.length, 1)
      assert.strictEqual(refused.requests.length, 1)
      assertFinal(error)
    }).pipe(Effect.provide([once(script, anthropic.model), both.toLayer({ pay, sub })]))
  })
})

/** One answer that calls two tools. */
const twoCalls = (...names: readonly [string, string]): Reply => {
  const [first, second] = names.map(
    (name) => anthropic.toolCall(`call_${name}`, name, { to: "them" }) as { readonly content: ReadonlyArray<unknown> }
  )
  return json({ ...first, content: [...(first?.content ?? []), ...(second?.content ?? [])] })
}
