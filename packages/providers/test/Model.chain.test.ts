/** What a chain of models makes of configuration, of prompts that not every model takes, and of what an answer cost. */
import { assert, describe, it } from "@effect/vitest"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Answers from "@holdfast/providers/Answers"
import { Codecs } from "@holdfast/providers/Codecs"
import * as Model from "@holdfast/providers/Model"
import type { ModelFacts } from "@holdfast/providers/ProviderDefinition"
import * as Providers from "@holdfast/providers/Providers"
import * as TestFailover from "@holdfast/testing/TestFailover"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as ResponseIdTracker from "effect/ai/ResponseIdTracker"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { TestClock } from "effect/testing"
import type { Scripted } from "./support/scripted.ts"
import { json, over, scripted, services, settings, sse } from "./support/scripted.ts"
import { anthropic, openai, wires } from "./support/wire.ts"

/** The services of a model, with parts of registry and facts replaced. */
const replaced = (
  script: Scripted,
  registry: Partial<ProviderRegistry["Service"]> | ((own: ProviderRegistry["Service"]) => ProviderRegistry["Service"]),
  facts: Readonly<Record<string, ModelFacts>> = {},
  policy?: FailoverPolicy.Overrides
) => {
  const own = Providers.layer(settings)
  const registries = Layer.effect(
    ProviderRegistry,
    Effect.map(ProviderRegistry, (own) =>
      typeof registry === "function" ? registry(own) : ProviderRegistry.of({ ...own, ...registry })
    )
  )
  const codecs = Layer.effect(
    Codecs,
    Effect.map(Codecs, ({ of }) =>
      Codecs.of({
        of: (candidate) => {
          const spoken = of(candidate)
          return spoken && { ...spoken, facts: { ...spoken.facts, ...facts[candidate.provider] } }
        }
      })
    )
  )
  return Layer.merge(script.layer, TestFailover.layer(policy)).pipe(
    Layer.provideMerge(Layer.mergeAll(Layer.provide(Layer.merge(registries, codecs), own), Telemetry.layer))
  )
}

const hello = LanguageModel.generateText({ prompt: "hi" })

describe("what was asked", () => {
  it.effect("is resolved again for every call, and fails the call when it no longer can be", () => {
    const script = scripted(json(anthropic.text("One.")), json(openai.text("Two.")))
    let model: string | undefined = anthropic.model
    const resolved: Array<unknown> = []
    const base = replaced(script, (own) =>
      ProviderRegistry.of({
        ...own,
        resolve: (asked) => {
          resolved.push(asked)
          return own.resolve({ model: model ?? "nobody/nothing" })
        }
      })
    )
    return Effect.gen(function* () {
      assert.strictEqual((yield* hello).text, "One.")
      model = openai.model
      assert.strictEqual((yield* hello).text, "Two.")
      model = undefined
      const error = yield* Effect.flip(hello)
      assert.strictEqual(AiErrors.invalidInputOf(error)?.problems[0].kind, "UnknownProvider")
      assert.isFalse(error.isRetryable)
      assert.strictEqual(script.requests.length, 2)
      for (const asked of resolved) assert.deepStrictEqual(asked, { model: "chief", agent: "chief", fallbacks: [] })
    }).pipe(Effect.provide(Layer.provideMerge(Model.layer("chief", { agent: "chief", fallbacks: [] }), base)))
  })

  it.effect("is the default agent where nothing is, and the fallbacks that are configured where none are given", () => {
    const asked: Array<unknown> = []
    const base = replaced(scripted(), (own) =>
      ProviderRegistry.of({
        ...own,
        resolve: (said) => {
          asked.push(said)
          return own.resolve({ model: anthropic.model })
        }
      })
    )
    return Effect.gen(function* () {
      yield* Model.make()
      yield* Model.make("chief")
      assert.deepStrictEqual(asked, [{}, { model: "chief" }])
    }).pipe(Effect.provide(base))
  })

  it.effect("fails the layer where it cannot be resolved, with the limits' problems beside it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Model.make("nobody/nothing", { limits: { total: "soon" as never } }))
      assert.deepStrictEqual(
        error.problems.map(({ kind }) => kind),
        ["UnknownProvider", "InvalidOption"]
      )
    }).pipe(Effect.provide(services(scripted())))
  )
})

describe("what is configured", () => {
  it.effect("comes after what the app says: parameters of a model, limits of a provider", () => {
    const script = scripted(json(anthropic.text("One.")))
    const base = replaced(script, (own) =>
      ProviderRegistry.of({
        ...own,
        settings: () => ({ params: { max_tokens: 7, temperature: 0.5 } }),
        provider: (id) =>
          Effect.map(own.provider(id), (provider) => ({
            ...provider,
            limits: { connect: "3 seconds", liveness: "4 seconds", total: "1 minute" }
          }))
      })
    )
    return Effect.gen(function* () {
      yield* hello
      assert.deepInclude(script.bodies()[0], { max_tokens: 7, temperature: 0.1 })
      assert.deepInclude(script.requests[0]?.limits, { connectMs: 3000, livenessMs: 5000, totalMs: 60_000 })
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          Model.layer(anthropic.model, { params: { temperature: 0.1 }, limits: { liveness: "5 seconds" } }),
          base
        )
      )
    )
  })

  it.effect("counts for what a replay would do", () => {
    const script = scripted(json(openai.error("server_error"), 500))
    const base = replaced(script, { settings: () => ({ params: { store: true } }) })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(hello)
      assert.strictEqual(script.requests[0]?.declaration, "changes-state")
      assert.strictEqual(script.requests.length, 1)
      assert.isFalse(error.isRetryable)
    }).pipe(Effect.provide(Layer.provideMerge(Model.layer(openai.model), base)))
  })
})

const Add = Tool.make("add", {
  parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
  success: Schema.Finite
})
const tools = Toolkit.make(Add)

const picture = Prompt.make([
  {
    role: "user",
    content: [
      { type: "text", text: "What is this?" },
      { type: "file", mediaType: "image/png", data: "iVBORw0KGgo=" }
    ]
  }
])

const ask = {
  whole: Effect.asVoid(LanguageModel.generateText({ prompt: picture })),
  streamed: Stream.runDrain(LanguageModel.streamText({ prompt: picture }))
}

describe.each(["whole", "streamed"] as const)("an image, %s,", (method) => {
  const textAlone: ModelFacts = { input: ["text"] }

  it.effect("is refused before anything is sent where the model that is asked takes text alone", () => {
    const script = scripted()
    return Effect.gen(function* () {
      const error = yield* Effect.flip(ask[method])
      const problem = AiErrors.invalidInputOf(error)?.problems[0]
      assert.deepInclude(problem, { kind: "UnsupportedContent", place: "prompt.content[0].content[1]" })
      assert.include(problem?.found, "image/png")
      assert.strictEqual(script.requests.length, 0)
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          Model.layer(anthropic.model, { fallbacks: [openai.model] }),
          replaced(script, {}, { anthropic: textAlone })
        )
      )
    )
  })

  it.effect("passes over a fallback that takes text alone: the failure stays the provider's", () => {
    const script = scripted(json(anthropic.error("authentication_error"), 401))
    const events: Array<TelemetryEvent> = []
    return Effect.gen(function* () {
      yield* (yield* Telemetry.Telemetry).listen((event) => events.push(event))
      const error = yield* Effect.flip(ask[method])
      assert.strictEqual(AiErrors.failureOf(error)?.reason._tag, "AuthenticationFailed")
      assert.strictEqual(script.requests.length, 1)
      const decided = events.findLast((event) => event._tag === "Decided")
      assert.deepInclude(decided?.decision, { _tag: "Surface", why: "chain-exhausted" })
      const skipped = decided !== undefined && "skipped" in decided.decision ? decided.decision.skipped : []
      assert.deepStrictEqual(
        skipped.map(({ candidate, why }) => `${candidate.provider} ${why}`),
        ["openai unsuited"]
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.provideMerge(
          Model.layer(anthropic.model, { fallbacks: [openai.model] }),
          replaced(script, {}, { openai: textAlone })
        )
      )
    )
  })

  it.effect("passes over a fallback whose options its format refuses", () => {
    const script = scripted(json(anthropic.error("authentication_error"), 401))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(ask[method])
      assert.strictEqual(AiErrors.failureOf(error)?.reason._tag, "AuthenticationFailed")
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          Model.layer(anthropic.model, { fallbacks: [openai.model] }),
          replaced(script, (own) =>
            ProviderRegistry.of({
              ...own,
              settings: ({ provider }) => ({ params: provider === "openai" ? { messages: [] } : {} })
            })
          )
        )
      )
    )
  })
})

describe.each(wires)("$codec.api: the cost", (wire) => {
  const price = { input: 5, output: 25, cacheRead: 0.5, source: "https://example.com", asOf: "2026-11-20" }
  const provider = wire.model.split("/")[0] ?? ""

  it.effect("is said of an answer, whole and streamed, where the price is known", () => {
    const script = scripted(json(wire.text("Hello.")), sse(wire.textStream("Hello.")))
    return Effect.gen(function* () {
      // 10 tokens that are not cached, 4 that are, 6 of output.
      const cost = { usd: 0.000202, source: "https://example.com" }
      assert.deepStrictEqual(Answers.cost(yield* hello), cost)
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "hi" }))
      assert.deepStrictEqual(Answers.cost({ content: parts }), cost)
    }).pipe(
      Effect.provide(Layer.provideMerge(Model.layer(wire.model), replaced(script, {}, { [provider]: { price } })))
    )
  })

  it.effect("of a call counts the prompt of the attempt that a hedge was quicker than", () => {
    const slow = TestTransport.delayed({ head: "1 minute" })(sse(wire.textStream("Late.")))
    const script = scripted(slow, sse(wire.textStream("Hello.")))
    const events: Array<TelemetryEvent> = []
    return Effect.gen(function* () {
      yield* (yield* Telemetry.Telemetry).listen((event) => events.push(event))
      const asked = yield* Effect.forkChild(Stream.runDrain(LanguageModel.streamText({ prompt: "hi" })))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(asked)
      const costs = events.flatMap((event) =>
        event._tag === "AttemptSucceeded" || event._tag === "CallSucceeded" ? [event.cost?.usd] : []
      )
      // 10 tokens that are not cached, 4 that are, 6 of output; and the prompt once more.
      assert.deepStrictEqual(costs, [0.000202, 0.000254])
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.provideMerge(
          Model.layer(wire.model),
          replaced(script, {}, { [provider]: { price } }, { hedge: { after: "1 second" } })
        )
      )
    )
  })
})

describe("a conversation", () => {
  it.effect("goes on with another provider, which reads of it what it can", () => {
    const thinking = { type: "thinking", thinking: "Hm.", signature: "c2ln" }
    const script = scripted(
      json({ ...(anthropic.text("") as object), content: [thinking, { type: "text", text: "Yes." }] }),
      json(anthropic.error("authentication_error"), 401),
      json(openai.text("No.")),
      json({ ...(anthropic.text("") as object), content: [thinking, { type: "text", text: "Perhaps." }] })
    )
    return Effect.gen(function* () {
      const chat = yield* Chat.fromPrompt([{ role: "system", content: "Be brief." }])
      yield* chat.generateText({ prompt: "one" })
      yield* chat.generateText({ prompt: "two" })
      yield* chat.generateText({ prompt: "three" })
      const [, refused, crossed, back] = script.bodies().map((body) => JSON.stringify(body))
      assert.include(refused, "c2ln")
      assert.notInclude(crossed, "Hm.")
      assert.include(crossed, "Yes.")
      // What it thought itself it gets back, and what the other said it reads.
      assert.include(back, "c2ln")
      assert.include(back, "No.")
    }).pipe(Effect.provide(over(script, anthropic.model, { fallbacks: [openai.model] })))
  })

  it.effect(
    "goes on with another provider in the middle of a turn, where that is allowed, and runs its tools once",
    () => {
      const thinking = { type: "thinking", thinking: "Hm.", signature: "c2ln" }
      const call = anthropic.toolCall("toolu_1", "add", { a: 2, b: 3 }) as { readonly content: ReadonlyArray<object> }
      const script = scripted(
        json({ ...call, content: [thinking, ...call.content] }),
        json(anthropic.error("authentication_error"), 401),
        json(openai.text("Five."))
      )
      const runs: Array<string> = []
      return Effect.gen(function* () {
        const chat = yield* Chat.empty
        yield* chat.generateText({ prompt: "2 + 3?", toolkit: tools })
        const second = yield* chat.generateText({ prompt: [], toolkit: tools })
        assert.strictEqual(second.text, "Five.")
        assert.deepStrictEqual(runs, ["2 + 3"])
        const crossed = JSON.stringify(script.bodies()[2])
        assert.include(crossed, "toolu_1")
        assert.notInclude(crossed, "Hm.")
        assert.strictEqual(Answers.of(second)?.swap, "AuthenticationFailed")
      }).pipe(
        Effect.provide([
          over(script, anthropic.model, { fallbacks: [openai.model] }, { policy: { swap: { midTurn: "any" } } }),
          tools.toLayer({
            add: ({ a, b }) =>
              Effect.as(
                Effect.sync(() => runs.push(`${a} + ${b}`)),
                a + b
              )
          })
        ])
      )
    }
  )

  it.effect("that is tracked is asked once, in full, however the provider refuses it", () => {
    const refusal = json(anthropic.error("invalid_request_error"), 400)
    const script = scripted(json(anthropic.text("Yes.")), refusal, sse(anthropic.textStream("Yes.")), refusal)
    return Effect.gen(function* () {
      for (const method of ["generateText", "streamText"] as const) {
        const tracker = yield* ResponseIdTracker.make
        const chat = yield* Chat.empty
        const ask = (prompt: string) =>
          (method === "generateText"
            ? Effect.asVoid(chat.generateText({ prompt }))
            : Stream.runDrain(chat.streamText({ prompt }))
          ).pipe(Effect.provideService(ResponseIdTracker.ResponseIdTracker, tracker))
        yield* ask("one")
        const before = script.requests.length
        const error = yield* Effect.flip(ask("two"))
        assert.strictEqual(error.reason._tag, "InvalidRequestError", method)
        assert.strictEqual(script.requests.length, before + 1, "nobody asks a second time")
        assert.include(JSON.stringify(script.bodies().at(-1)), "one")
      }
    }).pipe(Effect.provide(over(script, anthropic.model)))
  })
})
