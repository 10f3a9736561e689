import { assert, describe, it } from "@effect/vitest"
import * as InvalidInput from "@holdfast/core/InvalidInput"
import * as Configuration from "@holdfast/providers/Configuration"
import { ConfigurationSource } from "@holdfast/providers/ConfigurationSource"
import * as Providers from "@holdfast/providers/Providers"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/** What the registry says of a file. */
const placesIn = (file: unknown) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(
      Layer.build(
        Providers.layer().pipe(
          Layer.provide(
            Layer.succeed(ConfigurationSource, {
              load: Effect.sync(() => ({ ...Configuration.read(file, "holdfast.json5"), place: "holdfast.json5" })),
              changes: Stream.never
            })
          )
        )
      )
    )
    if (!InvalidInput.isInvalidInput(error)) return assert.fail(String(error))
    return error.problems.map(({ place }) => place).toSorted()
  }).pipe(Effect.scoped)

describe("what is wrong with a configuration", () => {
  it.effect("is said at once, whether Schema finds it or whoever follows its names", () =>
    Effect.gen(function* () {
      const places = yield* placesIn({
        agnets: 1,
        providers: { openai: { baseUrl: 7 }, nobody: {} },
        agents: {
          a: { primary: "x/y" },
          b: { primry: "opus" },
          c: { primary: "anthropic/claude-opus-4-7", fallbacks: ["nobdy/m", "nobody/m"] },
          loop: "loop"
        },
        limits: { stall: "soon" }
      })
      assert.deepStrictEqual(places, [
        "agents.a.primary",
        "agents.b.primary",
        "agents.b.primry",
        // `nobody` is there, though not as it should be: what names it is not wrong besides.
        "agents.c.fallbacks[0]",
        "agents.loop",
        "agnets",
        "limits.stall",
        "providers.nobody.api",
        "providers.openai.baseUrl"
      ])
    })
  )

  it.effect("is said of models that the policy names, at their places", () =>
    Effect.gen(function* () {
      const chains = {
        ContextOverflow: ["opus", "anthropic/claude-sonnet-4-6", "gpt"],
        ContentRefused: ["nobody/m"],
        ModelNotFound: ["chief"]
      }
      const models = { "anthropic/claude-opus-4-7": { alias: "opus" } }
      const agents = { chief: "opus", other: "opsu" }
      assert.deepStrictEqual(yield* placesIn({ models, agents, policy: { chains, maxAttempts: 0 } }), [
        "agents.other",
        "policy.chains.ContentRefused[0]",
        "policy.chains.ContextOverflow[2]",
        "policy.maxAttempts"
      ])
    })
  )

  it.effect("is said of OpenClaw's shapes, too", () =>
    Effect.gen(function* () {
      const places = yield* placesIn({
        agents: { defaults: { model: { primary: 7, fallbacks: ["nobody/m"] } }, list: [{ id: "chief", model: "x/y" }] },
        auth: { profiles: {} }
      })
      assert.include(places, "agents.defaults.model.primary")
      assert.isAbove(places.length, 1)
    })
  )

  it.effect.each([7, [], "text", { agents: 7 }, { models: { "a/b": 7 } }, { providers: [1] }])(
    "is said of %j, which is no configuration at all",
    (file) => Effect.map(placesIn(file), (places) => assert.isAbove(places.length, 0))
  )
})
