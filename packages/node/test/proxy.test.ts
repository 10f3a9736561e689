import { assert, describe, it } from "@effect/vitest"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as Reason from "@holdfast/core/Reason"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Undici from "undici"
import type { Proxy } from "../src/Proxy.ts"
import { choose } from "../src/internal/proxy/choose.ts"
import { refusalOf } from "../src/internal/proxy/failure.ts"
import { parseNoProxy } from "../src/internal/proxy/noProxy.ts"
import { parseUrl } from "../src/internal/proxy/parse.ts"
import { authorizationOf, nameOf } from "../src/internal/proxy/proxy.ts"
import { environment } from "./support/harness.ts"

const secret = "hunter2"

/** What is wrong with an option, in an environment. */
const problemsOf = (option: Proxy, env: Record<string, string> = {}) =>
  choose("anthropic", option).pipe(
    Effect.provide(environment(env)),
    Effect.flip,
    Effect.map((error) => {
      assert.isTrue(isInvalidInput(error))
      assert.notInclude(error.message, secret)
      return error.problems
    })
  )

/** The proxies of origins, by name. */
const proxiesOf = (option: Proxy, env: Record<string, string>, ...origins: ReadonlyArray<string>) =>
  choose("anthropic", option).pipe(
    Effect.provide(environment(env)),
    Effect.map((proxyOf) =>
      origins.map((origin) => {
        const proxy = proxyOf(origin)
        return proxy === undefined ? undefined : `${proxy.scheme} ${nameOf(proxy)}`
      })
    )
  )

describe("a proxy's URL", () => {
  it.effect.each([
    ["http://proxy.test:3128", "http proxy.test:3128"],
    ["http://proxy.test:80", "http proxy.test:80"],
    ["http://proxy.test", "http proxy.test:1080"],
    ["HTTPS://Proxy.test/", "https proxy.test:443"],
    ["https://proxy.test:80", "https proxy.test:80"],
    ["socks5://proxy.test", "socks5 proxy.test:1080"],
    ["socks5h://proxy.test:9050", "socks5 proxy.test:9050"],
    ["proxy.test:3128", "http proxy.test:3128"],
    ["http://[::1]:3128", "http [::1]:3128"],
    ["http://user:pass@proxy.test:3128", "http proxy.test:3128"]
  ] as const)("is read: %s", ([url, expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* proxiesOf(url, {}, "https://api.test"), [expected])
    })
  )

  it("holds a user and a password, percent-encoded, which nothing prints", () => {
    const parsed = parseUrl("here", `http://us%40er:${secret}%3A%2F@proxy.test:3128`)
    if (parsed._tag === "Failure") return assert.fail(parsed.failure.found)
    assert.strictEqual(authorizationOf(parsed.success), `Basic ${Buffer.from(`us@er:${secret}:/`).toString("base64")}`)
    assert.notInclude(JSON.stringify(parsed.success), secret)
    assert.notInclude(nameOf(parsed.success), "us")
  })

  it.effect.each([
    [`ftp://user:${secret}@proxy.test`, "the scheme ftp://"],
    [`socks4://proxy.test`, "the scheme socks4://"],
    [`http://`, "text that is none"],
    [``, "text that is none"],
    [` `, "text that is none"],
    [`http:///proxy.test`, "text that is none"],
    [`http://:3128`, "text that is none"],
    [`http://user:${secret}@`, "text that is none"],
    [`http://user:${secret}@proxy.test:99999`, "text that is none"],
    [`http://proxy.test:0`, "port 0"],
    [`http://user:${secret}#x@proxy.test:3128`, "text that is none"],
    [`http://user:${secret}%zz@proxy.test:3128`, "a user or password that is not percent-encoded"],
    [`http://us%3Aer:${secret}@proxy.test:3128`, "one with a colon"],
    [`socks5://user:${secret.repeat(40)}@proxy.test`, "280 bytes"]
  ] as const)("is refused with its place and no password: %s", ([url, found]) =>
    Effect.gen(function* () {
      const [problem, ...others] = yield* problemsOf(url)
      assert.deepInclude(problem, { place: "dispatchers.anthropic.proxy", found })
      assert.deepStrictEqual(others, [])
      const [ofEnvironment] = url === "" ? [] : yield* problemsOf("env", { https_proxy: url })
      if (url !== "") assert.deepInclude(ofEnvironment, { place: "the environment's https_proxy", found })
    })
  )
})

describe("a proxy's options", () => {
  it.effect("are refused with a password that was wiped, and one that is wiped later is sent as none", () =>
    Effect.gen(function* () {
      for (const url of ["http://proxy.test:3128", "socks5://proxy.test"]) {
        const password = Redacted.make(secret)
        const proxyOf = yield* choose("anthropic", { url, username: "us", password })
        Redacted.wipeUnsafe(password)
        const proxy = proxyOf("https://api.test")
        if (proxy === undefined) return assert.fail("no proxy")
        assert.strictEqual(authorizationOf(proxy), `Basic ${Buffer.from("us:").toString("base64")}`)
        const [problem] = yield* problemsOf({ url, username: "us", password })
        assert.deepInclude(problem, { place: "dispatchers.anthropic.proxy.password", expected: "a Redacted text" })
      }
    })
  )

  it.effect("hold credentials beside the URL, an empty password too", () =>
    Effect.gen(function* () {
      const options = { url: "http://proxy.test:3128", username: "us", password: Redacted.make(secret) }
      const [full, half] = yield* Effect.forEach([options, { url: options.url, username: "us" }], (option) =>
        Effect.map(choose("anthropic", option), (proxyOf) => proxyOf("https://api.test"))
      )
      if (full === undefined || half === undefined) return assert.fail("no proxy")
      assert.strictEqual(authorizationOf(full), `Basic ${Buffer.from(`us:${secret}`).toString("base64")}`)
      assert.strictEqual(authorizationOf(half), `Basic ${Buffer.from("us:").toString("base64")}`)
    })
  )

  it.effect.each([
    ["dispatchers.anthropic.proxy.url", { url: "gopher://proxy.test" }],
    ["dispatchers.anthropic.proxy", { url: `http://a:${secret}@proxy.test`, username: "b" }],
    ["dispatchers.anthropic.proxy", { url: "http://proxy.test", username: "a:b" }],
    ["dispatchers.anthropic.proxy.tls", { url: "http://proxy.test", tls: { ca: "text" } }],
    ["dispatchers.anthropic.proxy.tls.ca", { url: "https://proxy.test", tls: { ca: "text" } }],
    ["dispatchers.anthropic.proxy.tls.caFile", { url: "https://proxy.test", tls: { caFile: "/no/such.pem" } }],
    // What JavaScript allows.
    ["dispatchers.anthropic.proxy.password", { url: "http://proxy.test", password: secret as never }],
    [
      "dispatchers.anthropic.proxy.tls.dangerouslyAcceptAnyCertificate",
      { url: "https://proxy.test", tls: { dangerouslyAcceptAnyCertificate: true } as never }
    ],
    ["dispatchers.anthropic.proxy", 42 as never],
    ["dispatchers.anthropic.proxy", { url: 42 as never }],
    ["dispatchers.anthropic.proxy", null as never]
  ] as ReadonlyArray<readonly [string, Proxy]>)("are refused by their place: %s", ([place, option]) =>
    Effect.gen(function* () {
      const problems = yield* problemsOf(option)
      assert.deepStrictEqual(
        problems.map((problem) => problem.place),
        [place]
      )
    })
  )
})

describe("the environment", () => {
  const http = "http://api.test"
  const https = "https://api.test"

  it.effect("names no proxy where it is empty, or is not asked", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* proxiesOf("env", {}, http, https), [undefined, undefined])
      assert.deepStrictEqual(yield* proxiesOf(false, { all_proxy: "http://p:1" }, http, https), [undefined, undefined])
    })
  )

  it.effect("is read in both cases, lower case first; HTTP_PROXY not where a web server has set it", () =>
    Effect.gen(function* () {
      const upper = { HTTP_PROXY: "http://a:1", HTTPS_PROXY: "http://b:2", NO_PROXY: "local.test" }
      const origins = [http, https, "http://local.test", "https://local.test"]
      assert.deepStrictEqual(yield* proxiesOf("env", upper, ...origins), ["http a:1", "http b:2", undefined, undefined])
      const lower = { ...upper, http_proxy: "http://c:3", https_proxy: "http://d:4", no_proxy: "" }
      assert.deepStrictEqual(yield* proxiesOf("env", lower, http, https), ["http c:3", "http d:4"])
      const asked = { ...upper, REQUEST_METHOD: "GET" }
      assert.deepStrictEqual(yield* proxiesOf("env", asked, http, https), [undefined, "http b:2"])
    })
  )

  it.effect("gives way to a proxy that the provider has, NO_PROXY too", () =>
    Effect.gen(function* () {
      const env = { https_proxy: "http://other.test:1", no_proxy: "*" }
      assert.deepStrictEqual(yield* proxiesOf("http://own.test:2", env, https, http), [
        "http own.test:2",
        "http own.test:2"
      ])
    })
  )

  it.effect("names every variable that is wrong, and none that does not count", () =>
    Effect.gen(function* () {
      const both = yield* problemsOf("env", { http_proxy: "ftp://p", HTTPS_PROXY: `x://u:${secret}@p` })
      assert.deepStrictEqual(
        both.map(({ place }) => place),
        ["the environment's http_proxy", "the environment's HTTPS_PROXY"]
      )
      const once = yield* problemsOf("env", { ALL_PROXY: "socks4://p" })
      assert.deepStrictEqual(
        once.map(({ place }) => place),
        ["the environment's ALL_PROXY"]
      )
      const env = { http_proxy: "http://a:1", https_proxy: "http://b:2", all_proxy: "ftp://p", HTTPS_PROXY: "ftp://p" }
      assert.deepStrictEqual(yield* proxiesOf("env", env, http, https), ["http a:1", "http b:2"])
    })
  )

  it.effect("is remembered for each origin", () =>
    Effect.gen(function* () {
      const env = { https_proxy: "http://a:1", no_proxy: "near.test" }
      const origins = [https, "https://near.test", https, "https://near.test"]
      assert.deepStrictEqual(yield* proxiesOf("env", env, ...origins), ["http a:1", undefined, "http a:1", undefined])
    })
  )
})

describe("NO_PROXY", () => {
  // Blocks of IPv6 addresses, which old curls do not match; the rest is compared with the real curl.
  it.each([
    ["fd00::/8", "[fd12::1]", true],
    ["fd00::/16", "[fd12::1]", false],
    ["fd12:0::1", "[fd12::1]", true],
    ["fd12::1/128", "[fd12::1]", true],
    ["fd12::1/129", "[fd12::1]", false],
    ["::/0", "[fd12::1]", false],
    ["10.0.0.0/8", "[::ffff:a01:203]", false],
    ["::ffff:10.0.0.0/104", "10.1.2.3", false]
  ] as const)("%s for %s", (list, host, exempt) => {
    assert.strictEqual(parseNoProxy(list)(host), exempt)
  })
})

describe("a proxy's failure", () => {
  const proxy = "proxy.test:3128"

  it.each([
    [{ code: "ENOTFOUND", step: "resolving" }, "the proxy proxy.test:3128 did not resolve (ENOTFOUND)", /NO_PROXY/],
    [{ code: "ECONNREFUSED", step: "connecting" }, "no connection to the proxy proxy.test:3128 (ECONNREFUSED)", /runs/],
    [
      { code: "CERT_HAS_EXPIRED", step: "securing" },
      "TLS to the proxy proxy.test:3128 failed (CERT_HAS_EXPIRED)",
      /CA/
    ],
    [
      { code: "PROXY_REFUSED", status: 403, step: "tunnelling" },
      "the proxy proxy.test:3128 did not open a tunnel (403)",
      /rules/
    ],
    [
      { code: "PROXY_REFUSED", status: 407, step: "forwarding" },
      "the proxy proxy.test:3128 did not pass the request on (407)",
      /credentials/
    ],
    [
      { code: "SOCKS_CREDENTIALS_WANTED", step: "tunnelling" },
      "the proxy proxy.test:3128 did not open a tunnel (SOCKS_CREDENTIALS_WANTED)",
      /credentials/
    ]
  ] as const)("says where and why, and what to do: %o", (fields, message, advice) => {
    const reason = new Reason.ProxyFailure({ ...fields, proxy })
    assert.strictEqual(reason.message, message)
    assert.match(reason.advice, advice)
    assert.strictEqual(reason.scope, "endpoint")
  })

  it("has the system's code where it gave every address up before any limit of ours", () => {
    const refused = Object.assign(new Error("x"), { code: "ECONNREFUSED" })
    const late = Object.assign(new Error("x"), { code: "ETIMEDOUT" })
    const error = new Undici.errors.ConnectTimeoutError("of undici's making")
    error.cause = Object.assign(new AggregateError([late, refused]), { code: "ETIMEDOUT" })
    assert.deepStrictEqual(refusalOf(error), { code: "ETIMEDOUT", cause: error })
    assert.deepStrictEqual(refusalOf(refused), { code: "ECONNREFUSED", cause: refused })
    const nameless = new TypeError("x")
    assert.deepStrictEqual(refusalOf(nameless), { code: "TypeError", cause: nameless })
  })

  it("is told without a proxy's name by those who do not know it", () => {
    assert.strictEqual(new Reason.ProxyFailure({ code: "X" }).message, "the proxy did not open a tunnel (X)")
  })
})
