import { assert, describe, it } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import * as ModelList from "@holdfast/providers/ModelList"
import type { ProviderDefinition } from "@holdfast/providers/ProviderDefinition"
import { table } from "@holdfast/providers/ProviderTable"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Scripted } from "./support/scripted.ts"
import { broken, json, page, scripted } from "./support/scripted.ts"
import { services } from "./support/world.ts"

const definitionOf = (id: string): ProviderDefinition => {
  const found = table.find((definition) => definition.id === id)
  if (found === undefined) throw new Error(`no ${id} in the table`)
  return found
}

const listOf = (script: Scripted, id: string, credential?: string) =>
  ModelList.of(definitionOf(id), credential === undefined ? {} : { credential }).pipe(Effect.provide(services(script)))

describe("a list of models", () => {
  it.effect("is read in every format, at the provider's own path and with its key", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [id: string, body: unknown, url: string]> = [
        ["openai", { object: "list", data: [{ id: "b" }, { id: "a" }] }, "https://api.openai.com/v1/models"],
        [
          "anthropic",
          { data: [{ type: "model", id: "b" }, { id: "a" }], has_more: false },
          "https://api.anthropic.com/v1/models"
        ],
        ["ollama", { models: [{ name: "b", model: "b" }, { name: "a" }] }, "http://localhost:11434/api/tags"]
      ]
      for (const [id, body, url] of cases) {
        const script = scripted(json(body))
        assert.deepStrictEqual(yield* listOf(script, id, "work"), ["b", "a"])
        const [request] = script.requests
        assert.deepInclude(request, { method: "GET", url, declaration: "repeatable" })
        assert.notProperty(request, "body")
        const keys = Object.values(request?.headers ?? {}).flatMap((value) =>
          typeof value === "string" ? [] : [Redacted.value(value)]
        )
        assert.strictEqual(keys.length, 1)
        assert.isTrue(keys[0]?.endsWith("sk-work-secret"), id)
      }
    })
  )

  it.effect("of several pages is read to its end, each model once", () => {
    const pages = [
      { data: [{ id: "a" }, { id: "b" }], has_more: true, last_id: "b&c" },
      { data: [{ id: "b" }, { id: "c" }], has_more: true, last_id: "c" },
      { data: [], has_more: true, last_id: "c" }
    ]
    const script = scripted(...pages.map((each) => json(each)))
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* listOf(script, "anthropic"), ["a", "b", "c"])
      assert.deepStrictEqual(
        script.requests.map(({ url }) => new URL(url).search),
        ["", "?after_id=b%26c", "?after_id=c"]
      )
    })
  })

  it.effect("that never ends is read no further than fifty pages", () => {
    const script = scripted(
      ...Array.from({ length: 60 }, () => json({ data: [{ id: "a" }], has_more: true, last_id: "a" }))
    )
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* listOf(script, "anthropic"), ["a"])
      assert.strictEqual(script.requests.length, 50)
    })
  })

  it.effect("that is refused, cut or none fails with that, and is not asked for again", () =>
    Effect.gen(function* () {
      const cases = [
        [json({ error: { message: "no such key", code: "invalid_api_key" } }, 401), "AuthenticationFailed"],
        [page("<html>Bad gateway</html>", 502), "ServerError"],
        [json('{"data":[').pipe(broken), "ConnectionLost"],
        [json('{"data":['), "MalformedResponse"],
        [page("<html>Welcome</html>", 200), "MalformedResponse"],
        [json({ hello: "world" }), "MalformedResponse"],
        [json({ data: {} }), "MalformedResponse"],
        [json({ data: [{ id: "a" }, { id: 7 }] }), "MalformedResponse"],
        [json([{ id: "a" }]), "MalformedResponse"]
      ] as const
      for (const [reply, reason] of cases) {
        const script = scripted(reply, json({ data: [] }))
        const error = yield* Effect.flip(listOf(script, "openai"))
        assert.isTrue(Failure.isFailure(error))
        assert.strictEqual(Failure.isFailure(error) ? error.reason._tag : "", reason)
        assert.strictEqual(script.requests.length, 1)
        assert.notInclude(JSON.stringify(error), "sk-key-secret")
      }
    })
  )

  it.effect("of a provider without one is a problem that says so", () =>
    Effect.gen(function* () {
      const { modelsPath: _, ...silent } = definitionOf("openai")
      const error = yield* Effect.flip(ModelList.of(silent).pipe(Effect.provide(services(scripted()))))
      assert.strictEqual(error._tag, "InvalidInput")
    })
  )
})
