import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ok, rawServer } from "./support/rawServer.ts"

const folder = fileURLToPath(new URL("..", import.meta.url))

const example = (): string => {
  const [, code] = /```ts\n([\s\S]*?)```/.exec(readFileSync(`${folder}/README.md`, "utf8")) ?? []
  return code ?? ""
}

describe("the README", () => {
  it.live("has an example that runs", () =>
    Effect.gen(function* () {
      const server = yield* rawServer((socket) => socket.on("data", () => socket.write(ok('{"data":[]}'))))
      const { stdout } = yield* Effect.promise(() =>
        promisify(execFile)(
          process.execPath,
          ["--conditions=@holdfast/source", "--input-type=module-typescript", "-e", example()],
          { cwd: folder, env: { MODELS_URL: `${server.origin}/v1/models`, ANTHROPIC_API_KEY: "sk-secret" } }
        )
      )
      assert.include(stdout, '200 {"data":[]}')
      assert.include(stdout, "phase: 'responding'")
      assert.notInclude(stdout, "sk-secret")
    }).pipe(Effect.scoped)
  )
})
