import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Configuration from "@holdfast/providers/Configuration"
import * as Providers from "@holdfast/providers/Providers"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const secret = "sk-ant-api03-verysecretverysecret"

const own = {
  models: {
    "anthropic/a": { alias: "x", params: { max_tokens: 1 }, facts: { input: ["text"], price: { input: 1, output: 2 } } }
  },
  agents: { default: "x", chief: { primary: "anthropic/a", fallbacks: ["openai/b", "x"] } },
  allow: ["x", "openai/*"],
  providers: {
    openai: {
      baseUrl: "http://localhost:1",
      api: "openai-completions",
      apiKey: { env: "A_KEY" },
      headers: { "x-team": "a" },
      limits: { connect: "1 second" },
      proxy: { url: "http://localhost:1", password: "p" },
      tls: { caFile: "a" },
      keepAlive: false,
      models: [{ id: "b", contextTokens: 5 }]
    }
  },
  credentials: { profiles: { "anthropic:w": { key: { command: ["a", "b"] } } }, order: { anthropic: ["w"] } },
  policy: {
    swap: { start: "any" },
    retry: { capacity: { times: 1, delay: "1 second" } },
    maxAttempts: 2,
    chains: { ContextOverflow: ["anthropic/a"] },
    hold: { parts: 2 },
    hedge: { after: "p95" }
  },
  health: { capacity: { after: 1, windows: ["1 second"] } },
  budget: { ratio: 0.1, window: "1 second" },
  limits: { total: false },
  minInterval: "1 second",
  proxy: "env"
}

const openclaw = {
  agents: {
    defaults: {
      model: { primary: "anthropic/a", fallbacks: ["openai/b"] },
      models: { "anthropic/a": { alias: "x", params: { cacheRetention: "short" } } }
    },
    list: [{ id: "chief", model: "anthropic/a" }]
  },
  models: {
    primary: { provider: "anthropic", model: "a" },
    providers: {
      mine: {
        baseUrl: "http://localhost:1",
        api: "openai-completions",
        apiKey: "${A_KEY}",
        timeoutSeconds: 3,
        request: { proxy: { mode: "env-proxy" }, tls: { ca: "a" } },
        models: [{ id: "b", cost: { input: 1, output: 1 } }]
      }
    }
  },
  auth: { profiles: { "anthropic:w": { mode: "api_key" } }, order: { anthropic: ["anthropic:w"] } },
  rateLimiting: { minInterval: 1, retry: { maxRetries: 1 } },
  proxy: { enabled: true, url: "http://localhost:1" },
  timeout: { connect: 1 }
}

/** What may stand where something else was expected; new each time, because it is edited, too. */
const junk = (): ReadonlyArray<unknown> => [
  secret,
  `${secret} `,
  "",
  " ",
  0,
  -1,
  1.5,
  Number.NaN,
  true,
  null,
  undefined,
  [],
  [secret],
  {},
  { [secret]: secret },
  Redacted.make(secret)
]

type Tree = Record<string, unknown> | Array<unknown>

const isTree = (u: unknown): u is Tree => typeof u === "object" && u !== null && !Redacted.isRedacted(u)

/** All the places of a tree: what holds a value, and under which key. */
const placesOf = (tree: Tree): ReadonlyArray<readonly [Tree, string]> =>
  Object.entries(tree).flatMap(([key, value]) => [[tree, key] as const, ...(isTree(value) ? placesOf(value) : [])])

const Edit = Schema.Struct({
  at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 })),
  what: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: junk().length - 1 })),
  how: Schema.Literals(["replace", "add", "rename"])
})

const Edits = Schema.Array(Edit).check(Schema.isMinLength(1), Schema.isMaxLength(4))

const edited = (tree: Tree, edits: typeof Edits.Type): unknown => {
  const copy = structuredClone(tree)
  for (const { at, how, what } of edits) {
    const places = placesOf(copy)
    const [parent, key] = places[at % places.length] ?? [copy, "models"]
    const value: unknown = Reflect.get(parent, key)
    if (how === "replace") Reflect.set(parent, key, junk()[what])
    else if (Array.isArray(parent)) parent.push(junk()[what])
    else if (how === "add") parent[secret] = junk()[what]
    else {
      delete parent[key]
      parent[`${key}x`] = value
    }
  }
  return copy
}

const runs = { arbitrary: { runs: 150, seed: 20261121 }, timeout: 60_000 }

/** Nothing that is said of it holds the secret. */
const assertSilent = (said: unknown): void => {
  assert.notInclude(inspect(said, { depth: 12 }) + JSON.stringify(said), "verysecret")
}

describe.each([
  ["holdfast.json5", own],
  ["openclaw.json5", openclaw]
])("%s", (place, tree) => {
  it("is sound before it is edited", () => {
    const decoded = Configuration.decode(tree, place)
    assert.isTrue(Result.isSuccess(decoded), Result.isFailure(decoded) ? decoded.failure.message : "")
  })

  it.effect.prop(
    "edited in any way is a registry, or a mistake that says where it is and repeats no secret",
    [Edits],
    ([edits]) =>
      Effect.gen(function* () {
        const decoded = Configuration.decode(edited(tree, edits), place)
        if (Result.isFailure(decoded)) {
          assertSilent([decoded.failure.message, decoded.failure.problems])
          for (const problem of decoded.failure.problems) assert.isNotEmpty(problem.place)
          return
        }
        assertSilent(decoded.success.unknown)
        const built = yield* Effect.result(
          Effect.scoped(Layer.build(Providers.layer({ configuration: decoded.success })))
        )
        if (Result.isFailure(built)) assertSilent([built.failure.message, built.failure.problems])
      }).pipe(Effect.provide(Logger.layer([]))),
    runs
  )
})
