import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Asked } from "@holdfast/core/ProviderRegistry"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Configuration from "@holdfast/providers/Configuration"
import { ConfigurationSource } from "@holdfast/providers/ConfigurationSource"
import * as Providers from "@holdfast/providers/Providers"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"

const decode = (value: unknown) =>
  Result.getOrThrowWith(Configuration.decode(value, "holdfast.json5"), (error) => new Error(error.message))

/** What files hold, by path; read anew each time, and counted. */
interface Files {
  readonly texts: Map<string, string>
  readonly read: Array<string>
}

const files = (texts: Readonly<Record<string, string>> = {}): Files => ({
  texts: new Map(Object.entries(texts)),
  read: []
})

const layerOf = (value: unknown, env: Readonly<Record<string, string>> = {}, { read, texts }: Files = files()) =>
  Providers.layer().pipe(
    Layer.provide(
      Layer.succeed(ConfigurationSource, {
        load: Effect.sync(() => ({ configuration: decode(value), place: "holdfast.json5" })),
        changes: Stream.never,
        readKey: (source, place) =>
          Effect.suspend(() => {
            const name = source._tag === "File" ? source.path : [source.command, ...source.args].join(" ")
            read.push(name)
            const text = texts.get(name)
            return text === undefined
              ? Effect.fail(InvalidInput.of({ kind: "InvalidCredential", place, expected: "a file", found: "none" }))
              : Effect.succeed(Redacted.make(text))
          })
      })
    ),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...env } })))
  )

const resolve = (asked: Asked) => Effect.flatMap(ProviderRegistry, (registry) => registry.resolve(asked))

const problemsOf = (asked: Asked) => Effect.map(Effect.flip(resolve(asked)), ({ problems }) => problems)

const keyOf = (id: string, credential?: string) =>
  Effect.gen(function* () {
    const registry = yield* ProviderRegistry
    const { headers } = yield* registry.provider(id, credential)
    const key = headers["x-api-key"] ?? headers["authorization"]
    return Redacted.isRedacted(key) ? Redacted.value(key) : key
  })

const labels = (chain: ReadonlyArray<Candidate.Candidate>) => chain.map(Candidate.label)

const models = {
  anthropic: "anthropic/claude-opus-4-7",
  openai: "openai/gpt-5.5",
  "openai-codex": "openai-codex/gpt-5.5",
  openrouter: "openrouter/x/y",
  deepseek: "deepseek/deepseek-chat",
  qianfan: "qianfan/ernie-5.0"
}

const variables = {
  anthropic: "ANTHROPIC_API_KEY",
  openai: "OPENAI_API_KEY",
  "openai-codex": "CODEX_ACCESS_TOKEN",
  openrouter: "OPENROUTER_API_KEY",
  deepseek: "DEEPSEEK_API_KEY",
  qianfan: "QIANFAN_API_KEY"
}

describe("a key", () => {
  it.effect.each([
    ["anthropic", "sk-proj-verysecret", "OpenAI"],
    ["anthropic", "sk-verysecret", "OpenAI"],
    ["openai", "sk-ant-api03-verysecret", "Anthropic"],
    ["openai", "sk-or-v1-verysecret", "OpenRouter"],
    ["openrouter", "sk-proj-verysecret", "OpenAI"],
    ["openai-codex", "sk-proj-verysecret", "OpenAI"],
    ["deepseek", "sk-ant-api03-verysecret", "Anthropic"],
    ["anthropic", " sk-ant-verysecret", "white space"],
    ["anthropic", "sk-ant-verysecret\n", "a line break"],
    ["anthropic", "sk-ant-very\r\nsecret", "a line break"],
    ["openai", '"sk-verysecret"', "within quotes"],
    ["openai", "'sk-verysecret'", "within quotes"],
    ["openai", "${OPENAI_VERYSECRET}", "the name of a variable"],
    ["openai", "$OPENAI_VERYSECRET", "the name of a variable"],
    ["openai", "Bearer sk-verysecret", '"Bearer" before it'],
    ["openai", "bearer verysecret", '"Bearer" before it'],
    ["openai", "", "nothing"],
    ["openai", "   ", "white space"],
    ["openai", "sk-verysecret\u00e4", "a character that no key has"]
  ] as const)("for %s that is %j is refused before anything is sent, and says why: %s", ([provider, key, why]) =>
    Effect.gen(function* () {
      const [problem, ...more] = yield* problemsOf({ model: models[provider] })
      assert.deepStrictEqual(more, [])
      assert.deepInclude(problem, { kind: "InvalidCredential", place: variables[provider] })
      assert.include(problem?.found, why)
      assert.isNotEmpty(problem?.expected)
      assert.notMatch(inspect(problem), /verysecret/i)
    }).pipe(Effect.provide(layerOf({}, { [variables[provider]]: key })))
  )

  it.effect.each([
    ["anthropic", "sk-ant-api03-verysecret"],
    ["anthropic", "of-a-form-that-is-new"],
    ["openai", "sk-verysecret"],
    ["openai", "sk-proj-verysecret"],
    ["openai-codex", "eyJhbGciOiJ.eyJzdWIi.x"],
    ["deepseek", "sk-verysecret"],
    ["qianfan", "bce-v3/ALTAK-verysecret/x"],
    ["qianfan", "of-a-form-that-is-new"]
  ] as const)("for %s that is %j is taken", ([provider, key]) =>
    Effect.gen(function* () {
      yield* resolve({ model: models[provider] })
    }).pipe(Effect.provide(layerOf({}, { [variables[provider]]: key })))
  )

  it.effect("of any form is taken where a gateway gives it out", () =>
    Effect.gen(function* () {
      yield* resolve({ model: models.anthropic })
    }).pipe(
      Effect.provide(
        layerOf({ providers: { anthropic: { baseUrl: "http://localhost:1" } } }, { ANTHROPIC_API_KEY: "sk-1" })
      )
    )
  )

  it.effect("is not needed for Ollama, nor is one an obstacle", () =>
    Effect.gen(function* () {
      yield* resolve({ model: "ollama/qwen3:8b" })
    }).pipe(Effect.provide(layerOf({ providers: { ollama: { apiKey: Redacted.make("ollama-local") } } })))
  )

  it.effect("that is in no variable is missing, and says where it should be", () =>
    Effect.gen(function* () {
      const [problem] = yield* problemsOf({ model: models.openai })
      assert.deepInclude(problem, {
        place: "providers.openai.apiKey",
        found: "nothing",
        fix: "set the variable WORK_KEY"
      })
    }).pipe(
      Effect.provide(layerOf({ providers: { openai: { apiKey: { env: "WORK_KEY" } } } }, { OPENAI_API_KEY: "sk-x" }))
    )
  )

  it.effect("comes from a file or a command, and is read when it is first needed, once", () => {
    const holds = files({ "work.key": "sk-file", "op read x": "sk-ant-command" })
    return Effect.gen(function* () {
      assert.deepStrictEqual(holds.read, [])
      yield* Effect.all([resolve({ model: models.openai }), resolve({ model: "openai/gpt-5" })], { concurrency: 2 })
      assert.deepStrictEqual(holds.read, ["work.key"])
      assert.strictEqual(yield* keyOf("openai"), "Bearer sk-file")
      assert.strictEqual(yield* keyOf("anthropic"), "sk-ant-command")
      yield* resolve({ model: models.anthropic })
      assert.deepStrictEqual(holds.read, ["work.key", "op read x"])
    }).pipe(
      Effect.provide(
        layerOf(
          {
            providers: {
              openai: { apiKey: { file: "work.key" } },
              anthropic: { apiKey: { command: ["op", "read", "x"] } }
            }
          },
          {},
          holds
        )
      )
    )
  })

  it.effect("that could not be read is read again when it is next asked for", () => {
    const holds = files()
    return Effect.gen(function* () {
      const [problem] = yield* problemsOf({ model: models.openai })
      assert.deepInclude(problem, { place: "providers.openai.apiKey", found: "none" })
      holds.texts.set("work.key", "sk-late")
      yield* resolve({ model: models.openai })
      assert.strictEqual(yield* keyOf("openai"), "Bearer sk-late")
    }).pipe(Effect.provide(layerOf({ providers: { openai: { apiKey: { file: "work.key" } } } }, {}, holds)))
  })

  it.effect("in a file cannot be read where nothing reads files", () =>
    Effect.gen(function* () {
      const [problem] = yield* problemsOf({ model: models.openai })
      assert.deepInclude(problem, { kind: "InvalidCredential", place: "providers.openai.apiKey" })
      assert.include(problem?.fix, "readKey")
    }).pipe(
      Effect.provide(
        Providers.layer({ configuration: decode({ providers: { openai: { apiKey: { file: "work.key" } } } }) })
      )
    )
  )
})

describe("a key that is read again", () => {
  const configured = { providers: { openai: { apiKey: { file: "work.key" } } } }

  it.effect("is in force where it is another, and told to whoever listens", () => {
    const holds = files({ "work.key": "sk-old" })
    return Effect.gen(function* () {
      const { changes, provider, reread } = yield* ProviderRegistry
      if (changes === undefined || reread === undefined) return assert.fail("it cannot be read again")
      const before = yield* provider("openai")
      const heard = yield* Effect.forkChild(Stream.runHead(changes), { startImmediately: true })
      yield* Effect.yieldNow
      assert.isFalse(yield* reread("openai"))
      assert.strictEqual(yield* provider("openai"), before)
      holds.texts.set("work.key", "sk-new")
      assert.isTrue(yield* reread("openai"))
      assert.strictEqual(yield* keyOf("openai"), "Bearer sk-new")
      assert.isTrue(Option.isSome(yield* Fiber.join(heard)))
      assert.strictEqual(Redacted.value(Object(before.headers["authorization"])), "Bearer sk-old")
    }).pipe(Effect.provide(layerOf(configured, {}, holds)))
  })

  it.effect("does not take the place of one that is right where it cannot be", () => {
    const holds = files({ "work.key": "sk-old" })
    return Effect.gen(function* () {
      const { reread } = yield* ProviderRegistry
      if (reread === undefined) return assert.fail("it cannot be read again")
      yield* resolve({ model: models.openai })
      for (const text of ["", "sk-ant-other", undefined]) {
        if (text === undefined) holds.texts.delete("work.key")
        else holds.texts.set("work.key", text)
        assert.strictEqual((yield* Effect.flip(reread("openai"))).problems[0].place, "providers.openai.apiKey")
        assert.strictEqual(yield* keyOf("openai"), "Bearer sk-old")
      }
      assert.strictEqual((yield* Effect.flip(reread("nobody"))).problems[0].kind, "UnknownProvider")
      assert.strictEqual((yield* Effect.flip(reread("openai", "home"))).problems[0].kind, "InvalidCredential")
    }).pipe(Effect.provide(layerOf(configured, {}, holds)))
  })

  it.effect("brings back a fallback that was left out for want of it", () => {
    const holds = files()
    return Effect.gen(function* () {
      const { reread } = yield* ProviderRegistry
      if (reread === undefined) return assert.fail("it cannot be read again")
      const asked = { model: models.anthropic, fallbacks: [models.openai] }
      assert.deepStrictEqual(labels((yield* resolve(asked)).chain), [models.anthropic])
      holds.texts.set("work.key", "sk-late")
      yield* reread("openai")
      assert.deepStrictEqual(labels((yield* resolve(asked)).chain), [models.anthropic, models.openai])
    }).pipe(Effect.provide(layerOf(configured, { ANTHROPIC_API_KEY: "sk-ant-x" }, holds)))
  })
})

describe("a fallback without a usable key", () => {
  it.effect.each([{}, { OPENAI_API_KEY: "sk-ant-verysecret" }])("is left out with a warning, once: %j", (wrong) => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => lines.push(String(message)))
    return Effect.gen(function* () {
      const asked = { model: models.anthropic, fallbacks: [models.openai, "openai/gpt-5", "anthropic/claude-opus-4-6"] }
      const { chain, leftOut, strict } = yield* resolve(asked)
      assert.deepStrictEqual(labels(chain), [models.anthropic, "anthropic/claude-opus-4-6"])
      assert.deepStrictEqual(
        leftOut?.map(({ kind, place }) => [kind, place]),
        [["InvalidCredential", "OPENAI_API_KEY"]]
      )
      assert.isFalse(strict)
      yield* resolve(asked)
      yield* resolve({ ...asked, fallbacks: [models.openai] })
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], "OPENAI_API_KEY")
      assert.notInclude(lines[0], "verysecret")
    }).pipe(
      Effect.provide(layerOf({}, { ANTHROPIC_API_KEY: "sk-ant-x", ...wrong })),
      Effect.provide(Logger.layer([logger]))
    )
  })

  it.effect("comes back when its key is right, which is looked at every half minute", () => {
    const holds = files({ key: "sk-ant-verysecret" })
    const asked = { model: models.anthropic, fallbacks: [models.openai] }
    const chain = Effect.map(resolve(asked), ({ chain }) => labels(chain))
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* chain, [models.anthropic])
      holds.texts.set("key", "sk-right")
      yield* TestClock.adjust("29 seconds")
      assert.deepStrictEqual(yield* chain, [models.anthropic])
      assert.strictEqual(holds.read.length, 1)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* chain, [models.anthropic, models.openai])
      yield* TestClock.adjust("1 hour")
      yield* chain
      assert.strictEqual(holds.read.length, 2)
    }).pipe(
      Effect.provide(
        layerOf({ providers: { openai: { apiKey: { file: "key" } } } }, { ANTHROPIC_API_KEY: "sk-ant-x" }, holds)
      )
    )
  })

  it.effect("comes back at once when its key was read again and is right", () => {
    const holds = files({ key: "sk-ant-verysecret" })
    const asked = { model: models.anthropic, fallbacks: [models.openai] }
    return Effect.gen(function* () {
      const registry = yield* ProviderRegistry
      assert.deepStrictEqual(labels((yield* resolve(asked)).chain), [models.anthropic])
      holds.texts.set("key", "sk-right")
      assert.isTrue(yield* registry.reread?.("openai") ?? Effect.succeed(false))
      assert.deepStrictEqual(labels((yield* resolve(asked)).chain), [models.anthropic, models.openai])
    }).pipe(
      Effect.provide(
        layerOf({ providers: { openai: { apiKey: { file: "key" } } } }, { ANTHROPIC_API_KEY: "sk-ant-x" }, holds)
      )
    )
  })

  it.effect("is no way out for a model without one that was asked for", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf({ model: models.openai, fallbacks: [models.anthropic] })
      assert.deepStrictEqual(
        problems.map(({ place }) => place),
        ["OPENAI_API_KEY"]
      )
    }).pipe(Effect.provide(layerOf({}, { ANTHROPIC_API_KEY: "sk-ant-x" })))
  )
})

describe("credentials", () => {
  const configured = {
    credentials: {
      profiles: {
        "anthropic:home": { key: { env: "HOME_KEY" } },
        "anthropic:work": { key: { env: "WORK_KEY" } },
        "openai:only": { key: { env: "ONLY_KEY" } }
      },
      order: { anthropic: ["work", "home"] }
    }
  }
  const env = { HOME_KEY: "sk-ant-home", WORK_KEY: "sk-ant-work", ONLY_KEY: "sk-only" }

  it.effect("are candidates of their own, in their order, with a key each", () =>
    Effect.gen(function* () {
      const { chain, strict, suppressedDuplicates } = yield* resolve({
        model: models.anthropic,
        fallbacks: [models.openai, "anthropic/claude-opus-4-6", models.anthropic]
      })
      assert.deepStrictEqual(labels(chain), [
        `${models.anthropic}@work`,
        `${models.anthropic}@home`,
        models.openai,
        "anthropic/claude-opus-4-6@work",
        "anthropic/claude-opus-4-6@home"
      ])
      assert.isFalse(strict)
      assert.strictEqual(suppressedDuplicates, 1)
      assert.strictEqual(yield* keyOf("anthropic", "work"), "sk-ant-work")
      assert.strictEqual(yield* keyOf("anthropic", "home"), "sk-ant-home")
      assert.strictEqual(yield* keyOf("anthropic"), "sk-ant-work")
      assert.strictEqual(yield* keyOf("openai"), "Bearer sk-only")
    }).pipe(Effect.provide(layerOf(configured, env)))
  )

  it.effect("leave a pick of one model strict, whichever of them it takes", () =>
    Effect.gen(function* () {
      const { chain, strict } = yield* resolve({ model: models.anthropic })
      assert.isTrue(strict)
      assert.strictEqual(chain.length, 2)
    }).pipe(Effect.provide(layerOf(configured, env)))
  )

  it.effect("that have no key are left out, and the others do", () =>
    Effect.gen(function* () {
      const { chain, leftOut } = yield* resolve({ model: models.anthropic })
      assert.deepStrictEqual(labels(chain), [`${models.anthropic}@home`])
      assert.deepStrictEqual(
        leftOut?.map(({ place }) => place),
        ['credentials.profiles["anthropic:work"].key']
      )
    }).pipe(Effect.provide(layerOf(configured, { HOME_KEY: "sk-ant-home" })))
  )

  it.effect("that nobody has are a mistake", () =>
    Effect.gen(function* () {
      const registry = yield* ProviderRegistry
      const { problems } = yield* Effect.flip(registry.provider("anthropic", "nobody's"))
      assert.deepInclude(problems[0], { kind: "InvalidCredential", place: "credential" })
      assert.include(problems[0].expected, "work, home")
    }).pipe(Effect.provide(layerOf(configured, env)))
  )

  it.effect("without a key of their own take the provider's", () =>
    Effect.gen(function* () {
      yield* resolve({ model: models.openai })
      assert.strictEqual(yield* keyOf("openai"), "Bearer sk-x")
    }).pipe(Effect.provide(layerOf({ credentials: { profiles: { "openai:only": {} } } }, { OPENAI_API_KEY: "sk-x" })))
  )

  it.effect("leave no place for another key, and need a name each", () =>
    Effect.gen(function* () {
      const { problems } = yield* Effect.flip(
        Effect.scoped(
          Layer.build(
            Providers.layer({
              configuration: decode({
                providers: { openai: { apiKey: { env: "A" } } },
                credentials: {
                  profiles: { "openai:a": { key: { env: "B" } }, groq: {}, "groq:default": {} }
                }
              })
            })
          )
        )
      )
      assert.deepStrictEqual(
        problems.map(({ kind, place }) => [kind, place]),
        [
          ["InvalidCredential", "providers.openai.apiKey"],
          ["InvalidCredential", 'credentials.profiles["groq:default"]']
        ]
      )
    })
  )
})
