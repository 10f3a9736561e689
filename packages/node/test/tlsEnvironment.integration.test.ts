/** What the environment says of TLS, each in a process of its own: Node reads most of it once. */
import { execFile } from "node:child_process"
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises"
import { existsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Options } from "../src/Tls.ts"
import { authority } from "./support/authority.ts"
import { tlsServer } from "./support/tlsServer.ts"

const program = fileURLToPath(new URL("./programs/tlsCall.ts", import.meta.url))

const made = { own: authority("Own authority"), extra: authority("Extra authority") }

/** What the program prints, for each port a line. */
const called = (
  node: string,
  tls: Options,
  ports: ReadonlyArray<number>,
  env: NodeJS.ProcessEnv = {},
  as: { readonly uid?: number } = {}
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.callback((resume) => {
    execFile(
      node,
      [
        "--conditions=@holdfast/source",
        "--no-warnings",
        program,
        JSON.stringify(tls),
        ...ports.map((port) => `https://localhost:${port}/`)
      ],
      { timeout: 50_000, killSignal: "SIGKILL", env: { ...process.env, ...env }, ...as },
      (error, output, errors) =>
        resume(Effect.succeed(error === null ? output.split("\n") : [`${String(error.code)} ${errors}`]))
    )
  })

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "holdfast-tls-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

const serving = (by: keyof typeof made) =>
  Effect.flatMap(
    Effect.promise(async () => (await made[by]).issue({ name: `by ${by}` })),
    tlsServer
  )

const unknown = "TlsFailure UNABLE_TO_VERIFY_LEAF_SIGNATURE"

const binaries = [
  { name: `Node ${process.versions.node}`, path: process.execPath },
  ...["22", "26"].map((major) => ({ name: `Node ${major}`, path: process.env[`HOLDFAST_NODE${major}`] }))
]

for (const { name, path } of binaries) {
  if (path === undefined || !existsSync(path)) {
    const missing = `TLS on ${name}: not run, no variable names its binary`
    it.skipIf(process.env["HOLDFAST_REQUIRE_ALL"] !== "1")(missing, () => assert.fail(missing))
    continue
  }
  describe(`TLS on ${name}`, { timeout: 120_000 }, () => {
    it.live("is verified whatever NODE_TLS_REJECT_UNAUTHORIZED says, and tells the certificate", () =>
      Effect.gen(function* () {
        const { port, seen } = yield* serving("own")
        const env = { NODE_TLS_REJECT_UNAUTHORIZED: "0" }
        const refused = yield* called(path, {}, [port], env)
        assert.deepStrictEqual(refused, [`${unknown} CN=by own, O=Holdfast tests`])
        const asked = yield* called(path, { dangerouslyAcceptAnyCertificate: true }, [port])
        assert.deepStrictEqual(asked, ["200"])
        assert.isAtLeast(seen.length, 1)
      }).pipe(Effect.scoped)
    )

    it.live("trusts NODE_EXTRA_CA_CERTS, beside authorities of its own, too", () =>
      Effect.gen(function* () {
        const own = yield* serving("own")
        const extra = yield* serving("extra")
        const file = join(yield* directory, "extra.pem")
        const ca = (yield* Effect.promise(() => made.own)).cert
        const { cert } = yield* Effect.promise(() => made.extra)
        yield* Effect.promise(() => writeFile(file, cert))
        const env = { NODE_EXTRA_CA_CERTS: file }
        const ports = [own.port, extra.port]
        const byExtra = `${unknown} CN=by extra, O=Holdfast tests`
        const byOwn = `${unknown} CN=by own, O=Holdfast tests`
        assert.deepStrictEqual(yield* called(path, { ca }, ports), ["200", byExtra])
        assert.deepStrictEqual(yield* called(path, { ca }, ports, env), ["200", "200"])
        assert.deepStrictEqual(yield* called(path, {}, ports, env), [byOwn, "200"])
      }).pipe(Effect.scoped)
    )
  })
}

describe("a file", () => {
  it.live.skipIf(process.getuid?.() !== 0)(
    "that may not be read is told so",
    () =>
      Effect.gen(function* () {
        const at = yield* directory
        yield* Effect.promise(() => chmod(at, 0o755))
        const caFile = join(at, "ca.pem")
        yield* Effect.promise(() => writeFile(caFile, "", { mode: 0o600 }))
        const said = yield* called(process.execPath, { caFile }, [1], {}, { uid: 65_534 })
        assert.deepStrictEqual(said, [
          "dispatchers.p.tls.caFile: expected the path of a text file, found a file that this process may not read"
        ])
      }).pipe(Effect.scoped),
    120_000
  )
})
