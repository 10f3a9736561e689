import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Telemetry from "@holdfast/core/Telemetry"
import { Codecs } from "@holdfast/providers/Codecs"
import * as Configuration from "@holdfast/providers/Configuration"
import type { Loaded } from "@holdfast/providers/ConfigurationSource"
import { ConfigurationSource } from "@holdfast/providers/ConfigurationSource"
import * as Providers from "@holdfast/providers/Providers"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"

const variables = ConfigProvider.layer(
  ConfigProvider.fromEnv({ env: { ANTHROPIC_API_KEY: "sk-ant-a", OPENAI_API_KEY: "sk-b" } })
)

const loadedOf = (value: unknown): Result.Result<Loaded, InvalidInput> =>
  Result.map(Configuration.decode(value, "holdfast.json5"), (configuration) => ({
    configuration,
    place: "holdfast.json5"
  }))

/** A source whose value a test edits. */
const editable = Effect.fnUntraced(function* (first: unknown) {
  let value = first
  let loads = 0
  const told: Array<Result.Result<Loaded, InvalidInput>> = []
  const edits = yield* PubSub.unbounded<void>()
  const source = ConfigurationSource.of({
    load: Effect.suspend(() => {
      loads++
      return Effect.fromResult(loadedOf(value))
    }),
    changes: Stream.fromPubSub(edits),
    told: (outcome) => Effect.sync(() => told.push(outcome))
  })
  const edit = (next: unknown) =>
    Effect.suspend(() => {
      value = next
      return PubSub.publish(edits, undefined)
    })
  return { source, edit, told, loads: () => loads }
})

const layerOf = (source: ConfigurationSource["Service"]) =>
  Providers.layer().pipe(Layer.provide(Layer.succeed(ConfigurationSource, source)), Layer.provide(variables))

/** What becomes of each edit, once the registry has said it. */
const outcomes = Effect.gen(function* () {
  const telemetry = yield* Telemetry.Telemetry
  const queue = yield* Queue.unbounded<ReadonlyArray<string> | "taken">()
  yield* telemetry.listen((event) => {
    if (event._tag === "ConfigurationTaken") Queue.offerUnsafe(queue, "taken")
    if (event._tag === "ConfigurationRefused")
      Queue.offerUnsafe(
        queue,
        event.problems.map(({ place }) => place)
      )
  })
  return Queue.take(queue)
})

/** A program under a registry that follows an editable source; `edit` ends when it is known what became of the edit. */
const following = <A, E>(
  first: unknown,
  body: (
    edit: (next: unknown) => Effect.Effect<ReadonlyArray<string> | "taken">,
    told: ReadonlyArray<Result.Result<Loaded, InvalidInput>>
  ) => Effect.Effect<A, E, ProviderRegistry | Codecs | Scope.Scope>
) =>
  Effect.gen(function* () {
    const outcome = yield* outcomes
    const { edit, source, told } = yield* editable(first)
    const context = yield* Layer.build(layerOf(source))
    assert.strictEqual(yield* outcome, "taken")
    // By now it listens for changes.
    yield* Effect.yieldNow
    return yield* Effect.provide(
      body((next) => Effect.andThen(edit(next), outcome), told),
      context
    )
  }).pipe(Effect.scoped, Effect.provide(Telemetry.layer))

const chain = Effect.gen(function* () {
  const registry = yield* ProviderRegistry
  return (yield* registry.resolve({})).chain.map(Candidate.label)
})

describe("a registry over a configuration that changes", () => {
  it.effect("follows it", () =>
    following({ agents: { default: "anthropic/a" } }, (edit, told) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* chain, ["anthropic/a"])
        const { changes } = yield* ProviderRegistry
        let heard = 0
        yield* Effect.forkScoped(
          Stream.runForEach(changes ?? Stream.empty, () => Effect.sync(() => heard++)),
          { startImmediately: true }
        )
        assert.strictEqual(yield* edit({ agents: { default: "openai/b" } }), "taken")
        assert.deepStrictEqual(yield* chain, ["openai/b"])
        assert.deepStrictEqual(
          told.map((outcome) => Result.getOrThrow(outcome).configuration.agents["default"]?.primary),
          ["anthropic/a", "openai/b"]
        )
        yield* TestClock.adjust("1 second")
        assert.strictEqual(heard, 1)
      })
    )
  )

  it.effect.each<readonly [string, unknown, string]>([
    ["cannot be read", { agents: { default: 7 } }, "agents.default"],
    ["names what is not there", { agents: { default: "nobody/x" } }, "agents.default"],
    ["sets a provider wrongly", { providers: { openai: { baseUrl: "nonsense" } } }, "providers.openai.baseUrl"]
  ])("keeps the last good one when the next %s, and says why", ([, broken, place]) =>
    following({ agents: { default: "anthropic/a" } }, (edit, told) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* edit(broken), [place])
        assert.deepStrictEqual(yield* chain, ["anthropic/a"])
        assert.deepStrictEqual(told.map(Result.isSuccess), [true, false])
        assert.strictEqual(yield* edit({ agents: { default: "openai/c" } }), "taken")
        assert.deepStrictEqual(yield* chain, ["openai/c"])
      })
    )
  )

  it.effect("leaves calls on the way what they began with", () =>
    following({ providers: { mine: { baseUrl: "http://localhost:1", api: "openai-completions" } } }, (edit) =>
      Effect.gen(function* () {
        const registry = yield* ProviderRegistry
        const codecs = yield* Codecs
        const { chain } = yield* registry.resolve({ model: "mine/x" })
        const before = yield* registry.provider("mine")
        yield* edit({})
        assert.strictEqual(yield* registry.provider("mine"), before)
        assert.strictEqual(codecs.of(chain[0])?.codec.api, "openai-completions")
        const gone = yield* Effect.flip(registry.resolve({ model: "mine/x" }))
        assert.strictEqual(gone.problems[0].kind, "UnknownProvider")
        assert.strictEqual((yield* Effect.flip(registry.provider("nobody"))).problems[0].kind, "UnknownProvider")
      })
    )
  )

  it.effect("is not made of one that is wrong at the beginning", () =>
    Effect.gen(function* () {
      const { source, told } = yield* editable({ agents: 7 })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layerOf(source))))
      assert.strictEqual(error.problems[0].place, "agents")
      assert.deepStrictEqual(told.map(Result.isSuccess), [false])
    })
  )

  it.effect("names the file of what is wrong at the beginning, and of nothing that stands elsewhere", () =>
    Effect.gen(function* () {
      const { source } = yield* editable({
        agents: { default: "nobody/x" },
        providers: { openai: { baseUrl: "nonsense" } }
      })
      const problems = (providers: Providers.Options["providers"] = {}, env: Readonly<Record<string, string>> = {}) =>
        Providers.layer({ providers }).pipe(
          Layer.provide(Layer.succeed(ConfigurationSource, { ...source, file: "/etc/holdfast.json5" })),
          Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...env } }))),
          Layer.build,
          Effect.scoped,
          Effect.flip,
          Effect.map((error) => error.problems.map(({ place }) => place))
        )
      assert.deepStrictEqual(yield* problems(), [
        "/etc/holdfast.json5: providers.openai.baseUrl",
        "/etc/holdfast.json5: agents.default"
      ])
      const fine = { openai: { baseUrl: "http://localhost:1" } }
      assert.deepStrictEqual(yield* problems(fine), ["/etc/holdfast.json5: agents.default"])
      const own = { openai: { baseUrl: "nonsense too" } }
      const agent = "/etc/holdfast.json5: agents.default"
      assert.deepStrictEqual(yield* problems(own), ["providers.openai.baseUrl", agent])
      assert.deepStrictEqual(yield* problems(fine, { OLLAMA_HOST: "ftp://x" }), ["OLLAMA_HOST", agent])
    })
  )

  it.effect("decides what is asked of it when that is run, not when it is called", () =>
    following({ agents: { default: "anthropic/a" } }, (edit) =>
      Effect.gen(function* () {
        const registry = yield* ProviderRegistry
        const asked = registry.resolve({})
        const mine = registry.provider("mine")
        yield* edit({
          agents: { default: "openai/b" },
          providers: { mine: { baseUrl: "http://localhost:1", api: "openai-completions" } }
        })
        assert.deepStrictEqual((yield* asked).chain.map(Candidate.label), ["openai/b"])
        assert.strictEqual((yield* mine).baseUrl, "http://localhost:1")
      })
    )
  )

  it.effect("leaves calls on the way the parameters of a model that is gone, and no others", () =>
    following(
      {
        providers: { mine: { baseUrl: "http://localhost:1", api: "openai-completions" } },
        models: {
          "mine/x": { params: { temperature: 0.5 } },
          "anthropic/claude-opus-4-7": { params: { temperature: 0.5 } }
        }
      },
      (edit) =>
        Effect.gen(function* () {
          const registry = yield* ProviderRegistry
          const { chain } = yield* registry.resolve({ model: "mine/x", fallbacks: ["anthropic/claude-opus-4-7"] })
          const params = () => chain.map((candidate) => registry.settings(candidate).params)
          assert.deepStrictEqual(params(), [{ temperature: 0.5 }, { temperature: 0.5 }])
          yield* edit({})
          assert.deepStrictEqual(params(), [{ temperature: 0.5 }, {}])
        })
    )
  )

  it.effect("does not ask a source where the app says what is configured", () =>
    Effect.gen(function* () {
      const { loads, source } = yield* editable({ agents: { default: "anthropic/a" } })
      const configuration = Result.getOrThrow(Configuration.decode({ agents: { default: "openai/b" } }, "code"))
      const layer = Providers.layer({ configuration }).pipe(
        Layer.provide(Layer.succeed(ConfigurationSource, source)),
        Layer.provide(variables)
      )
      assert.deepStrictEqual(yield* Effect.provide(chain, layer), ["openai/b"])
      assert.strictEqual(loads(), 0)
    })
  )

  it.effect("stops to follow when its scope ends", () =>
    Effect.gen(function* () {
      const { loads, source } = yield* editable({})
      const changes = Stream.fromEffectRepeat(Effect.sleep("1 second"))
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(layerOf({ ...source, changes }), scope)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(loads(), 4)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(loads(), 4)
    })
  )

  it.effect("says in the log what it did not understand, and what it cannot take", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => {
      lines.push(String(message))
    })
    return following({ auth: {}, agnets: {} }, (edit) =>
      Effect.gen(function* () {
        assert.strictEqual(lines.length, 1)
        assert.include(lines[0], "agnets")
        yield* edit({ agents: 7, key: Redacted.make("verysecret"), limits: { connect: "sk-ant-api03-verysecret" } })
        assert.strictEqual(lines.length, 2)
        assert.include(lines[1], "stays in force")
        assert.include(lines[1], "agents: expected")
        assert.notInclude(lines.join(), "verysecret")
      })
    ).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("says nothing where nothing is configured", () =>
    Effect.gen(function* () {
      const events: Array<string> = []
      const telemetry = yield* Telemetry.Telemetry
      yield* telemetry.listen(({ _tag }) => {
        events.push(_tag)
      })
      yield* Layer.build(Providers.layer())
      assert.deepStrictEqual(events, [])
    }).pipe(Effect.scoped, Effect.provide(Telemetry.layer))
  )
})
