/** Each example as its reader would run it: a process with keys in its environment, against a server that follows a script. */
import { assert, describe, layer } from "@effect/vitest"
import { FaultScript, FaultServer, FaultTruth } from "@holdfast/testing"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)

/** Runs an example, and gives what it printed, line by line. */
const example = Effect.fnUntraced(function* (name: string, env: Record<string, string> = {}) {
  const server = yield* FaultServer.FaultServer
  const anthropic = yield* server.endpoint("anthropic")
  const openai = yield* server.endpoint("openai")
  const file = new URL(`../${name}.ts`, import.meta.url).pathname
  const { stdout } = yield* Effect.promise(() =>
    run(process.execPath, ["--conditions=@holdfast/source", file], {
      timeout: 30_000,
      env: {
        PATH: process.env["PATH"],
        ANTHROPIC_API_KEY: "a-key",
        ANTHROPIC_BASE_URL: anthropic.origin,
        OPENAI_API_KEY: "another-key",
        OPENAI_BASE_URL: `${openai.origin}/v1`,
        ...env
      }
    })
  )
  return stdout.trim().split("\n")
})

const received = (endpoint: string) =>
  Effect.flatMap(FaultServer.FaultServer, (server) =>
    Effect.map(server.truth, (truth) => FaultTruth.requests(truth, endpoint).length)
  )

const script = (endpoint: string, ...rules: ReadonlyArray<FaultScript.Rule>) =>
  Effect.flatMap(FaultServer.FaultServer, (server) => server.script(endpoint, rules))

const agent = { tool: "send_mail", steps: 2 }

describe("an example", () => {
  layer(
    FaultServer.layer({
      endpoints: {
        anthropic: { agent, answer: { text: "Hello from Claude." } },
        openai: { agent, answer: { text: "Hello from GPT." } }
      }
    }),
    { excludeTestServices: true }
  )((it) => {
    it.effect("01-ask asks, and says hello", () =>
      Effect.gen(function* () {
        yield* script("anthropic")
        yield* script("openai")
        assert.deepStrictEqual(yield* example("01-ask"), ["Hello from Claude."])
        assert.strictEqual(yield* received("openai"), 0)
      })
    )

    it.effect("02-agent-turn runs each tool once although a call in between meets a stale connection", () =>
      Effect.gen(function* () {
        yield* script("anthropic", FaultScript.on({ nth: 2 }, FaultScript.cut("reset", FaultScript.afterRequest)))
        yield* script("openai")
        assert.deepStrictEqual(yield* example("02-agent-turn"), [
          "mail 1 sent",
          "mail 2 sent",
          "Hello from Claude.",
          "may this turn be run again? false"
        ])
        assert.strictEqual(yield* received("anthropic"), 4)
        assert.strictEqual(yield* received("openai"), 0)
      })
    )

    it.effect("03-own-fallback goes on elsewhere where the provider says that it ran nothing", () =>
      Effect.gen(function* () {
        yield* script("anthropic", FaultScript.always(FaultScript.status(401)))
        yield* script("openai")
        assert.deepStrictEqual(yield* example("03-own-fallback"), [
          "going on elsewhere: AuthenticationFailed",
          "Hello from GPT."
        ])
        assert.strictEqual(yield* received("anthropic"), 3)
      })
    )

    it.effect("03-own-fallback answers from its cache, asking nobody twice, where the model may have run", () =>
      Effect.gen(function* () {
        yield* script("anthropic", FaultScript.always(FaultScript.status(529)))
        yield* script("openai")
        const [line] = yield* example("03-own-fallback")
        assert.include(line, "Hello from the cache.")
        assert.strictEqual(yield* received("anthropic"), 1)
        assert.strictEqual(yield* received("openai"), 0)
      })
    )

    it.effect("05-sdk hands the vendor's SDK a fetch that repairs a stale connection, and tells what cannot be", () =>
      Effect.gen(function* () {
        const reset = FaultScript.cut("reset", FaultScript.afterRequest)
        yield* script("openai", FaultScript.on({ nth: 2 }, reset))
        assert.deepStrictEqual(yield* example("05-sdk"), ["Hello from GPT.", "Hello from GPT."])
        assert.strictEqual(yield* received("openai"), 3)

        yield* script("openai", FaultScript.on({ nth: 2 }, reset), FaultScript.on({ nth: 3 }, reset))
        const [first, second = ""] = yield* example("05-sdk")
        assert.strictEqual(first, "Hello from GPT.")
        assert.match(second, /^ConnectionLost, Ambiguous to replay\. /)
        assert.strictEqual(yield* received("openai"), 3)
      })
    )

    it.effect("04-watch tells what happened and keeps it", () =>
      Effect.gen(function* () {
        yield* script("anthropic", FaultScript.on({ nth: 1 }, FaultScript.cut("fin", FaultScript.afterRequest)))
        const folder = yield* Effect.acquireRelease(
          Effect.promise(() => mkdtemp(join(tmpdir(), "holdfast-example-"))),
          (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
        )
        const lines = yield* example("04-watch", { JOURNAL: join(folder, "journal.ndjson") })
        assert.match(lines[0] ?? "", /^anthropic: ConnectionLost, Ambiguous to replay\. /)
        assert.strictEqual(lines[1], "decided: RetryHere")
        assert.strictEqual(lines[2], "Hello from Claude.")
        assert.match(lines[3] ?? "", /^\d+ events in the journal$/)
      })
    )
  })
})
