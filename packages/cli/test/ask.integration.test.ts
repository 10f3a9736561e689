import { assert, describe, it } from "@effect/vitest"
import { FaultScript, FaultServer } from "@holdfast/testing"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

interface Run {
  readonly args: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Default: where there is no configuration of whoever runs the tests. */
  readonly cwd?: string
}

const run = ({ args, cwd = tmpdir(), env = {}, stdin = "" }: Run) =>
  Effect.promise(async () => {
    const child = spawn(process.execPath, ["--conditions=@holdfast/source", "--no-warnings", bin, "ask", ...args], {
      cwd,
      env: { PATH: process.env["PATH"], HOME: tmpdir(), ...env },
      timeout: 30_000
    })
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    child.stdin.end(stdin)
    const [code] = await once(child, "close")
    return { code, stdout, stderr }
  })

const echoed = (prompt: string) => `I am the model that comes with Holdfast, and only repeat what I am asked: ${prompt}`

describe("holdfast ask", () => {
  it.live("answers without a key, from the model on this machine", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run({ args: ["Wie geht's, Käpt'n?"] })
      assert.deepStrictEqual(
        { code, stdout, stderr },
        { code: 0, stdout: `${echoed("Wie geht's, Käpt'n?")}\n`, stderr: "" }
      )
    })
  )

  it.live("reads the question from the standard input, and says so where there is none", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* run({ args: [], stdin: "piped" })).stdout, `${echoed("piped")}\n`)
      assert.strictEqual((yield* run({ args: ["-"], stdin: "piped" })).stdout, `${echoed("piped")}\n`)
      const { code, stderr } = yield* run({ args: [], stdin: " \n" })
      assert.strictEqual(code, 1)
      assert.include(stderr, "there is no question")
    })
  )

  it.live("prints one object with who answered and what it took", () =>
    Effect.gen(function* () {
      const { stdout } = yield* run({ args: ["hi", "--json"] })
      const answer = JSON.parse(stdout)
      assert.deepInclude(answer, {
        text: echoed("hi"),
        requested: "local/echo",
        answered: "local/echo",
        finish: "stop"
      })
      assert.isAbove(answer.outputTokens, 0)
    })
  )

  it.live("says which key is missing, and where to put it", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run({ args: ["hi", "--model", "anthropic/claude-opus-4-7"] })
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.include(stderr, "ANTHROPIC_API_KEY")
    })
  )

  it.live("asks the default agent of a configuration, and says all that is wrong with one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const { origin } = yield* Effect.flatMap(FaultServer.FaultServer, (server) => server.endpoint("anthropic"))
      const config = {
        agents: { default: "house" },
        models: { "corp/large": { alias: "house" } },
        providers: { corp: { baseUrl: `${origin}/v1`, api: "openai-completions" } }
      }
      yield* fs.writeFileString(`${folder}/holdfast.json5`, `// the house's own\n${JSON.stringify(config)}`)
      const found = yield* run({ args: ["hi", "--json"], cwd: folder })
      assert.deepInclude(JSON.parse(found.stdout), { text: "Hello from Claude.", answered: "corp/large" })
      // What is allowed says nothing of the model on this machine.
      yield* fs.writeFileString(`${folder}/holdfast.json5`, '{ allow: ["anthropic/*"] }')
      assert.strictEqual((yield* run({ args: ["hi"], cwd: folder })).stdout, `${echoed("hi")}\n`)
      const path = `${folder}/wrong.json5`
      yield* fs.writeFileString(path, "{ agents: { default: 7 }, modelz: {} }")
      const { code, stderr } = yield* run({ args: ["hi", "--config", path] })
      assert.strictEqual(code, 1)
      assert.include(stderr, "agents.default")
      assert.include(stderr, 'did you mean "models"?')
    }).pipe(
      Effect.scoped,
      Effect.provide([
        NodeFileSystem.layer,
        FaultServer.layer({ endpoints: { anthropic: { answer: { text: "Hello from Claude." } } } })
      ])
    )
  )

  it.live("asks the provider that is named with the key of the environment, and explains what it answers", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const { origin } = yield* server.endpoint("anthropic")
      const key = "sk-ant-api03-secret-secret"
      const env = { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: origin }
      const args = ["hi", "--model", "anthropic/claude-opus-4-7"]
      assert.strictEqual((yield* run({ args, env })).stdout, "Hello from Claude.\n")

      yield* server.script("anthropic", [FaultScript.always(FaultScript.status(401))])
      const refused = yield* run({ args, env })
      assert.deepStrictEqual([refused.code, refused.stdout], [1, ""])
      assert.include(refused.stderr, "anthropic/claude-opus-4-7 did not answer: AuthenticationFailed")
      assert.include(refused.stderr, "Safe to ask again")
      assert.notInclude(refused.stderr, key)

      // What was printed stays, and the failure says that there was more to come.
      yield* server.script("anthropic", [FaultScript.always(FaultScript.cut("reset", FaultScript.afterEvents(5)))])
      const broken = yield* run({ args, env })
      assert.strictEqual(broken.code, 1)
      assert.match(broken.stdout, /^Hello/)
      assert.include(broken.stderr, "Unsafe to ask again")
    }).pipe(
      Effect.provide(
        FaultServer.layer({ endpoints: { anthropic: { answer: { text: "Hello from Claude.", events: 4 } } } })
      )
    )
  )
})
