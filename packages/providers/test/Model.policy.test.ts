/** What a model makes of holds, of chains that are named for one reason, and of hedges. */
import { assert, describe, it } from "@effect/vitest"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Answers from "@holdfast/providers/Answers"
import * as Configuration from "@holdfast/providers/Configuration"
import * as Model from "@holdfast/providers/Model"
import * as Providers from "@holdfast/providers/Providers"
import * as TestFailover from "@holdfast/testing/TestFailover"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { TestClock } from "effect/testing"
import { json, over, scripted, services, settings, sse } from "./support/scripted.ts"
import { anthropic, openai } from "./support/wire.ts"

/** Each candidate is asked once. */
const once: FailoverPolicy.Overrides = {
  retry: { connection: Schedule.recurs(0), response: Schedule.recurs(0), capacity: Schedule.recurs(0) }
}

const hello = LanguageModel.generateText({ prompt: "hi" })

/** What came of a stream, and what it ended with. */
const streamed = Effect.suspend(() => {
  const content: Array<Response.AnyPart> = []
  return LanguageModel.streamText({ prompt: "hi" }).pipe(
    Stream.runForEach((part) => Effect.sync(() => content.push(part))),
    Effect.result,
    Effect.map((ended) => ({ content, ended }))
  )
})

const textOf = (parts: ReadonlyArray<Response.AnyPart>): string =>
  parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("")

const reasonOf = (error: AiError.AiError): string | undefined => AiErrors.failureOf(error)?.reason._tag

describe("a stream that is held back", () => {
  const cutShort = sse(anthropic.textStream("A", "B").slice(0, -1))
  const fallbacks = [openai.model]
  const held = (bytes: number) =>
    Effect.suspend(() =>
      Effect.provide(streamed, over(script(), anthropic.model, { fallbacks, hold: { bytes } }, { policy: once }))
    )
  const script = () => scripted(cutShort, sse(openai.textStream("Two", " whole.")))

  it.effect("whole is replaced unseen after any part of it, and says who answers", () => {
    const asked = script()
    return Effect.gen(function* () {
      const { content } = yield* streamed
      assert.strictEqual(textOf(content), "Two whole.")
      assert.strictEqual(content[0]?.type, "response-metadata")
      assert.lengthOf(
        content.filter(({ type }) => type === "response-metadata"),
        1
      )
      assert.deepStrictEqual(Answers.of({ content }), {
        requested: anthropic.model,
        answered: openai.model,
        swap: "StreamTruncated"
      })
      for (const part of content) {
        if (part.type === "text-start") assert.strictEqual(Answers.of(part)?.answered, openai.model)
      }
      assert.lengthOf(asked.requests, 2)
    }).pipe(Effect.provide(over(asked, anthropic.model, { fallbacks, hold: "whole" }, { policy: once })))
  })

  it.effect("no further than its first content is not", () => {
    const asked = script()
    return Effect.gen(function* () {
      const { content, ended } = yield* streamed
      assert.strictEqual(textOf(content), "AB")
      assert.strictEqual(ended._tag === "Failure" ? reasonOf(ended.failure) : "", "StreamTruncated")
      assert.lengthOf(asked.requests, 1)
    }).pipe(Effect.provide(over(asked, anthropic.model, { fallbacks }, { policy: once })))
  })

  it.effect("as the policy says, is so where the app does not say otherwise", () =>
    Effect.gen(function* () {
      const policy = { ...once, hold: "whole" as const }
      const byPolicy = Effect.provide(streamed, over(script(), anthropic.model, { fallbacks }, { policy }))
      assert.strictEqual(textOf((yield* byPolicy).content), "Two whole.")
      const hold = { parts: 2 }
      const byApp = Effect.provide(streamed, over(script(), anthropic.model, { fallbacks, hold }, { policy }))
      assert.strictEqual(textOf((yield* byApp).content), "AB")
    })
  )

  it.effect("until so many bytes is given out when its texts have them", () =>
    Effect.gen(function* () {
      assert.strictEqual(textOf((yield* held(2)).content), "AB")
      // What stands around the text is not counted.
      assert.strictEqual(textOf((yield* held(3)).content), "Two whole.")
    })
  )
})

describe("a chain that is named for a reason", () => {
  const tooLong = json(
    anthropic.error("invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
    400
  )
  const swapped = { requested: anthropic.model, answered: openai.model, swap: "ContextOverflow" as const }

  it.effect("is asked for that reason, and the answer says so", () =>
    Effect.gen(function* () {
      const chains = { ContextOverflow: [openai.model] }
      const whole = over(scripted(tooLong, json(openai.text("Long."))), anthropic.model, { chains })
      const response = yield* Effect.provide(hello, whole)
      assert.strictEqual(response.text, "Long.")
      assert.deepStrictEqual(Answers.of(response), swapped)
      const stream = over(scripted(tooLong, sse(openai.textStream("Long."))), anthropic.model, { chains })
      const { content } = yield* Effect.provide(streamed, stream)
      assert.strictEqual(textOf(content), "Long.")
      assert.deepStrictEqual(Answers.of({ content }), swapped)
    })
  )

  it.effect("is not asked for another reason", () => {
    const script = scripted(json(anthropic.error("overloaded_error"), 529))
    return Effect.gen(function* () {
      assert.strictEqual(reasonOf(yield* Effect.flip(hello)), "Overloaded")
      assert.lengthOf(script.requests, 1)
    }).pipe(
      Effect.provide(over(script, anthropic.model, { chains: { ContextOverflow: [openai.model] } }, { policy: once }))
    )
  })

  it.effect("is the app's, where app and policy name one", () => {
    const policy = {
      ...once,
      chains: { ContextOverflow: ["responses/gpt-5.5"], ContentRefused: ["responses/gpt-5.5"] }
    }
    const candidatesOf = (chains: Model.Options["chains"]) => {
      const script = scripted(tooLong, tooLong)
      return Effect.provide(
        Effect.andThen(
          Effect.ignore(hello),
          Effect.sync(() => script.requests.map(({ candidate }) => candidate.provider))
        ),
        over(script, anthropic.model, chains === undefined ? {} : { chains }, { policy })
      )
    }
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* candidatesOf(undefined), ["anthropic", "responses"])
      assert.deepStrictEqual(yield* candidatesOf({ ContextOverflow: [openai.model] }), ["anthropic", "openai"])
      assert.deepStrictEqual(yield* candidatesOf({ ContextOverflow: [] }), ["anthropic"])
      assert.deepStrictEqual(yield* candidatesOf({ ModelNotFound: [openai.model] }), ["anthropic", "responses"])
    })
  })

  it.effect("may be of models that are not allowed to be asked for, as fallbacks may", () => {
    const configuration = Result.getOrThrow(Configuration.decode({ allow: ["anthropic/*"] }, "holdfast.json5"))
    const limited = { providers: { ...settings, configuration } }
    const chains = { ContextOverflow: [openai.model] }
    return Effect.gen(function* () {
      const byApp = over(scripted(tooLong, json(openai.text("Long."))), anthropic.model, { chains }, limited)
      assert.deepStrictEqual(Answers.of(yield* Effect.provide(hello, byApp)), swapped)
      const byPolicy = over(
        scripted(tooLong, json(openai.text("Long."))),
        anthropic.model,
        {},
        { ...limited, policy: { chains } }
      )
      assert.deepStrictEqual(Answers.of(yield* Effect.provide(hello, byPolicy)), swapped)
      const asked = yield* Effect.flip(Effect.provide(hello, over(scripted(), openai.model, {}, limited)))
      assert.strictEqual(isInvalidInput(asked) ? asked.problems[0].kind : asked, "ModelNotAllowed")
    })
  })

  it.effect("stands behind an agent, with and without a model, and has no more than it names", () =>
    Effect.gen(function* () {
      const agents = { chief: { primary: "responses/gpt-5.5", fallbacks: [anthropic.model] } }
      const configuration = Result.getOrThrow(Configuration.decode({ agents }, "holdfast.json5"))
      const askedBy = (model: string | undefined, options: Model.Options) => {
        const script = scripted(tooLong, tooLong, tooLong)
        const layer = Layer.provideMerge(
          Model.layer(model, { ...options, fallbacks: [], chains: { ContextOverflow: [openai.model] } }),
          services(script, { providers: { ...settings, configuration }, policy: { swap: { start: "any" } } })
        )
        return Effect.andThen(
          Effect.ignore(Effect.provide(hello, layer)),
          Effect.sync(() => script.requests.map(({ candidate }) => candidate.provider))
        )
      }
      assert.deepStrictEqual(yield* askedBy(anthropic.model, { agent: "chief" }), ["anthropic", "openai"])
      assert.deepStrictEqual(yield* askedBy("chief", {}), ["responses", "openai"])
      assert.deepStrictEqual(yield* askedBy(undefined, { agent: "chief" }), ["responses", "openai"])
    })
  )

  it.effect("goes on without a model whose key is missing", () => {
    const chains = { ContextOverflow: ["groq/llama-3.3-70b-versatile", openai.model] }
    const script = scripted(tooLong, json(openai.text("Long.")))
    return Effect.gen(function* () {
      assert.deepStrictEqual(Answers.of(yield* hello), swapped)
      assert.lengthOf(script.requests, 2)
    }).pipe(
      Effect.provide(over(script, anthropic.model, { chains })),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} })))
    )
  })
})

describe("a model", () => {
  it.effect("is not made of a hold and of names that cannot be, and says so of all of them", () => {
    const policy = { chains: { ContextOverflow: ["nobody/a"], ModelNotFound: [openai.model, "nobody/b"] } }
    return Effect.gen(function* () {
      const error = yield* Effect.flip(
        Model.make("nobody/nothing", {
          hold: { parts: 0 },
          chains: { ContextOverflow: ["nobody/c"], ContentRefused: [anthropic.model, "no model"] }
        })
      )
      assert.deepStrictEqual(
        isInvalidInput(error) ? error.problems.map(({ place }) => place) : [],
        // The policy's own for the context are not asked, because the app names others.
        [
          "model",
          "hold.parts",
          "chains.ContextOverflow[0]",
          "chains.ContentRefused[1]",
          "policy.chains.ModelNotFound[1]"
        ]
      )
    }).pipe(Effect.provide(services(scripted(), { policy })))
  })
})

/** Runs a call of which the first attempt is slow; gives what came, and what became of the attempts. */
const hedged = <A>(
  call: Effect.Effect<A, AiError.AiError, LanguageModel.LanguageModel>,
  after: "2 seconds" | "p95",
  options: Model.Options = {}
) => {
  const late = TestTransport.delayed({ head: "1 minute" })(TestTransport.anthropicText("late"))
  const base = Layer.merge(
    TestTransport.layer([late, TestTransport.anthropicText("soon")]),
    TestFailover.layer({ hedge: { after } })
  ).pipe(Layer.provideMerge(Layer.mergeAll(Providers.layer(settings), Telemetry.layer)))
  return Effect.gen(function* () {
    const { attempts } = yield* TestTransport.TestTransport
    const asked = yield* Effect.forkChild(Effect.provide(call, Model.layer(anthropic.model, options)))
    yield* TestClock.adjust("2 seconds")
    const sent = (yield* attempts).length
    yield* TestClock.adjust("1 minute")
    const value = yield* Fiber.join(asked)
    return { value, sent, outcomes: (yield* attempts).map(({ outcome }) => outcome._tag) }
  }).pipe(Effect.provide(base))
}

describe("a call that is hedged", () => {
  it.effect("is answered by who is first, and the other attempt is ended on the wire", () =>
    Effect.gen(function* () {
      const { outcomes, sent, value } = yield* hedged(hello, "2 seconds")
      assert.strictEqual(value.text, "soon")
      assert.deepStrictEqual([sent, ...outcomes], [2, "Aborted", "Complete"])
      assert.isUndefined(Answers.of(value)?.swap)
    })
  )

  it.effect("streams from who is first", () =>
    Effect.gen(function* () {
      const { outcomes, value } = yield* hedged(streamed, "2 seconds")
      assert.strictEqual(textOf(value.content), "soon")
      assert.deepStrictEqual(outcomes, ["Aborted", "Complete"])
    })
  )

  it.effect("is not, as long as too little is known of the model", () =>
    Effect.gen(function* () {
      const { outcomes, value } = yield* hedged(hello, "p95")
      assert.strictEqual(value.text, "late")
      assert.deepStrictEqual(outcomes, ["Complete"])
    })
  )

  it.effect("is none that may not be made twice", () => {
    const Search = Tool.providerDefined({
      id: "anthropic.web_search_20250305",
      customName: "AnthropicWebSearch",
      providerName: "web_search",
      success: Schema.Unknown
    })
    const call = LanguageModel.generateText({ prompt: "hi", toolkit: Toolkit.make(Search(undefined)) })
    return Effect.gen(function* () {
      const { outcomes, value } = yield* hedged(call, "2 seconds")
      assert.strictEqual(value.text, "late")
      assert.deepStrictEqual(outcomes, ["Complete"])
    })
  })

  it.effect("is none that matters where it may go on to", () =>
    Effect.gen(function* () {
      // The Responses API alone keeps state for it.
      const params = { background: true }
      const elsewhere: ReadonlyArray<Model.Options> = [
        { fallbacks: ["responses/gpt-5.5"] },
        { chains: { ContextOverflow: ["responses/gpt-5.5"] } }
      ]
      for (const options of elsewhere) {
        assert.strictEqual((yield* hedged(hello, "2 seconds", { params, ...options })).value.text, "late")
      }
      assert.strictEqual((yield* hedged(hello, "2 seconds", { params })).value.text, "soon")
    })
  )
})
