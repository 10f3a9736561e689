import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, layer } from "@effect/vitest"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"

const folder = fileURLToPath(new URL("..", import.meta.url))

const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(readFileSync(`${folder}README.md`, "utf8")) ?? []

layer(FaultServer.layer({ endpoints: { model: { answer: { text: "Hello from here." } } } }), {
  excludeTestServices: true
})("the README", (it) => {
  it.effect("has an example that runs", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const { origin } = yield* server.endpoint("model")
      const { stdout } = yield* Effect.promise(() =>
        promisify(execFile)(
          process.execPath,
          ["--conditions=@holdfast/source", "--input-type=module-typescript", "--eval", example],
          {
            cwd: folder,
            timeout: 30_000,
            env: { ...process.env, ANTHROPIC_BASE_URL: origin, ANTHROPIC_API_KEY: "sk-ant-test" }
          }
        )
      )
      assert.include(stdout, "Hello from here.")
      assert.include(stdout, "anthropic/claude-opus-4-7")
      assert.notInclude(stdout, "sk-ant-test")
    })
  )
})
