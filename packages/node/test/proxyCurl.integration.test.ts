import { execFile } from "node:child_process"
import * as Net from "node:net"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { choose } from "../src/internal/proxy/choose.ts"
import { environment } from "./support/harness.ts"
import { describeWith } from "./support/programs.ts"

const variables = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] as const

/** A place for every variable to point at, and whose variable curl followed. */
interface Places {
  readonly ports: ReadonlyMap<string, number>
  readonly followed: Array<string>
}

const places: Effect.Effect<Places, never, Scope.Scope> = Effect.gen(function* () {
  const ports = new Map<string, number>()
  const followed: Array<string> = []
  for (const variable of variables) {
    const server = yield* Effect.acquireRelease(
      Effect.callback<Net.Server>((resume) => {
        const server = Net.createServer((socket) => {
          followed.push(variable)
          socket.on("error", () => undefined)
          socket.destroy()
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    )
    const address = server.address()
    ports.set(variable, typeof address === "object" && address !== null ? address.port : 0)
  }
  return { ports, followed }
})

type Env = Record<string, string>

/** The variable that the real curl follows for a URL; whatever it does without a proxy ends on this machine. */
const byCurl = (env: Env, url: string, { followed }: Places): Effect.Effect<string> =>
  Effect.callback((resume) => {
    followed.length = 0
    const args = ["-q", "-s", "-o", "/dev/null", "--max-time", "5", "--connect-to", "::127.0.0.1:1", url]
    execFile("curl", args, { env: { PATH: process.env["PATH"], ...env } }, () => {
      resume(Effect.succeed(followed[0] ?? "none"))
    })
  })

/** The variable that is followed here, in a program that a web server runs: curl ignores HTTP_PROXY everywhere. */
const byUs = (env: Env, url: string, { ports }: Places): Effect.Effect<string, unknown> =>
  choose("anthropic", "env").pipe(
    Effect.provide(environment({ ...env, REQUEST_METHOD: "GET" })),
    Effect.map((proxyOf) => {
      const port = proxyOf(new URL(url).origin)?.port
      return variables.find((variable) => ports.get(variable) === port) ?? "none"
    })
  )

const compare = (env: Env, url: string, all: Places) =>
  Effect.gen(function* () {
    const ours = yield* byUs(env, url, all)
    const curls = yield* byCurl(env, url, all)
    assert.strictEqual(ours, curls, `${JSON.stringify(env)} ${url}`)
    return ours
  })

describeWith(["curl"], "beside the real curl, the environment", () => {
  it.live("is followed for the same variable, whichever are set or empty", () =>
    Effect.gen(function* () {
      const all = yield* places
      const seen = new Set<string>()
      // Every combination of the six, each absent or set; and each set or empty for one scheme.
      for (let bits = 0; bits < 64; bits++) {
        const env = Object.fromEntries(
          variables
            .filter((_, index) => (bits & (1 << index)) !== 0)
            .map((variable) => [variable, `http://127.0.0.1:${all.ports.get(variable)}`])
        )
        for (const url of ["http://api.test/", "https://api.test/"]) seen.add(yield* compare(env, url, all))
        const empty = Object.fromEntries(variables.map((variable) => [variable, env[variable] ?? ""]))
        yield* compare(empty, bits % 2 === 0 ? "http://api.test/" : "https://api.test/", all)
      }
      // It never follows this one.
      assert.deepStrictEqual(
        [...seen].toSorted(),
        [...variables.filter((variable) => variable !== "HTTP_PROXY"), "none"].toSorted()
      )
    }).pipe(Effect.scoped)
  )

  const hosts = ["api.test", "test", "my.api.test", "api.test.", "notapi.test", "localhost", "API.TEST"]
  const addresses = ["10.1.2.3", "10.1.2.4", "192.168.0.1", "127.0.0.1"]
  const lists = [
    "*",
    "*,x",
    "x,*",
    " *",
    ",",
    ".",
    "api.test",
    ".api.test",
    "..api.test",
    "api.test.",
    "api.test..",
    "API.Test",
    "test",
    "*.api.test",
    "my.api.test",
    "x, api.test",
    "x api.test",
    "x\tapi.test",
    "x,,api.test,",
    "api.test:443",
    "api.test:8443",
    "localhost,127.0.0.1",
    "10.1.2.3",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.2.0.0/16",
    "10.1.2.0/31",
    "10.1.2.3/32",
    "10.1.2.3/33",
    "10.1.2",
    ".2.3",
    "10.1.2.3:443",
    "10.1.2.3,192.168.0.0/24"
  ]

  it.live("exempts the same hosts, for every list and host", () =>
    Effect.gen(function* () {
      const all = yield* places
      const seen = { exempt: 0, proxied: 0 }
      const https_proxy = `http://127.0.0.1:${all.ports.get("https_proxy")}`
      for (const no_proxy of lists) {
        for (const host of [...hosts, ...addresses]) {
          const followed = yield* compare({ https_proxy, no_proxy }, `https://${host}/`, all)
          seen[followed === "none" ? "exempt" : "proxied"]++
        }
        yield* compare({ https_proxy, no_proxy }, "https://api.test:8443/", all)
      }
      assert.isAbove(seen.exempt, 40)
      assert.isAbove(seen.proxied, 40)
    }).pipe(Effect.scoped)
  )

  it.live("exempts by no_proxy before NO_PROXY, and by the latter where the former is empty", () =>
    Effect.gen(function* () {
      const all = yield* places
      const https_proxy = `http://127.0.0.1:${all.ports.get("https_proxy")}`
      const url = "https://api.test/"
      for (const no_proxy of ["", "other.test", "api.test"]) {
        for (const NO_PROXY of ["", "other.test", "api.test"]) {
          yield* compare({ https_proxy, no_proxy, NO_PROXY }, url, all)
        }
      }
      assert.strictEqual(yield* compare({ https_proxy, no_proxy: "", NO_PROXY: "api.test" }, url, all), "none")
    }).pipe(Effect.scoped)
  )
})
