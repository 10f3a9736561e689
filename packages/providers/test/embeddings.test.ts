import { assert, describe, it } from "@effect/vitest"
import type * as Failure from "@holdfast/core/Failure"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import * as Turn from "@holdfast/core/Turn"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as EmbeddingModels from "@holdfast/providers/EmbeddingModels"
import { table } from "@holdfast/providers/ProviderTable"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as AiError from "effect/ai/AiError"
import * as EmbeddingModel from "effect/ai/EmbeddingModel"
import * as TestClock from "effect/testing/TestClock"
import { smallest, split } from "../src/internal/embeddings/batches.ts"
import { random } from "./support/decoding.ts"
import type { World } from "./support/world.ts"
import { at, services } from "./support/world.ts"
import type { Scripted } from "./support/scripted.ts"
import type { Reply } from "./support/scripted.ts"
import { broken, json, page, scripted } from "./support/scripted.ts"

const small = "openai/text-embedding-3-small"

/** OpenAI's answer for vectors in this order. */
const list = (vectors: ReadonlyArray<unknown>, tokens: number | undefined = 5, numbers?: ReadonlyArray<unknown>) => ({
  object: "list",
  model: "text-embedding-3-small",
  data: vectors.map((embedding, at) => ({
    object: "embedding",
    index: numbers === undefined ? at : numbers[at],
    embedding
  })),
  usage: tokens === undefined ? {} : { prompt_tokens: tokens, total_tokens: tokens }
})

const many = (texts: ReadonlyArray<string>) =>
  Effect.flatMap(EmbeddingModel.EmbeddingModel, (model) => model.embedMany(texts))

const over = (script: Scripted, model = small, options?: EmbeddingModels.Options, world?: World) =>
  Layer.provideMerge(EmbeddingModels.layer(model, options), services(script, world))

const failureOf = (error: unknown): Failure.Failure => {
  const failure = AiErrors.failureOf(error as AiError.AiError)
  if (failure === undefined) throw error
  return failure
}

/** What a call that must fail fails with. */
const failing = (
  script: Scripted,
  texts: ReadonlyArray<string> = ["a"],
  options?: EmbeddingModels.Options,
  world?: World
) => many(texts).pipe(Effect.flip, Effect.provide(over(script, small, options, world)), Effect.orDie)

const once: World = { policy: { maxAttempts: 1 } }

const credentialOf = ({ headers }: HttpRequest) => Redacted.value(headers["authorization"] as Redacted.Redacted)

describe("a model for embeddings", () => {
  it.effect("asks OpenAI and answers in the texts' order, with what it took", () => {
    const script = scripted(
      json(
        list([
          [0.5, 1],
          [-1, 2e-7]
        ])
      )
    )
    return Effect.gen(function* () {
      const { embeddings, usage } = yield* many(["kelp", "rock"])
      assert.deepStrictEqual(
        embeddings.map(({ vector }) => vector),
        [
          [0.5, 1],
          [-1, 2e-7]
        ]
      )
      assert.strictEqual(usage.inputTokens, 5)
      assert.deepStrictEqual(script.bodies(), [{ model: "text-embedding-3-small", input: ["kelp", "rock"] }])
      const [request] = script.requests
      assert.strictEqual(request?.url, "https://api.openai.com/v1/embeddings")
      assert.deepInclude(request, { method: "POST", declaration: "repeatable" })
      assert.strictEqual(request === undefined ? "" : credentialOf(request), "Bearer sk-key-secret")
    }).pipe(Effect.provide(over(script)))
  })

  it.effect("asks Ollama in its own format", () => {
    const script = scripted(json({ model: "nomic-embed-text", embeddings: [[1], [2]], prompt_eval_count: 7 }))
    return Effect.gen(function* () {
      const { embeddings, usage } = yield* many(["a", "b"])
      assert.deepStrictEqual(
        embeddings.map(({ vector }) => vector),
        [[1], [2]]
      )
      assert.strictEqual(usage.inputTokens, 7)
      assert.strictEqual(script.requests[0]?.url, "http://localhost:11434/api/embed")
      assert.deepStrictEqual(script.bodies(), [
        { model: "nomic-embed-text", input: ["a", "b"], dimensions: 1, keep_alive: "1h", truncate: false }
      ])
    }).pipe(
      Effect.provide(
        over(
          script,
          "ollama/nomic-embed-text",
          { dimensions: 1, params: { truncate: false } },
          {
            params: { keep_alive: "1h", truncate: true }
          }
        )
      )
    )
  })

  it.effect("embeds single texts that are asked for together in one request", () => {
    const script = scripted(json(list([[1], [2], [3]])))
    return Effect.gen(function* () {
      const model = yield* EmbeddingModel.EmbeddingModel
      const answers = yield* Effect.forEach(["a", "b", "c"], model.embed, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        answers.map(({ vector }) => vector),
        [[1], [2], [3]]
      )
      assert.strictEqual(script.requests.length, 1)
    }).pipe(Effect.provide(over(script)))
  })

  it.effect("asks nobody for nothing", () => {
    const script = scripted()
    return Effect.gen(function* () {
      assert.deepStrictEqual((yield* many([])).embeddings, [])
      assert.strictEqual(script.requests.length, 0)
    }).pipe(Effect.provide(over(script)))
  })

  it.effect("has its Dimensions where they are set, and only there", () =>
    Effect.gen(function* () {
      const script = scripted(json(list([[1, 2]])))
      const set = EmbeddingModels.layer(small, { dimensions: 2 })
      const program = Effect.zip(EmbeddingModel.Dimensions, many(["a"]))
      const [dimensions] = yield* Effect.provide(program, Layer.provide(set, services(script)))
      assert.strictEqual(dimensions, 2)
      assert.deepInclude(script.bodies()[0], { dimensions: 2 })
      const unset = yield* Effect.serviceOption(EmbeddingModel.Dimensions).pipe(Effect.provide(over(scripted())))
      assert.isTrue(Option.isNone(unset))
    })
  )

  it.effect("tells a model how long its vectors are to be where it can be told, and holds it to it anyway", () =>
    Effect.gen(function* () {
      const models: ReadonlyArray<readonly [string, boolean]> = [
        [small, true],
        ["openai/text-embedding-ada-002", false],
        ["openrouter/openai/text-embedding-ada-002", false],
        ["openrouter/openai/text-embedding-3-large", true],
        ["zai/embedding-3", true],
        ["zai/embedding-2", false],
        ["qianfan/embedding-v1", false]
      ]
      for (const [model, told] of models) {
        const script = scripted(json(list([[1, 2, 3]])))
        const error = yield* many(["a"]).pipe(Effect.flip, Effect.provide(over(script, model, { dimensions: 2 }, once)))
        assert.strictEqual("dimensions" in (script.bodies()[0] ?? {}), told, model)
        assert.include(failureOf(error).reason, { _tag: "MalformedResponse" })
      }
    })
  )
})

describe("an answer with embeddings", () => {
  it.effect("is put in order by its numbers", () =>
    Effect.gen(function* () {
      const orders = [
        [1, 0, 2],
        [2, 1, 0],
        [0, 1, 2]
      ]
      for (const order of orders) {
        const script = scripted(
          json(
            list(
              order.map((index) => [index]),
              5,
              order
            )
          )
        )
        const { embeddings } = yield* Effect.provide(many(["a", "b", "c"]), over(script))
        assert.deepStrictEqual(
          embeddings.map(({ vector }) => vector),
          [[0], [1], [2]]
        )
      }
    })
  )

  it.effect("without any number is as it came", () => {
    const data = [{ embedding: [1] }, { embedding: [2] }]
    return Effect.gen(function* () {
      const { embeddings, usage } = yield* many(["a", "b"])
      assert.deepStrictEqual(
        embeddings.map(({ vector }) => vector),
        [[1], [2]]
      )
      assert.isUndefined(usage.inputTokens)
    }).pipe(Effect.provide(over(scripted(json({ data })))))
  })

  const wrong: ReadonlyArray<readonly [what: string, body: unknown]> = [
    ["too few vectors", list([[1]])],
    ["too many vectors", list([[1], [2], [3]])],
    ["none", list([])],
    ["a number twice", list([[1], [2]], 5, [0, 0])],
    ["a number beyond the texts", list([[1], [2]], 5, [0, 2])],
    ["a number below nothing", list([[1], [2]], 5, [-1, 0])],
    ["a number for one alone", list([[1], [2]], 5, [0, undefined])],
    ["words for numbers", list([["1"], ["2"]])],
    ["no number in a vector", list([[1], [null]])],
    ["vectors of nothing", list([[], []])],
    ["vectors of two lengths", list([[1, 2], [3]])],
    ["text for a vector", list(["AACAPw==", "AACAPw=="])],
    ["no vector", list([undefined, undefined])],
    ["no list", { data: {} }],
    ["another thing", { hello: "world" }],
    ["a list alone", [[1], [2]]]
  ]

  it.effect.each(wrong)("that holds %s is malformed, asked for once more, and nobody gets it", ([, body]) =>
    Effect.gen(function* () {
      const script = scripted(json(body), json(body))
      const error = yield* failing(script, ["a", "b"])
      const failure = failureOf(error)
      assert.deepInclude(failure.reason, { _tag: "MalformedResponse", what: "json" })
      assert.strictEqual(script.requests.length, 2)
      assert.strictEqual((error as AiError.AiError).reason._tag, "InvalidOutputError")
      assert.deepInclude(error, { module: "Holdfast", method: "embedMany" })
    })
  )

  it.effect("that is endless in a number is malformed", () =>
    Effect.gen(function* () {
      const script = scripted(json('{"data":[{"index":0,"embedding":[1e999]}]}'))
      assert.include(failureOf(yield* failing(script, ["a"], undefined, once)).reason, { _tag: "MalformedResponse" })
    })
  )

  it.effect("of Ollama's that is wrong is malformed, and an error inside a 200 is that error", () =>
    Effect.gen(function* () {
      const bodies = [{ embeddings: [[1]] }, { embeddings: [[1], ["2"]] }, { embedding: [1] }, { embeddings: {} }]
      for (const body of bodies) {
        const script = scripted(json(body))
        const error = yield* many(["a", "b"]).pipe(Effect.flip, Effect.provide(over(script, "ollama/m", {}, once)))
        assert.deepInclude(failureOf(error).reason, { _tag: "MalformedResponse", what: "json" })
      }
      for (const model of ["ollama/m", small]) {
        const script = scripted(json({ error: { message: "out of memory", type: "server_error" } }))
        const error = yield* many(["a"]).pipe(Effect.flip, Effect.provide(over(script, model, {}, once)))
        assert.notStrictEqual(failureOf(error).reason._tag, "MalformedResponse")
      }
    })
  )

  it.effect("that is no JSON, or a page, is malformed", () =>
    Effect.gen(function* () {
      for (const [reply, what] of [
        [page("<html>Welcome</html>", 200), "content-type"],
        [json('{"data":[{"embedding":[1'), "json"],
        [json(""), "json"]
      ] as const) {
        assert.deepInclude(failureOf(yield* failing(scripted(reply), ["a"], undefined, once)).reason, {
          _tag: "MalformedResponse",
          what
        })
      }
    })
  )
})

const bytesOf = (batch: ReadonlyArray<string>) => Buffer.byteLength(batch.join(""))

describe("texts beyond one request", () => {
  it.effect("are sent in several, in order, and what they took is added up", () => {
    const texts = Array.from({ length: 40 }, (_, at) => `t${at}`)
    const answers = [16, 16, 8].map((count, batch) =>
      json(
        list(
          Array.from({ length: count }, (_, at) => [batch * 16 + at]),
          3
        )
      )
    )
    const script = scripted(...answers)
    return Effect.gen(function* () {
      const { embeddings, usage } = yield* many(texts)
      assert.deepStrictEqual(
        embeddings.map(({ vector }) => vector[0]),
        texts.map((_, at) => at)
      )
      assert.strictEqual(usage.inputTokens, 9)
      assert.deepStrictEqual(
        script.bodies().map(({ input }) => input),
        [texts.slice(0, 16), texts.slice(16, 32), texts.slice(32)]
      )
    }).pipe(Effect.provide(over(script, "qianfan/embedding-v1")))
  })

  it.effect("took what is not known where one request did not say", () => {
    const script = scripted(json(list([[1]], 3)), json({ ...list([[2]]), usage: {} }))
    return Effect.gen(function* () {
      const { usage } = yield* many(["a", "b"])
      assert.isUndefined(usage.inputTokens)
    }).pipe(Effect.provide(over(script, "qianfan/tao-8k")))
  })

  it.effect("fail as a whole with the request that fails", () => {
    const script = scripted(json(list([[1]])), json({ error: { message: "no", type: "invalid_request_error" } }, 400))
    return Effect.gen(function* () {
      const failure = failureOf(yield* Effect.flip(many(["a", "b", "c"])))
      assert.strictEqual(failure.reason._tag, "InvalidRequest")
      assert.strictEqual(script.requests.length, 2)
    }).pipe(Effect.provide(over(script, "qianfan/tao-8k")))
  })

  it.effect("are as many as the smallest host in the chain takes", () => {
    const openai = table.find(({ id }) => id === "openai")
    const embeddings = openai?.embeddings
    assert.isDefined(openai)
    assert.isDefined(embeddings)
    const tiny = { ...openai, id: "tiny", embeddings: { ...embeddings, largestBatch: () => ({ texts: 2 }) } }
    const chain = [at(small, { identity: "e" }), at("tiny/other-name", { identity: "e" })]
    const script = scripted(json(list([[1], [2]])), json(list([[3]])))
    return Effect.gen(function* () {
      assert.strictEqual((yield* many(["a", "b", "c"])).embeddings.length, 3)
      assert.strictEqual(script.requests.length, 2)
    }).pipe(Effect.provide(over(script, small, {}, { chain, providers: [tiny] })))
  })

  it("are cut so that every request fits, in as few as that takes, and none is lost", () => {
    for (let seed = 0; seed < 200; seed++) {
      const next = random(seed)
      const texts = Array.from({ length: Math.floor(next() * 30) }, () => "ü".repeat(Math.floor(next() * 12)))
      const largest = { texts: 1 + Math.floor(next() * 8), ...(next() < 0.5 ? {} : { bytes: Math.floor(next() * 40) }) }
      const batches = split(texts, largest)
      assert.deepStrictEqual(batches.flat(), texts)
      for (const [index, batch] of batches.entries()) {
        assert.isAtLeast(batch.length, 1)
        assert.isAtMost(batch.length, largest.texts)
        if (batch.length > 1) assert.isAtMost(bytesOf(batch), largest.bytes ?? Number.POSITIVE_INFINITY)
        const following = batches[index + 1]?.[0]
        if (following === undefined) continue
        const fits = batch.length < largest.texts && bytesOf([...batch, following]) <= (largest.bytes ?? Infinity)
        assert.isFalse(fits, `seed ${seed}`)
      }
    }
    assert.deepStrictEqual(smallest([{ texts: 5, bytes: 9 }, { texts: 3 }, { texts: 8, bytes: 4 }]), {
      texts: 3,
      bytes: 4
    })
    assert.deepStrictEqual(smallest([{ texts: 5 }]), { texts: 5 })
  })
})

describe("an embedding that fails", () => {
  const limited = json({ error: { message: "slow down", type: "rate_limit_error" } }, 429, { "retry-after": "3600" })
  const refused = json({ error: { message: "no such key", code: "invalid_api_key" } }, 401)

  it.effect("is retried by the policy after a lost connection, on a fresh one", () => {
    const script = scripted(json("{").pipe(broken), json(list([[1]])))
    return Effect.gen(function* () {
      assert.strictEqual((yield* many(["a"])).embeddings.length, 1)
      assert.strictEqual(script.requests[1]?.connection, "fresh")
      assert.strictEqual(script.requests[1]?.attempt, 2)
    }).pipe(Effect.provide(over(script)))
  })

  it.effect("goes to another credential and to another host of the same model", () => {
    const openai = table.find(({ id }) => id === "openai")
    assert.isDefined(openai)
    const host = { ...openai, id: "host", baseUrl: "https://host.example/v1" }
    const identity = { identity: "text-embedding-3-small" }
    const chain = [at(`${small}@work`, identity), at(`${small}@home`, identity), at("host/te3s", identity)]
    const script = scripted(refused, refused, json(list([[1]])))
    return Effect.gen(function* () {
      assert.deepStrictEqual((yield* many(["a"])).embeddings[0]?.vector, [1])
      assert.deepStrictEqual(
        script.requests.map(({ url }) => new URL(url).host),
        ["api.openai.com", "api.openai.com", "host.example"]
      )
      assert.deepStrictEqual(script.requests.slice(0, 2).map(credentialOf), [
        "Bearer sk-work-secret",
        "Bearer sk-home-secret"
      ])
      assert.deepStrictEqual(
        script.bodies().map(({ model }) => model),
        ["text-embedding-3-small", "text-embedding-3-small", "te3s"]
      )
    }).pipe(Effect.provide(over(script, small, {}, { chain, providers: [host] })))
  })

  it.effect("never goes to another model, whatever chain is configured and however it fails", () =>
    Effect.gen(function* () {
      const family = { maker: "openai", line: "text-embedding" }
      const others = [
        at("openai/text-embedding-3-large", { family }),
        at("openai/text-embedding-ada-002", { family, identity: "text-embedding-3-small" }),
        at("openrouter/openai/text-embedding-3-small", { family }),
        at("ollama/nomic-embed-text"),
        at("anthropic/claude-opus-4-7")
      ]
      const chain = [at(small, { family, identity: "text-embedding-3-small" }), ...others]
      const gone = json({ error: { message: "gone", code: "model_not_found" } }, 404)
      const lost = json("{").pipe(broken)
      const failures: ReadonlyArray<readonly [first: ReadonlyArray<Reply>, requests: number, answered: boolean]> = [
        [[refused], 1, false],
        [[gone], 1, false],
        [[lost, lost], 2, false],
        [[json(list([])), json(list([]))], 2, false],
        [[limited], 1, false],
        [[page("<html>Bad gateway</html>", 502)], 2, true]
      ]
      for (const [first, requests, answered] of failures) {
        // Should it go on, there is an answer of another model's to be taken.
        const script = scripted(...first, ...Array.from({ length: 20 }, () => json(list([[9]]))))
        const world: World = { chain, policy: { swap: { start: "any", midTurn: "any" } } }
        const fiber = yield* Effect.forkChild(Effect.exit(Effect.provide(many(["a"]), over(script, small, {}, world))))
        yield* TestClock.adjust("2 hours")
        const exit = yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          script.requests.map(({ candidate: { model, provider } }) => `${provider}/${model}`),
          Array.from({ length: requests }, () => small)
        )
        assert.strictEqual(Exit.isSuccess(exit), answered)
      }
    })
  )

  it.effect("stays the model that it was when an alias comes to mean another, and goes where it is hosted now", () => {
    let chain = [at(small)]
    const script = scripted(json(list([[1]])), json(list([[2]])))
    return Effect.gen(function* () {
      yield* many(["a"])
      chain = [at("openai/text-embedding-3-large"), at(`${small}@other`)]
      yield* many(["a"])
      assert.strictEqual(script.requests[1]?.candidate.credential, "other")
      chain = [at("openai/text-embedding-3-large")]
      const input = AiErrors.invalidInputOf((yield* Effect.flip(many(["a"]))) as AiError.AiError)
      assert.deepInclude(input?.problems[0], {
        place: "model",
        found: "openai/text-embedding-3-large, whose vectors do not compare with them"
      })
      assert.strictEqual(script.requests.length, 2)
    }).pipe(Effect.provide(over(script, "embedder", {}, { chain: () => chain })))
  })

  it("has no option to name other models", () => {
    // @ts-expect-error vectors of different models do not compare
    const options: EmbeddingModels.Options = { fallbacks: ["openai/text-embedding-3-large"] }
    assert.property(options, "fallbacks")
  })

  it.effect("is an AiError as a model's is, retryable where a replay is allowed", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [Reply, string, boolean, string]> = [
        [limited, "RateLimitError", true, "RateLimited"],
        [refused, "AuthenticationError", false, "AuthenticationFailed"],
        [
          json({ error: { message: "gone", code: "model_not_found" } }, 404),
          "InvalidRequestError",
          false,
          "ModelNotFound"
        ],
        [page("<html>Bad gateway</html>", 502), "InternalProviderError", true, "ServerError"]
      ]
      for (const [reply, reason, isRetryable, own] of cases) {
        const error = (yield* failing(scripted(reply), ["a"], undefined, once)) as AiError.AiError
        assert.strictEqual(error.reason._tag, reason)
        assert.strictEqual(error.isRetryable, isRetryable)
        assert.strictEqual(failureOf(error).reason._tag, own)
      }
    })
  )

  it.effect("keeps no secret that a server echoes", () =>
    Effect.gen(function* () {
      const echo = json({ error: { message: "wrong key sk-key-secret", code: "invalid_api_key" } }, 401)
      const error = (yield* failing(scripted(echo), ["a"], undefined, once)) as AiError.AiError
      assert.notInclude(JSON.stringify([error, failureOf(error)]), "sk-key-secret")
      assert.include(failureOf(error).reason, { said: "wrong key [redacted]" })
    })
  )

  it.effect("leaves the turn to the model that talks", () => {
    const script = scripted(json(list([[1]])))
    return Turn.run(
      Effect.gen(function* () {
        yield* many(["a"])
        const state = yield* Turn.state
        assert.isTrue(Option.isSome(state))
        assert.notInclude(JSON.stringify(state), "text-embedding")
      })
    ).pipe(Effect.provide(over(script)))
  })
})

describe("a layer of embeddings", () => {
  const problemsOf = Effect.fnUntraced(function* (model: string, options?: EmbeddingModels.Options) {
    const script = scripted()
    const error = yield* Effect.scoped(Layer.build(over(script, model, options))).pipe(Effect.flip)
    assert.strictEqual(script.requests.length, 0)
    return error.problems
  })

  it.effect("of a provider that has none fails when it is built, and says who has", () =>
    Effect.gen(function* () {
      const [problem] = yield* problemsOf("anthropic/claude-opus-4-7")
      assert.deepInclude(problem, { kind: "InvalidOption", place: "model" })
      assert.include(problem.found, "anthropic")
      assert.include(problem.expected, "openai")
    })
  )

  it.effect("names every option that is wrong", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf(small, {
        dimensions: 0,
        concurrency: 1.5,
        params: { input: ["x"], model: "m", encoding_format: "base64", user: "u" }
      })
      assert.deepStrictEqual(
        problems.map(({ place }) => place),
        ["concurrency", "dimensions", "params.model", "params.input", "params.encoding_format"]
      )
    })
  )

  it.effect("passes over a form of vectors that configuration asks for and nobody reads", () => {
    const script = scripted(json(list([[1]])))
    return Effect.gen(function* () {
      yield* many(["a"])
      assert.deepStrictEqual(script.bodies()[0], { model: "text-embedding-3-small", input: ["a"], user: "u" })
    }).pipe(Effect.provide(over(script, small, {}, { params: { encoding_format: "base64", user: "u" } })))
  })
})
