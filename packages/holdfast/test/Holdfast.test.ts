import { assert, describe, it } from "@effect/vitest"
import { TestTransport } from "@holdfast/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { Telemetry } from "holdfast"
import { Dispatcher, Holdfast, InvalidInput } from "holdfast"

type Pools = Readonly<Record<string, Layer.Layer<Dispatcher.Dispatcher, unknown, Telemetry.Telemetry>>>

/** Builds the layer, and gives what is wrong with its settings. */
const problemsOf = Effect.fnUntraced(function* (dispatchers: Pools, options: Holdfast.Options = {}) {
  const error = yield* Effect.flip(Effect.scoped(Layer.build(Holdfast.layer({ ...options, dispatchers }))))
  if (!InvalidInput.isInvalidInput(error)) return yield* Effect.die(error)
  return error.problems
})

const local = { baseUrl: "http://127.0.0.1:9/v1", api: "openai-completions" }

it.effect("the transport serves an HttpClient and a fetch, with the repair of a generation endpoint", () =>
  Effect.gen(function* () {
    const url = "https://api.openai.com/v1/chat/completions"
    const body = { model: "gpt-5.5", messages: [] }
    const client = yield* Holdfast.client("openai")
    const answered = yield* client.execute(HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(url), body))
    assert.strictEqual(yield* answered.text, "client")
    const fetch = yield* Holdfast.fetch("openai")
    const response = yield* Effect.promise(() => fetch(url, { method: "POST", body: JSON.stringify(body) }))
    assert.strictEqual(yield* Effect.promise(() => response.text()), "fetch")
  }).pipe(
    Effect.provide(
      TestTransport.layer([
        TestTransport.stale(),
        TestTransport.answer({ body: "client" }),
        TestTransport.stale(),
        TestTransport.answer({ body: "fetch" })
      ])
    )
  )
)

describe("the dispatchers of a layer", () => {
  it.effect("are refused where no provider has their id, by the id and with those that are known", () =>
    Effect.gen(function* () {
      const [problem, ...more] = yield* problemsOf(
        { antropic: Dispatcher.layerPool(), openai: Dispatcher.layerPool() },
        { providers: { local } }
      )
      assert.deepStrictEqual(more, [])
      assert.deepInclude(problem, { kind: "UnknownProvider", place: "dispatchers.antropic", found: '"antropic"' })
      for (const id of ["anthropic", "openai", "local"]) assert.include(problem?.expected, id)
    })
  )

  it.effect("are refused all at once, before any is made", () =>
    Effect.gen(function* () {
      let made = 0
      const counted = Layer.unwrap(
        Effect.sync(() => {
          made++
          return Dispatcher.layerPool()
        })
      )
      const problems = yield* problemsOf({ antropic: counted, openai: counted, opnai: counted })
      assert.deepStrictEqual(
        problems.map(({ place }) => place),
        ["dispatchers.antropic", "dispatchers.opnai"]
      )
      assert.strictEqual(made, 0)
    })
  )

  it.effect("are refused without a key that was pasted in the place of an id", () =>
    Effect.gen(function* () {
      for (const key of [`sk-ant-api03-${"x".repeat(80)}`, "xxxx0123456789abcdef0123456789ab"]) {
        const problems = yield* problemsOf({ [key]: Dispatcher.layerPool() })
        assert.notInclude(JSON.stringify(problems), "xxxx")
      }
    })
  )

  it.effect("are taken for every provider that is known, one that the settings name among them", () =>
    Effect.gen(function* () {
      const dispatchers = { anthropic: Dispatcher.layerPool(), local: Dispatcher.layerPool() }
      const layer = Holdfast.layer({ providers: { local }, dispatchers })
      assert.isDefined(yield* Effect.scoped(Layer.build(layer)))
    })
  )

  it.effect("fail the layer as theirs do", () =>
    Effect.gen(function* () {
      const dispatchers = {
        anthropic: Layer.effect(Dispatcher.Dispatcher, Effect.fail("no proxy" as const)),
        openai: Dispatcher.layerPool({ connections: 8 })
      }
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Holdfast.layer({ dispatchers }))))
      assert.strictEqual(error, "no proxy")
    })
  )
})
