/** One provider alone: which modules it loads, in a process of its own. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { table } from "@holdfast/providers/ProviderTable"
import * as Effect from "effect/Effect"

const program = fileURLToPath(new URL("./programs/loaded.ts", import.meta.url))

/** The modules of this package that importing these loads. */
const loadedBy = (...specifiers: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.callback((resume) => {
    execFile(
      process.execPath,
      ["--conditions=@holdfast/source", "--no-warnings", program, ...specifiers],
      { timeout: 60_000, killSignal: "SIGKILL" },
      (error, output) =>
        resume(error === null ? Effect.succeed(JSON.parse(output) as ReadonlyArray<string>) : Effect.die(error))
    )
  })

/** Which wire formats, by the folders that hold them. */
const folders = { anthropic: "anthropic", ollama: "ollama", openai: "openai[A-Z][A-Za-z]*" }

const formatsIn = (loaded: ReadonlyArray<string>): ReadonlyArray<string> =>
  Object.entries(folders)
    .filter(([, folder]) => loaded.some((path) => new RegExp(`^internal/${folder}/`).test(path)))
    .map(([name]) => name)

/** Which formats' codecs, by the modules that write their requests. */
const requests = {
  "anthropic-messages": "AnthropicMessages.ts",
  ollama: "Ollama.ts",
  "openai-codex-responses": "OpenAiCodexResponses.ts",
  "openai-completions": "OpenAiCompletions.ts",
  "openai-responses": "OpenAiResponses.ts"
}

/** What a format is written in terms of. */
const builtOn: Readonly<Record<string, ReadonlyArray<string>>> = { "openai-codex-responses": ["openai-responses"] }

const codecsIn = (loaded: ReadonlyArray<string>): ReadonlyArray<string> =>
  Object.entries(requests)
    .filter(([, path]) => loaded.includes(path))
    .map(([api]) => api)

describe("importing DirectModel and a definition", () => {
  it.live("loads one provider's formats and nobody else's, no table and no configuration", () =>
    Effect.gen(function* () {
      const loaded = yield* loadedBy("@holdfast/providers/DirectModel", "@holdfast/providers/definitions/anthropic")
      assert.deepStrictEqual(formatsIn(loaded), ["anthropic"])
      for (const other of ["ProviderTable.ts", "Providers.ts", "Model.ts", "Wrapped.ts"])
        assert.notInclude(loaded, other)
      assert.isFalse(loaded.some((path) => path.startsWith("internal/configuration/")))
      assert.deepStrictEqual(
        loaded.filter((path) => path.startsWith("definitions/")),
        ["definitions/anthropic.ts"]
      )
    })
  )

  it.live.each(
    table.map(({ codecs, id }) => [id, codecs.flatMap(({ api }) => [api, ...(builtOn[api] ?? [])]).toSorted()] as const)
  )("of %s loads the formats that it speaks and no other", ([id, spoken]) =>
    Effect.gen(function* () {
      const name = id.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
      const loaded = yield* loadedBy(`@holdfast/providers/definitions/${name}`)
      assert.include(loaded, `definitions/${name}.ts`)
      assert.deepStrictEqual(codecsIn(loaded), spoken)
    })
  )

  it.live("loads no format by itself", () =>
    Effect.map(loadedBy("@holdfast/providers/DirectModel"), (loaded) => {
      assert.include(loaded, "DirectModel.ts")
      assert.deepStrictEqual(formatsIn(loaded), [])
    })
  )

  it.live("of the whole table loads all formats, so that this test can tell", () =>
    Effect.map(loadedBy("@holdfast/providers/ProviderTable"), (loaded) => {
      const spoken = new Set(table.flatMap(({ codecs }) => codecs.map(({ api }) => api.split("-")[0])))
      assert.deepStrictEqual(formatsIn(loaded).toSorted(), [...spoken].toSorted())
    })
  )
})
