/** A key that was replaced where it is taken from, met by a provider that no longer accepts the old one. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import { FailoverPolicy } from "@holdfast/core/FailoverPolicy"
import * as Failure from "@holdfast/core/Failure"
import { InvalidInput, isInvalidInput } from "@holdfast/core/InvalidInput"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as EmbeddingModels from "@holdfast/providers/EmbeddingModels"
import * as Model from "@holdfast/providers/Model"
import * as ModelCalls from "@holdfast/providers/ModelCalls"
import * as ModelPlan from "@holdfast/providers/ModelPlan"
import * as Providers from "@holdfast/providers/Providers"
import * as Wrapped from "@holdfast/providers/Wrapped"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Context from "effect/Context"
import * as TestFailover from "@holdfast/testing/TestFailover"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as EmbeddingModel from "effect/ai/EmbeddingModel"
import * as LanguageModel from "effect/ai/LanguageModel"
import { TestClock } from "effect/testing"
import { fails, foreign } from "./support/foreign.ts"

const model = "anthropic/claude-opus-4-7"

/** A key, and how often it was read again. */
interface Key {
  /** In force. */
  current: string
  /** Where it is taken from: what the next reading gives. */
  stored: string
  reads: number
  unreadable?: boolean
  /** Other headers, as they are configured at the moment. */
  more?: () => Readonly<Record<string, string>>
}

const unreadable = InvalidInput.of({
  kind: "InvalidCredential",
  place: "providers.anthropic.apiKey",
  expected: "a file that holds a key",
  found: "no such file"
})

/** The registry of the table, with a key that may be read again. */
const withKey = (key: Key) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const table = yield* Providers.make({
        providers: {
          anthropic: { apiKey: Redacted.make("sk-ant-unused") },
          openai: { apiKey: Redacted.make("sk-unused") }
        }
      })
      const registry = Context.get(table, ProviderRegistry)
      return Context.add(table, ProviderRegistry, {
        ...registry,
        // As things stand when it is asked, and not when the effect is run.
        provider: (id, credential) => {
          const own = { "x-api-key": Redacted.make(key.current), ...key.more?.() }
          return Effect.map(registry.provider(id, credential), (provider) => ({
            ...provider,
            headers: { ...provider.headers, ...own }
          }))
        },
        reread: () =>
          Effect.suspend(() => {
            key.reads++
            if (key.unreadable === true) return Effect.fail(unreadable)
            const changed = key.stored !== key.current
            key.current = key.stored
            return Effect.succeed(changed)
          })
      })
    })
  )

const refused = TestTransport.anthropicError(401)
const fine = TestTransport.anthropicText("hello")
const other = "openai/gpt-5.5"
const error = (status: number, type: string) =>
  TestTransport.answer({
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ error: { type, code: type, message: type } })
  })
const overloaded = error(503, "server_overloaded")
const unauthorized = error(401, "invalid_api_key")

/** Failover that holds failures against credentials. */
const withHealth = Layer.provideMerge(
  Failover.layer,
  Layer.mergeAll(FailoverPolicy.layer(), ProviderHealth.layer(), RetryBudget.layerOff)
)

/** Runs an effect under a script; gives what was sent with which key, and what was told. */
const seeing = <A, E, R>(
  key: Key,
  script: ReadonlyArray<TestTransport.Step>,
  effect: Effect.Effect<A, E, R>,
  failover: ReturnType<typeof TestFailover.layer> = TestFailover.layer()
) =>
  Effect.gen(function* () {
    const events: Array<TelemetryEvent> = []
    const { listen } = yield* Telemetry.Telemetry
    yield* listen((event) => void events.push(event))
    const outcome = yield* Effect.result(effect)
    const seen = yield* TestTransport.TestTransport
    const keys = (yield* seen.attempts).map(({ request }) => {
      const sent = request.headers["x-api-key"]
      return Redacted.isRedacted(sent) ? Redacted.value(sent) : sent
    })
    const rereads = events.flatMap((event) => (event._tag === "CredentialReread" ? [event.changed] : []))
    return { outcome, keys, rereads, totals: (yield* seen.attempts).map(({ request }) => request.limits?.totalMs) }
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.mergeAll(failover, TestTransport.layer(script)).pipe(
        Layer.provideMerge(Layer.mergeAll(withKey(key), Telemetry.layer))
      )
    )
  )

/** Runs calls of the model. */
const calling = <A>(
  key: Key,
  script: ReadonlyArray<TestTransport.Step>,
  call: Effect.Effect<A, AiError.AiError, LanguageModel.LanguageModel>,
  options?: Model.Options,
  failover?: ReturnType<typeof TestFailover.layer>
) => seeing(key, script, Effect.provide(call, Model.layer(model, options)), failover)

const whole = LanguageModel.generateText({ prompt: "hi" })
const ask = ModelCalls.generateText({ prompt: "hi" })

const failureOf = (outcome: Result.Result<unknown, AiError.AiError | InvalidInput>) => {
  if (Result.isSuccess(outcome)) return assert.fail("an answer and no failure")
  if (isInvalidInput(outcome.failure)) return assert.fail(outcome.failure.message)
  return AiErrors.failureOf(outcome.failure) ?? assert.fail(String(outcome.failure))
}

// The answer to the second call would keep the credential from being asked for five hours.
const billed = (key: Key) =>
  Effect.gen(function* () {
    const late = TestTransport.delayed({ head: "2 seconds" })(refused)
    const both = Effect.all([Effect.ignore(whole), Effect.ignore(whole)], { concurrency: 2 })
    const script = [late, TestTransport.anthropicError(402), fine, fine]
    const asked = yield* Effect.forkChild(calling(key, script, Effect.andThen(both, whole), {}, withHealth))
    yield* TestClock.adjust("2 seconds")
    return yield* Fiber.join(asked)
  })

describe("a key that the provider does not accept", () => {
  it.effect("is read again, and if it is another the call is made once more with it, which no caller sees", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "new", reads: 0 }
      const { keys, outcome, rereads } = yield* calling(key, [refused, fine, fine], Effect.andThen(whole, whole))
      assert.strictEqual(outcome._tag, "Success")
      assert.deepStrictEqual(keys, ["old", "new", "new"])
      assert.deepStrictEqual(rereads, [true])
    })
  )

  it.effect("is read again for a stream", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "new", reads: 0 }
      const text = Stream.runFold(
        LanguageModel.streamText({ prompt: "hi" }),
        () => "",
        (text, part) => (part.type === "text-delta" ? text + part.delta : text)
      )
      const { keys, outcome } = yield* calling(key, [refused, fine], text)
      assert.deepStrictEqual(outcome._tag === "Success" ? outcome.success : outcome, "hello")
      assert.deepStrictEqual(keys, ["old", "new"])
    })
  )

  it.effect("is the call's failure, and nothing is sent again, where it is the same", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "old", reads: 0 }
      const { keys, outcome, rereads } = yield* calling(key, [refused], whole)
      assert.strictEqual(failureOf(outcome).reason._tag, "AuthenticationFailed")
      assert.deepStrictEqual(keys, ["old"])
      assert.deepStrictEqual(rereads, [false])
    })
  )

  it.effect("is the same where other headers are configured meanwhile", () =>
    Effect.gen(function* () {
      let changes = 0
      const key: Key = { current: "old", stored: "old", reads: 0, more: () => ({ "x-team": String(++changes) }) }
      const { keys, rereads } = yield* calling(key, [refused], whole)
      assert.deepStrictEqual([keys, rereads], [["old"], [false]])
    })
  )

  it.effect("is the call's failure where it cannot be read again", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "new", reads: 0, unreadable: true }
      const { keys, outcome, rereads } = yield* calling(key, [refused], whole)
      assert.strictEqual(failureOf(outcome).reason._tag, "AuthenticationFailed")
      assert.deepStrictEqual([keys, rereads], [["old"], [false]])
    })
  )

  it.effect("is not read a second time in a call whose new key is not accepted either; its failure holds both", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "new", reads: 0 }
      const { keys, outcome } = yield* calling(key, [refused, refused], whole)
      assert.deepStrictEqual(
        failureOf(outcome).attempts.map(({ reason }) => reason._tag),
        ["AuthenticationFailed", "AuthenticationFailed"]
      )
      assert.deepStrictEqual([keys, key.reads], [["old", "new"], 1])
    })
  )

  it.effect("is not read again where another call has read it meanwhile", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "new", reads: 0 }
      const soon = TestTransport.delayed({ head: "1 second" })(refused)
      const late = TestTransport.delayed({ head: "2 seconds" })(refused)
      const both = Effect.all([whole, whole], { concurrency: 2 })
      const asked = yield* Effect.forkChild(calling(key, [soon, late, fine, fine], both))
      yield* TestClock.adjust("2 seconds")
      const { keys, outcome } = yield* Fiber.join(asked)
      assert.strictEqual(outcome._tag, "Success")
      assert.deepStrictEqual([keys, key.reads], [["old", "old", "new", "new"], 1])
    })
  )

  it.effect("is not read again for a page that somebody else put in the provider's place", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "new", reads: 0 }
      const page = TestTransport.answer({ status: 401, headers: { "content-type": "text/html" }, body: "<h1>no</h1>" })
      const { keys } = yield* calling(key, [page], whole)
      assert.deepStrictEqual([keys, key.reads], [["old"], 0])
    })
  )

  it.effect("leaves the new attempt what the first one left of the call's time", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "new", reads: 0 }
      const late = TestTransport.delayed({ head: "4 seconds" })(refused)
      const asked = yield* Effect.forkChild(calling(key, [late, fine], whole, { limits: { total: "10 seconds" } }))
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual((yield* Fiber.join(asked)).totals, [10_000, 6000])
    })
  )

  it.effect("is held against nobody any more once another is found", () =>
    Effect.gen(function* () {
      const { keys, outcome } = yield* billed({ current: "old", stored: "new", reads: 0 })
      assert.strictEqual(outcome._tag, "Success")
      assert.deepStrictEqual(keys, ["old", "old", "new", "new"])
    })
  )

  it.effect("is still held against its credential where no other is found", () =>
    Effect.gen(function* () {
      const { keys, outcome } = yield* billed({ current: "old", stored: "old", reads: 0 })
      assert.strictEqual(outcome._tag, "Failure")
      assert.deepStrictEqual(keys, ["old", "old"])
    })
  )

  it.effect("is read again in a step of a plan, whose attempts are counted with those of the steps before", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "new", reads: 0 }
      const planned = Effect.flatMap(ModelPlan.make([other, model]), (plan) => ModelPlan.run(plan)(ask))
      const renewed = yield* seeing(key, [overloaded, refused, fine], planned)
      assert.strictEqual(Result.isSuccess(renewed.outcome) && renewed.outcome.success.text, "hello")
      assert.deepStrictEqual([renewed.keys, renewed.rereads], [["old", "old", "new"], [true]])

      const stale: Key = { current: "old", stored: "new", reads: 0 }
      const { outcome } = yield* seeing(stale, [overloaded, refused, refused], planned)
      const failure = Result.isFailure(outcome) ? outcome.failure : undefined
      assert.deepStrictEqual(
        Failure.isFailure(failure) && failure.attempts.map(({ attempt, reason }) => [attempt, reason._tag]),
        [
          [1, "Overloaded"],
          [2, "AuthenticationFailed"],
          [3, "AuthenticationFailed"]
        ]
      )
    })
  )

  it.effect("is the only thing that a step of a plan is tried twice for", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "old", reads: 0 }
      const planned = Effect.flatMap(ModelPlan.make([model]), (plan) => ModelPlan.run(plan)(ask))
      const { keys, outcome } = yield* seeing(key, [overloaded, fine], planned)
      assert.isTrue(Result.isFailure(outcome))
      assert.lengthOf(keys, 1)
    })
  )

  it.effect("is read again for embeddings", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "new", reads: 0 }
      const vectors = TestTransport.answer({
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ data: [{ index: 0, embedding: [1, 2] }], usage: { prompt_tokens: 1 } })
      })
      const embed = Effect.flatMap(EmbeddingModel.EmbeddingModel, (embedding) => embedding.embed("kelp")).pipe(
        Effect.provide(EmbeddingModels.layer("openai/text-embedding-3-small"))
      )
      const { keys, outcome } = yield* seeing(key, [unauthorized, vectors], embed)
      assert.deepStrictEqual(Result.isSuccess(outcome) && outcome.success.vector, [1, 2])
      assert.deepStrictEqual(keys, ["old", "new"])
    })
  )

  it.effect("is read again for a model of ours behind somebody else's, and for none of theirs", () =>
    Effect.gen(function* () {
      const key: Key = { current: "old", stored: "new", reads: 0 }
      const refusing = new AiError.AuthenticationError({ kind: "InvalidKey" })
      const theirs = foreign(fails(refusing))
      const wrapped = Wrapped.layer(theirs.layer, { model: other, declaration: "repeatable", fallbacks: [model] })
      const { keys, outcome, rereads } = yield* seeing(key, [refused, fine], Effect.provide(whole, wrapped))
      assert.strictEqual(Result.isSuccess(outcome) && outcome.success.text, "hello")
      assert.deepStrictEqual([keys, rereads], [["old", "new"], [true]])
    })
  )
})
