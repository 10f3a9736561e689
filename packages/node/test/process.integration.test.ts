import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it, layer } from "@effect/vitest"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import { deafServer } from "./support/deafServer.ts"
import { prepare, untilTruth } from "./support/harness.ts"
import { ok, rawServer } from "./support/rawServer.ts"

interface Ran {
  readonly code: number | string | null
  readonly output: string
  readonly errors: string
}

/** Runs a program of `programs/` and waits until it ends by itself; one that does not is stopped and has no code. */
const run = (node: string, program: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) =>
  Effect.callback<Ran>((resume) => {
    const file = fileURLToPath(new URL(`./programs/${program}.ts`, import.meta.url))
    execFile(
      node,
      ["--conditions=@holdfast/source", "--no-warnings", file, ...args],
      { timeout: 20_000, killSignal: "SIGKILL", env: { ...process.env, ...env } },
      (error, output, errors) => {
        const code = error === null ? 0 : error.killed === true ? null : (error.code ?? null)
        resume(Effect.succeed({ code, output, errors }))
      }
    )
  })

interface Binary {
  readonly name: string
  readonly variable: string | undefined
  readonly path: string | undefined
}

const binaries: ReadonlyArray<Binary> = [
  { name: `Node ${process.versions.node}`, variable: undefined, path: process.execPath },
  ...["22", "26"].map((major) => {
    const variable = `HOLDFAST_NODE${major}`
    return { name: `Node ${major}`, variable, path: process.env[variable] }
  })
]

for (const { name, path, variable } of binaries) {
  if (path === undefined || !existsSync(path)) {
    const missing = `on ${name}: not run, ${variable} names no binary`
    it.skipIf(process.env["HOLDFAST_REQUIRE_ALL"] !== "1")(missing, () => assert.fail(missing))
    continue
  }
  describe(`loading the transport on ${name}`, () => {
    const major = variable === undefined ? process.versions.node.split(".")[0] : variable.slice(-2)

    it.live.each(["untouched", "used", "set"])("leaves the process's own fetch as it was: %s", (how) =>
      Effect.gen(function* () {
        const ran = yield* run(path, "ownFetch", [how])
        assert.deepStrictEqual(ran, { code: 0, output: `as it was on ${major}`, errors: "" })
      })
    )

    it.live("lets the built-in undici come first, where nothing has called for it yet", () =>
      Effect.gen(function* () {
        const ran = yield* run(path, "loadAlone", [])
        assert.deepStrictEqual(ran, { code: 0, output: `as it was on ${major}`, errors: "" })
      })
    )

    it.live("leaves the process's own fetch to the proxy of its environment", () =>
      Effect.gen(function* () {
        const asked: Array<string> = []
        const proxy = yield* rawServer((socket) => {
          socket.on("data", (chunk) => {
            const [line = ""] = chunk.toString("latin1").split("\r\n", 1)
            asked.push(line)
            socket.write(line.startsWith("CONNECT") ? "HTTP/1.1 200 OK\r\n\r\n" : ok("proxied"))
          })
        })
        const env = {
          NODE_USE_ENV_PROXY: "1",
          HTTP_PROXY: proxy.origin,
          http_proxy: proxy.origin,
          NO_PROXY: "",
          no_proxy: ""
        }
        const ran = yield* run(path, "ownFetch", ["proxied"], env)
        assert.deepStrictEqual(ran, { code: 0, output: `as it was on ${major}`, errors: "" })
        assert.isTrue(asked.every((line) => line.includes("service.invalid") || line.startsWith("GET / ")))
        assert.isAbove(asked.length, 0)
      }).pipe(Effect.scoped)
    )
  })
}

layer(FaultServer.layer({ endpoints: { a: {}, tls: { tls: "good" }, good: {} } }), { excludeTestServices: true })(
  "a process that interrupted its attempts",
  (it) => {
    it.effect.each(["closed", "open"])("ends by itself, with its transport %s", (how) =>
      Effect.gen(function* () {
        const { afterEvents, afterRequest, atAccept, cut, on } = FaultScript
        const { origin } = yield* prepare([
          on({ connection: 1 }, cut("stall", afterRequest)),
          on({ connection: 2 }, cut("stall", afterEvents(1)))
        ])
        const good = yield* prepare([], "good")
        const tls = yield* prepare([FaultScript.always(cut("stall", atAccept))], "tls")
        const deaf = yield* deafServer()
        const targets = [good.origin, origin, origin, tls.origin, `http://127.0.0.1:${deaf}`]
        const ran = yield* run(process.execPath, "interrupted", [how, ...targets])
        assert.deepStrictEqual(ran, { code: 0, output: "interrupted", errors: "" })
        for (const [name, connections] of [
          ["a", 2],
          ["tls", 1],
          ["good", 1]
        ] as const) {
          const { counts } = yield* untilTruth(({ counts }) => counts.open === 0, name)
          assert.deepInclude(counts, { connections, closedByClient: connections })
        }
      }).pipe(Effect.scoped)
    )
  }
)
