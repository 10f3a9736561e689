import { assert, describe, it } from "@effect/vitest"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import type { Problem } from "@holdfast/core/InvalidInput"
import * as RequestHead from "@holdfast/core/RequestHead"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Util from "node:util"

const origin = "https://api.example.com"

type Asked = Partial<HttpRequest>

const ask = (origin: string, asked: Asked = {}): HttpRequest => ({
  candidate: { provider: "anthropic", model: "claude-opus-4-7" },
  method: "POST",
  url: `${origin}/v1/messages`,
  headers: { "content-type": "application/json" },
  body: "{}",
  declaration: "repeatable",
  ...asked
})

const problemsOf = (asked: Asked): ReadonlyArray<Problem> =>
  Result.match(RequestHead.read(ask(origin, asked)), {
    onFailure: ({ problems }) => problems,
    onSuccess: () => []
  })

const problemOf = (asked: Asked): Problem => {
  const [problem, ...more] = problemsOf(asked)
  if (problem === undefined || more.length > 0) throw new Error(`not one problem but ${more.length}`)
  return problem
}

const headOf = (asked: Asked): RequestHead.RequestHead => Result.getOrThrow(RequestHead.read(ask(origin, asked)))

describe("the head of a request", () => {
  it("is origin, path with query, and headers in turn, secrets unwrapped", () => {
    const head = headOf({
      url: "https://api.example.com:8443/v1/messages?beta=true&q=%20#ignored",
      headers: { "content-type": "application/json", "x-api-key": Redacted.make("sk-1"), "x-name": "caf\u00e9\tx" }
    })
    assert.deepStrictEqual(head, {
      origin: "https://api.example.com:8443",
      host: "api.example.com:8443",
      path: "/v1/messages?beta=true&q=%20",
      headers: ["content-type", "application/json", "x-api-key", "sk-1", "x-name", "caf\u00e9\tx"],
      limits: TimeLimits.defaults
    })
  })

  it("has the request's limits as timers take them, and is refused for numbers that are no time", () => {
    const limits = { ...TimeLimits.defaults, connectMs: 0.5, headersMs: 0, livenessMs: Number.POSITIVE_INFINITY }
    assert.deepStrictEqual(headOf({ limits }).limits, {
      ...TimeLimits.defaults,
      connectMs: 1,
      headersMs: 0,
      livenessMs: 0
    })
    const wrong = problemsOf({ url: "nowhere", limits: { ...limits, headersMs: Number.NaN } })
    assert.deepStrictEqual(
      wrong.map(({ place }) => place),
      ["url", "limits.headersMs"]
    )
  })

  it.each([
    ["no URL", "not a url", "text that is no URL"],
    ["a host without a scheme", "api.example.com/v1", "text that is no URL"],
    ["nothing", "", "text that is no URL"],
    ["ftp", "ftp://api.example.com/v1", "a URL of the scheme ftp:"],
    ["a file", "file:///etc/passwd", "a URL of the scheme file:"],
    ["a key read as a scheme", "sk-ant-api03-secret:x", "a URL of another scheme"],
    ["no text", 7 as unknown as string, "number"],
    ["a host and a port read as a scheme", "localhost:8080/v1", "a URL of the scheme localhost:"]
  ])("is refused for a URL that is %s", (_, url, found) => {
    assert.deepStrictEqual(problemOf({ url }), {
      kind: "InvalidBaseUrl",
      place: "url",
      expected: "an absolute http: or https: URL",
      found
    })
  })

  it.each(["https://user:hunter2@api.example.com/", "https://token@api.example.com/", "http://:hunter2@localhost/"])(
    "is refused for credentials in the URL, which would not be sent: %s",
    (url) => {
      const problem = problemOf({ url })
      assert.deepInclude(problem, { kind: "InvalidBaseUrl", place: "url", expected: "a URL without credentials" })
      assert.notMatch(JSON.stringify(problem), /user|hunter2|token/)
    }
  )

  it.each([
    ["\r", "a line break"],
    ["\n", "a line break"],
    ["\0", "the character U+0000"],
    ["\u007f", "the character U+007F"],
    ["\u4e2d", "the character U+4E2D"],
    ["\ud83d\ude00", "the character U+1F600"]
  ])("is refused for a header value with %j", (character, what) => {
    const problem = problemOf({ headers: { "x-api-key": Redacted.make(`sk-secret${character}x`) } })
    assert.deepInclude(problem, {
      kind: "InvalidHeader",
      place: 'headers["x-api-key"]',
      found: `a value with ${what}`
    })
    assert.notInclude(JSON.stringify(problem), "sk-secret")
  })

  it.each(["", "x key", "x\r\ny", "x\0", "x:", "\u00fcber", "Authorization: Bearer sk-secret"])(
    "is refused for the header name %j, which is told by its position",
    (name) => {
      const problem = problemOf({ headers: { accept: "*/*", [name]: "v" } })
      assert.deepInclude(problem, { kind: "InvalidHeader", place: "headers, name 2" })
      assert.notInclude(JSON.stringify(problem), "sk-secret")
    }
  )

  it.each([
    "sk-ant-api03-secret",
    "9f8e7d6c5b4a39281706",
    "9f8e7d6c5b4a392817065",
    "9f8e7d6c-5b4a-3928-1706-secretsecret"
  ])("is refused for a bad value under the name %j, which is told by its position only if it may be a key", (name) => {
    const { place } = problemOf({ headers: { accept: "*/*", [name]: "a\nb" } })
    assert.strictEqual(place, name.length === 20 ? `headers["${name}"]` : "headers, name 2")
  })

  it("has headers that are named like properties of every object", () => {
    const headers = JSON.parse('{ "constructor": "a", "__proto__": "b", "toString": "c" }')
    assert.deepStrictEqual(headOf({ headers }).headers, ["constructor", "a", "__proto__", "b", "toString", "c"])
  })

  it.each([undefined, null, 7, ["a"]])("is refused for a header value that is %j", (value) => {
    const headers = { "x-a": value } as unknown as Readonly<Record<string, string>>
    assert.deepInclude(problemOf({ headers }), { kind: "InvalidHeader", place: 'headers["x-a"]' })
  })

  it("is refused for a secret that was wiped", () => {
    const wiped = Redacted.make("sk-secret")
    Redacted.wipeUnsafe(wiped)
    assert.deepInclude(problemOf({ headers: { "x-api-key": wiped } }), {
      kind: "InvalidHeader",
      place: 'headers["x-api-key"]',
      found: "undefined"
    })
  })

  it.each(["Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Expect"])(
    "is refused for the header %s, which is the transport's to write",
    (name) => {
      assert.deepInclude(problemOf({ headers: { [name]: "x" } }), {
        kind: "InvalidHeader",
        place: `headers["${name}"]`
      })
    }
  )

  it("leaves out host and content-length where they say what will be written, and is refused where they do not", () => {
    const body = "gr\u00fc\u00df"
    assert.deepStrictEqual(headOf({ body, headers: { Host: "api.example.com", "Content-Length": "6" } }).headers, [])
    assert.deepInclude(problemOf({ body, headers: { "content-length": "4" } }), {
      place: 'headers["content-length"]'
    })
    assert.deepInclude(problemOf({ body, headers: { host: "elsewhere.example.com" } }), { place: 'headers["host"]' })
  })

  it.each([
    ["half of a surrogate pair", '{"text":"\ud83d"}', "text with half of a surrogate pair"],
    ["an object", { model: "x" }, "object"],
    ["null", null, "null"],
    ["a number", 7, "number"]
  ])("is refused for a body that is %s", (_, body, found) => {
    assert.deepStrictEqual(problemOf({ body: body as string }), {
      kind: "InvalidBody",
      place: "body",
      expected: "bytes, an async iterable of bytes, or text that UTF-8 can encode",
      found
    })
  })

  it.each([
    ["text", "\ud83d\ude00"],
    ["bytes", new Uint8Array([0, 255])],
    ["none", undefined]
  ] as const)("is accepted with a body of %s", (_, body) => {
    const { body: _json, ...bare } = ask(origin)
    const request = body === undefined ? bare : { ...bare, body }
    assert.isTrue(Result.isSuccess(RequestHead.read(request)))
  })

  it("is refused for a signal that is already aborted", () => {
    assert.deepInclude(problemOf({ signal: AbortSignal.abort() }), { kind: "AlreadyAborted", place: "signal" })
    assert.deepStrictEqual(problemsOf({ signal: new AbortController().signal }), [])
  })

  it("names all that is wrong at once, and no secret in any form in which the error is printed", () => {
    const secret = "sk-secret"
    const result = RequestHead.read(
      ask(origin, {
        url: `https://${secret}:${secret}@api.example.com/?key=${secret}`,
        headers: { [`Bearer ${secret}`]: secret, "x-api-key": Redacted.make(`${secret}\n`), connection: secret },
        body: `${secret}\ud83d`,
        signal: AbortSignal.abort(secret)
      })
    )
    const error = Result.getOrThrow(Result.flip(result))
    assert.deepStrictEqual(
      error.problems.map(({ place }) => place),
      ["url", "body", "headers, name 1", 'headers["x-api-key"]', 'headers["connection"]', "signal"]
    )
    for (const text of [String(error), error.message, JSON.stringify(error), Util.inspect(error, { depth: 20 })]) {
      assert.notInclude(text, secret)
    }
  })
})
