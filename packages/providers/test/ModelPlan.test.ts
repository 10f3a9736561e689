/** Models as steps of an `ExecutionPlan`: what moves on to the next step, what ends the plan, and what the answer says. */
import { assert, describe, it } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as ReplaySafety from "@holdfast/core/ReplaySafety"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import { isSwapDenied } from "@holdfast/core/SwapDenied"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Turn from "@holdfast/core/Turn"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Answers from "@holdfast/providers/Answers"
import { Codecs } from "@holdfast/providers/Codecs"
import * as Model from "@holdfast/providers/Model"
import * as ModelCalls from "@holdfast/providers/ModelCalls"
import * as ModelPlan from "@holdfast/providers/ModelPlan"
import * as TestTransport from "@holdfast/testing/TestTransport"
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as ExecutionPlan from "effect/ExecutionPlan"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as AiModel from "effect/ai/Model"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { TestClock } from "effect/testing"
import type { Scripted } from "./support/scripted.ts"
import { json, scripted, services, sse } from "./support/scripted.ts"
import { anthropic, openai } from "./support/wire.ts"

const models: Arr.NonEmptyReadonlyArray<string> = [anthropic.model, openai.model]

const over = (script: Scripted, policy: FailoverPolicy.Overrides = {}) => Effect.provide(services(script, { policy }))

/** No codec knows whether a call may be made twice. */
const undeclared = (script: Scripted) =>
  Layer.provideMerge(
    Layer.effect(
      Codecs,
      Effect.map(Codecs, ({ of }) =>
        Codecs.of({
          of: (candidate) => {
            const spoken = of(candidate)
            return spoken && { ...spoken, codec: { ...spoken.codec, declare: () => "unknown" as const } }
          }
        })
      )
    ),
    services(script)
  )

const planned = (options?: ModelPlan.Options, named = models) =>
  Effect.flatMap(ModelPlan.make(named, options), (plan) =>
    ModelCalls.generateText({ prompt: "hi" }).pipe(ModelPlan.run(plan))
  )

const streamed = (options?: ModelPlan.Options) =>
  Stream.unwrap(
    Effect.map(ModelPlan.make(models, options), (plan) =>
      ModelCalls.streamText({ prompt: "hi" }).pipe(ModelPlan.stream(plan))
    )
  )

const textOf = (parts: ReadonlyArray<{ readonly type: string; readonly delta?: string }>) =>
  parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("")

const calls = (wire: typeof anthropic) => json(wire.toolCall("call_1", "send", { to: "them" }))

const half = () => TestTransport.cut("reset", 3)(sse(anthropic.textStream("Hel", "lo.")))

/** The same models as a plan of effect's own, as one would write it. */
const naivePlan = (guarded: boolean) => {
  const guard = guarded
    ? { while: (error: unknown) => !(Failure.isFailure(error) && Failure.isReplayUnsafe(error)) }
    : undefined
  return ExecutionPlan.make(
    { provide: Model.layer(anthropic.model, { fallbacks: [], params: { mcp_servers: [] } }), attempts: 1, ...guard },
    { provide: Model.layer(openai.model, { fallbacks: [] }), attempts: 1 }
  )
}

const asked = (script: Scripted) => script.requests.map(({ candidate }) => candidate.provider)

const tagsOf = (failure: Failure.Failure) => failure.attempts.map(({ attempt, reason }) => [attempt, reason._tag])

describe("a plan of models", () => {
  it.effect("asks the first, and nobody else where it answers", () => {
    const script = scripted(json(anthropic.text("Hello.")))
    return Effect.gen(function* () {
      const response = yield* planned()
      assert.strictEqual(response.text, "Hello.")
      assert.deepStrictEqual(Answers.of(response), {
        requested: anthropic.model,
        answered: anthropic.model,
        swap: undefined
      })
      assert.deepStrictEqual(asked(script), ["anthropic"])
    }).pipe(over(script))
  })

  it.effect("goes on where the call is proven not to have run, and says who answers", () => {
    const script = scripted(TestTransport.refused, json(openai.text("Hello from GPT.")))
    return Effect.gen(function* () {
      const swaps: Array<unknown> = []
      const telemetry = yield* Telemetry.Telemetry
      const events: Array<TelemetryEvent> = []
      yield* telemetry.listen((event) => {
        events.push(event)
      })
      const response = yield* planned({
        onSwap: ({ answered, failed, requested, swap }) =>
          Effect.sync(() => swaps.push([requested.provider, answered.provider, swap?.why, failed.length]))
      })
      assert.strictEqual(response.text, "Hello from GPT.")
      assert.deepStrictEqual(Answers.of(response), {
        requested: anthropic.model,
        answered: openai.model,
        swap: "ConnectFailure"
      })
      assert.deepStrictEqual(swaps, [["anthropic", "openai", "ConnectFailure", 1]])
      assert.lengthOf(
        events.filter(({ _tag }) => _tag === "Swapped"),
        1
      )
      assert.deepStrictEqual(asked(script), ["anthropic", "openai"])
    }).pipe(Effect.scoped, over(script))
  })

  it.effect("goes on where a call that may have run is repeatable", () => {
    const script = scripted(TestTransport.lost(), json(openai.text("Hello from GPT.")))
    return Effect.gen(function* () {
      assert.strictEqual((yield* planned()).text, "Hello from GPT.")
      assert.deepStrictEqual(asked(script), ["anthropic", "openai"])
    }).pipe(over(script))
  })

  it.effect("ends where nobody knows whether a call that may have run is repeatable", () => {
    const script = scripted(TestTransport.lost())
    return Effect.gen(function* () {
      const error = yield* Effect.flip(planned())
      assert.strictEqual(error._tag, "ReplayAmbiguous")
      assert.deepStrictEqual(asked(script), ["anthropic"])
    }).pipe(Effect.provide(undeclared(script)))
  })

  it.effect("goes on where the app says that it is repeatable", () => {
    const script = scripted(TestTransport.lost(), json(openai.text("Hello from GPT.")))
    return Effect.gen(function* () {
      const plan = yield* ModelPlan.make(models)
      const response = yield* ModelCalls.generateText({ prompt: "hi" }).pipe(
        ReplaySafety.assumeRepeatable,
        ModelPlan.run(plan)
      )
      assert.strictEqual(response.text, "Hello from GPT.")
    }).pipe(Effect.provide(undeclared(script)))
  })

  it.effect("ends where the provider may have run a tool", () => {
    const script = scripted(TestTransport.lost())
    return Effect.gen(function* () {
      const error = yield* Effect.flip(planned({ params: { mcp_servers: [] } }))
      assert.strictEqual(error._tag, "ReplayUnsafe")
      assert.deepStrictEqual(asked(script), ["anthropic"])
    }).pipe(over(script))
  })

  it.effect("ends where the time of a call is up", () => {
    const script = scripted(TestTransport.silent)
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(planned({ limits: { total: "5 seconds" } })), {
        startImmediately: true
      })
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(Failure.isFailure(error) && error.reason._tag, "TotalTimeout")
      assert.deepStrictEqual(asked(script), ["anthropic"])
    }).pipe(over(script))
  })

  it.effect("ends with input that cannot be used, before anything is sent", () => {
    const script = scripted(TestTransport.refused)
    const picture = Prompt.make([
      { role: "user", content: [{ type: "file", mediaType: "video/mp4", data: new Uint8Array([1]) }] }
    ])
    return Effect.gen(function* () {
      const plan = yield* ModelPlan.make(models)
      const error = yield* Effect.flip(ModelCalls.generateText({ prompt: picture }).pipe(ModelPlan.run(plan)))
      assert.strictEqual(error._tag, "InvalidInput", "the model that was asked for cannot take it either")
      assert.lengthOf(script.requests, 0)
    }).pipe(over(script))
  })

  it.effect("ends with defects and with errors that are nobody's failure, whatever they are of", () =>
    Effect.gen(function* () {
      const script = scripted()
      yield* Effect.gen(function* () {
        const plan = yield* ModelPlan.make(models)
        let runs = 0
        const failing = <E>(fails: Effect.Effect<never, E>) =>
          Effect.exit(
            ModelPlan.run(plan)(
              Effect.andThen(
                LanguageModel.LanguageModel,
                Effect.suspend(() => (runs++, fails))
              )
            )
          )
        assert.isTrue((yield* failing(Effect.die("broken")))._tag === "Failure")
        assert.isTrue((yield* failing(Effect.fail("no failure of a call")))._tag === "Failure")
        assert.isTrue((yield* failing(Effect.interrupt))._tag === "Failure")
        assert.strictEqual(runs, 3)
      }).pipe(over(script))
    })
  )

  it.effect("that is exhausted fails with all attempts and the worst of their verdicts", () => {
    const script = scripted(TestTransport.lost(), TestTransport.refused)
    return Effect.gen(function* () {
      const error = yield* Effect.flip(planned())
      assert.isTrue(Failure.isFailure(error))
      if (!Failure.isFailure(error)) return
      assert.strictEqual(error._tag, "ReplayAmbiguous", "a replay of the plan replays the first attempt, too")
      assert.strictEqual(error.candidate.provider, "openai")
      assert.deepStrictEqual(tagsOf(error), [
        [1, "ConnectionLost"],
        [2, "ConnectFailure"]
      ])
    }).pipe(over(script))
  })

  it.effect("makes one attempt a step: no repair, no schedule, no chain of its own", () => {
    const script = scripted(TestTransport.stale(), TestTransport.anthropicError(529))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(planned({}, [anthropic.model, "anthropic/claude-opus-4-6"]))
      assert.isTrue(Failure.isFailure(error))
      assert.lengthOf(script.requests, 2)
    }).pipe(over(script, { chains: { ModelNotFound: [openai.model] }, hedge: { after: 1 } }))
  })

  it.effect("tells the steps' names, and starts at the first again for each run", () => {
    const script = scripted(TestTransport.refused, json(openai.text("Two.")), json(anthropic.text("One.")))
    return Effect.gen(function* () {
      const plan = yield* ModelPlan.make(models)
      const once = Effect.andThen(
        LanguageModel.generateText({ prompt: "hi" }),
        Effect.all([AiModel.ProviderName, AiModel.ModelName])
      ).pipe(ModelPlan.run(plan))
      assert.deepStrictEqual(yield* once, ["openai", "gpt-5.5"])
      assert.deepStrictEqual(yield* once, ["anthropic", "claude-opus-4-7"])
    }).pipe(over(script))
  })

  it.effect("pays for a second step at one provider from its retry budget", () =>
    Effect.gen(function* () {
      for (const floorPerSecond of [0.1, 0]) {
        const script = scripted(TestTransport.refused, json(anthropic.text("Again.")))
        const readings = yield* Effect.gen(function* () {
          const exit = yield* Effect.exit(planned({}, [anthropic.model, "anthropic/claude-opus-4-6"]))
          assert.strictEqual(exit._tag, floorPerSecond === 0 ? "Failure" : "Success")
          return (yield* RetryBudget).snapshot().map(({ calls, taken }) => [calls, taken])
        }).pipe(Effect.provide(RetryBudget.layer({ ratio: 0, floorPerSecond })), over(script))
        assert.deepStrictEqual(readings, [[1, floorPerSecond === 0 ? 0 : 1]])
        assert.lengthOf(script.requests, floorPerSecond === 0 ? 1 : 2)
      }
    })
  )

  it.effect("does not wait for a model that cools down while another step is left", () => {
    const script = scripted(
      json(anthropic.error("authentication_error"), 401),
      json(openai.text("Two.")),
      json(openai.text("Three."))
    )
    return Effect.gen(function* () {
      assert.strictEqual((yield* planned()).text, "Two.")
      assert.strictEqual((yield* planned()).text, "Three.")
      assert.deepStrictEqual(asked(script), ["anthropic", "openai", "openai"])
    }).pipe(Effect.provide(Layer.provide(ProviderHealth.layer(), Telemetry.layer)), over(script))
  })

  it.effect("serves several runs at once, each with its own steps", () => {
    const byProvider = TestTransport.layer({
      anthropic: [TestTransport.refused, json(anthropic.text("One."))],
      openai: [json(openai.text("Two."))]
    })
    return Effect.gen(function* () {
      const plan = yield* ModelPlan.make(models)
      const hello = ModelCalls.generateText({ prompt: "hi" }).pipe(ModelPlan.run(plan))
      const answers = yield* Effect.all([hello, hello], { concurrency: 2 })
      assert.deepStrictEqual(
        answers.map((answer) => [answer.text, Answers.of(answer)?.swap]),
        [
          ["Two.", "ConnectFailure"],
          ["One.", undefined]
        ]
      )
    }).pipe(Effect.provide(byProvider), over(scripted()))
  })

  it.effect("is not made of models that cannot be resolved, and says so of all of them", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        ModelPlan.make(["nobody/nothing", anthropic.model, "no model"], { limits: { total: "soon" as never } })
      )
      assert.deepStrictEqual(
        error.problems.map(({ kind, place }) => [kind, place]),
        [
          ["UnknownProvider", "models[0]"],
          ["UnknownModel", "models[2]"],
          ["InvalidOption", "limits.total"]
        ]
      )
    }).pipe(over(scripted()))
  )
})

describe("the swap rule", () => {
  const midTurn = Prompt.make([
    { role: "user", content: "2 + 3?" },
    {
      role: "assistant",
      content: [{ type: "tool-call", id: "call_1", name: "add", params: {}, providerExecuted: false }]
    },
    { role: "tool", content: [{ type: "tool-result", id: "call_1", name: "add", isFailure: false, result: 5 }] }
  ])

  it.effect("holds in the middle of a turn: the next model is not asked", () => {
    const script = scripted(TestTransport.refused)
    return Effect.gen(function* () {
      const plan = yield* ModelPlan.make(models)
      const error = yield* Effect.flip(ModelCalls.generateText({ prompt: midTurn }).pipe(ModelPlan.run(plan)))
      assert.isTrue(isSwapDenied(error))
      if (!isSwapDenied(error)) return
      assert.deepStrictEqual(
        error.denied.map(({ provider }) => provider),
        ["openai"]
      )
      assert.strictEqual(error.failure.reason._tag, "ConnectFailure")
      assert.deepStrictEqual(asked(script), ["anthropic"])
    }).pipe(over(script))
  })

  it.effect("passes over whom it does not allow, for a closer one behind", () => {
    const script = scripted(TestTransport.refused, json(anthropic.text("Opus.")))
    return Effect.gen(function* () {
      const plan = yield* ModelPlan.make([anthropic.model, openai.model, "anthropic/claude-opus-4-6"])
      const response = yield* ModelCalls.generateText({ prompt: midTurn }).pipe(ModelPlan.run(plan))
      assert.strictEqual(Answers.of(response)?.answered, "anthropic/claude-opus-4-6")
      assert.deepStrictEqual(asked(script), ["anthropic", "anthropic"])
    }).pipe(over(script))
  })

  it.effect(
    "is counted from the model that has answered in the turn, which a run asks for again after the first",
    () => {
      const script = scripted(
        TestTransport.refused,
        json(openai.text("One.")),
        TestTransport.refused,
        json(openai.text("Two."))
      )
      return Turn.run(
        Effect.gen(function* () {
          assert.strictEqual((yield* planned()).text, "One.")
          assert.strictEqual((yield* planned()).text, "Two.")
          assert.deepStrictEqual(asked(script), ["anthropic", "openai", "anthropic", "openai"])
        })
      ).pipe(over(script))
    }
  )

  it.effect("that asks the app heeds its answer", () =>
    Effect.gen(function* () {
      for (const wanted of [true, false]) {
        const script = scripted(TestTransport.refused, json(openai.text("Hello from GPT.")))
        const proposed: Array<string> = []
        const ask: FailoverPolicy.Overrides = {
          swap: {
            start: {
              ask: ({ failure, from, to }) => {
                proposed.push(`${from.model} -> ${to.model}: ${failure?.reason._tag}`)
                return wanted ? Effect.succeed(true) : Effect.fail("no")
              }
            }
          }
        }
        const exit = yield* Effect.exit(planned()).pipe(over(script, ask))
        assert.strictEqual(exit._tag, wanted ? "Success" : "Failure")
        assert.deepStrictEqual(proposed, ["claude-opus-4-7 -> gpt-5.5: ConnectFailure"])
        assert.lengthOf(script.requests, wanted ? 2 : 1)
      }
    })
  )
})

describe("an effect of several parts", () => {
  const Send = Tool.make("send", { parameters: Schema.Struct({ to: Schema.String }), success: Schema.String })
  const toolkit = Toolkit.make(Send)

  it.effect("is not made again once a call of it was answered", () => {
    const script = scripted(json(anthropic.text("One.")), TestTransport.refused)
    return Effect.gen(function* () {
      const plan = yield* ModelPlan.make(models)
      const two = Effect.andThen(
        ModelCalls.generateText({ prompt: "first" }),
        ModelCalls.generateText({ prompt: "second" })
      )
      const error = yield* Effect.flip(two.pipe(ModelPlan.run(plan)))
      assert.strictEqual(error._tag, "ReplaySafe")
      assert.deepStrictEqual(asked(script), ["anthropic", "anthropic"])
    }).pipe(over(script))
  })

  it.effect("is not made again once it did something in the turn", () => {
    const script = scripted(TestTransport.refused)
    return Effect.gen(function* () {
      const plan = yield* ModelPlan.make(models)
      let sent = 0
      const both = Effect.andThen(Turn.sideEffect(Effect.sync(() => sent++)), ModelCalls.generateText({ prompt: "hi" }))
      yield* Effect.flip(Turn.run(both.pipe(ModelPlan.run(plan))))
      assert.strictEqual(sent, 1)
    }).pipe(over(script))
  })

  it.effect("does not run a tool twice where the tool fails, as a plan by itself does", () => {
    return Effect.gen(function* () {
      let sent = 0
      const handlers = toolkit.toLayer({
        send: () => Effect.suspend(() => (sent++, Effect.die("the mail server hung up")))
      })
      const mailing = Effect.catchDefect(
        Effect.provide(LanguageModel.generateText({ prompt: "hi", toolkit }), handlers),
        () => Effect.fail("not sent?")
      )
      const planScript = scripted(calls(anthropic), calls(openai))
      const plan = ModelPlan.make(models)
      yield* Effect.flip(Effect.flatMap(plan, (plan) => mailing.pipe(ModelPlan.run(plan)))).pipe(over(planScript))
      assert.strictEqual(sent, 1)

      const naiveScript = scripted(calls(anthropic), calls(openai))
      const naive = ExecutionPlan.make(
        { provide: Model.layer(anthropic.model, { fallbacks: [] }), attempts: 1 },
        { provide: Model.layer(openai.model, { fallbacks: [] }), attempts: 1 }
      )
      sent = 0
      yield* Effect.flip(Effect.withExecutionPlan(mailing, naive)).pipe(over(naiveScript))
      assert.strictEqual(sent, 2)
    })
  })
})

describe("a plan by itself", () => {
  const hello = ModelCalls.generateText({ prompt: "hi" })

  it.effect.each([false, true])("replays what must not be replayed (with a while of the first step: %s)", (guarded) => {
    const script = scripted(TestTransport.lost(), json(openai.text("Again.")))
    return Effect.gen(function* () {
      assert.strictEqual((yield* Effect.withExecutionPlan(hello, naivePlan(guarded))).text, "Again.")
      assert.deepStrictEqual(asked(script), ["anthropic", "openai"])
    }).pipe(over(script, { maxAttempts: 1 }))
  })

  it.effect("is held to the verdict by run, and so is one that is merged with a plan of models", () =>
    Effect.gen(function* () {
      const one = scripted(TestTransport.lost())
      yield* Effect.flip(hello.pipe(ModelPlan.run(naivePlan(false)))).pipe(over(one, { maxAttempts: 1 }))
      assert.lengthOf(one.requests, 1)

      const two = scripted(TestTransport.lost())
      yield* Effect.gen(function* () {
        const first = yield* ModelPlan.make([anthropic.model], { params: { mcp_servers: [] } })
        const merged = ExecutionPlan.merge(first, naivePlan(false))
        yield* Effect.flip(hello.pipe(ModelPlan.run(merged)))
      }).pipe(over(two, { maxAttempts: 1 }))
      assert.lengthOf(two.requests, 1)
    })
  )
})

describe("a stream of a plan", () => {
  it.effect("is replaced before its first content, says who answers, and goes on from nothing", () => {
    const script = scripted(
      sse([anthropic.ping, anthropic.errorEvent("overloaded_error")]),
      sse(openai.textStream("Hello ", "from GPT."))
    )
    return Effect.gen(function* () {
      const order: Array<string> = []
      const parts = yield* streamed({ onSwap: ({ swap }) => Effect.sync(() => order.push(String(swap?.why))) }).pipe(
        Stream.tap(({ type }) => Effect.sync(() => order.push(type))),
        Stream.runCollect
      )
      assert.strictEqual(textOf(parts), "Hello from GPT.")
      assert.deepStrictEqual(order.slice(0, 2), ["Overloaded", "response-metadata"])
      assert.deepStrictEqual(Answers.of({ content: parts }), {
        requested: anthropic.model,
        answered: openai.model,
        swap: "Overloaded"
      })
      assert.deepStrictEqual(asked(script), ["anthropic", "openai"])
    }).pipe(over(script))
  })

  it.effect("ends after content, and nobody else is asked; a plan by itself gives both", () => {
    return Effect.gen(function* () {
      const script = scripted(half())
      let text = ""
      const error = yield* streamed()
        .pipe(
          Stream.runForEach((part) => Effect.sync(() => (text += part.type === "text-delta" ? part.delta : ""))),
          Effect.flip
        )
        .pipe(over(script))
      assert.strictEqual(error._tag, "ReplayUnsafe")
      assert.strictEqual(text, "Hel")
      assert.deepStrictEqual(asked(script), ["anthropic"])

      const both = scripted(half(), sse(openai.textStream("Hello from GPT.")))
      const naive = ExecutionPlan.make(
        { provide: Model.layer(anthropic.model, { fallbacks: [] }) },
        { provide: Model.layer(openai.model, { fallbacks: [] }) }
      )
      const parts = yield* ModelCalls.streamText({ prompt: "hi" }).pipe(
        Stream.withExecutionPlan(naive),
        Stream.runCollect,
        over(both, { maxAttempts: 1 })
      )
      assert.strictEqual(textOf(parts), "HelHello from GPT.")
    })
  })

  it.effect("keeps what it holds back from the app, and replaces it", () => {
    const script = scripted(
      TestTransport.cut("reset", 3)(sse(anthropic.textStream("Hel", "lo."))),
      sse(openai.textStream("Hello from GPT."))
    )
    return Effect.gen(function* () {
      assert.strictEqual(textOf(yield* Stream.runCollect(streamed())), "Hello from GPT.")
    }).pipe(over(script, { hold: "whole" }))
  })

  it.effect("carries an AiError where the program has not asked for more", () => {
    const script = scripted(TestTransport.refused, TestTransport.refused)
    return Effect.gen(function* () {
      const plan = yield* ModelPlan.make(models)
      const error = yield* LanguageModel.streamText({ prompt: "hi" }).pipe(
        ModelPlan.stream(plan),
        Stream.runDrain,
        Effect.flip
      )
      const failure = AiErrors.failureOf(error)
      assert.isDefined(failure)
      assert.deepStrictEqual(failure && tagsOf(failure), [
        [1, "ConnectFailure"],
        [2, "ConnectFailure"]
      ])
    }).pipe(over(script))
  })
})
