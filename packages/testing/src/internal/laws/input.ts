/** What cannot be sent is refused before anything is. */
import { assert } from "@effect/vitest"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Law } from "./law.ts"
import { Broken, fetchText, prepare, truthOf } from "./law.ts"

/** What a request that cannot be sent fails with; that nothing was sent is seen to. */
const refusalOf = Effect.fnUntraced(function* (change: (request: HttpRequest) => Partial<HttpRequest>) {
  const request = yield* prepare([])
  const refusal = yield* Effect.matchEffect(fetchText({ ...request, ...change(request) }), {
    onFailure: (error): Effect.Effect<InvalidInput, Broken> =>
      isInvalidInput(error) ? Effect.succeed(error) : Effect.fail(new Broken("InvalidInput", error)),
    onSuccess: (text) => Effect.fail(new Broken("InvalidInput", text))
  })
  const { counts } = yield* truthOf()
  assert.deepInclude(counts, { connections: 0, requests: 0 })
  return refusal
})

const secret = "sk-a-secret-that-nobody-prints"

const urls: ReadonlyArray<readonly [what: string, change: (url: string) => string]> = [
  ["no URL", () => "no url at all"],
  ["a URL without a scheme", (url) => url.slice(url.indexOf("//"))],
  ["a URL of another scheme", (url) => url.replace(/^https?:/, "ftp:")]
]

/** @see module documentation */
export const input: ReadonlyArray<Law> = [
  ...urls.map(([what, change]) => ({
    says: `refuses ${what}, unsent`,
    holds: Effect.gen(function* () {
      const { problems } = yield* refusalOf(({ url }) => ({ url: change(url) }))
      assert.deepInclude(problems[0], { kind: "InvalidBaseUrl", place: "url" })
    })
  })),
  ...["\r\n", "\n", "\r"].map((lineBreak) => ({
    says: `refuses a header value with ${JSON.stringify(lineBreak)}, unsent, and does not print it`,
    holds: Effect.gen(function* () {
      const value = Redacted.make(`${secret}${lineBreak}x-more: 1`)
      const error = yield* refusalOf(({ headers }) => ({ headers: { ...headers, "x-api-key": value } }))
      assert.strictEqual(error.problems[0].kind, "InvalidHeader")
      assert.include(error.problems[0].place, "x-api-key")
      assert.notInclude(`${String(error)} ${JSON.stringify(error)}`, secret)
    })
  })),
  {
    says: "refuses a request whose signal is aborted already, unsent",
    holds: Effect.gen(function* () {
      const { problems } = yield* refusalOf(() => ({ signal: AbortSignal.abort() }))
      assert.strictEqual(problems[0].kind, "AlreadyAborted")
    })
  },
  {
    says: "names all that is wrong with a request at once",
    holds: Effect.gen(function* () {
      const { problems } = yield* refusalOf(({ headers }) => ({
        url: "no url at all",
        headers: { ...headers, "x-one": "1\n", "x-two": "2\n" },
        signal: AbortSignal.abort()
      }))
      assert.deepStrictEqual(problems.map(({ kind }) => kind).toSorted(), [
        "AlreadyAborted",
        "InvalidBaseUrl",
        "InvalidHeader",
        "InvalidHeader"
      ])
    })
  }
]
