/** Which proxies the environment names, and for which origins. */
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { parseNoProxy } from "./noProxy.ts"
import { parseUrl } from "./parse.ts"
import type { Choose } from "./proxy.ts"

// The first that is set and not empty counts. A web server hands a request's `Proxy` header to the programs that it runs
// (CGI) as HTTP_PROXY, which is why curl never reads it; REQUEST_METHOD tells such a program (httpoxy.org).
const variables = {
  http: ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
  httpByRequest: ["http_proxy", "all_proxy", "ALL_PROXY"],
  https: ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
  none: ["no_proxy", "NO_PROXY"],
  request: ["REQUEST_METHOD"]
} as const

/** Reads the environment. Fails where a variable that counts names no proxy. */
export const fromEnvironment: Effect.Effect<Choose, InvalidInput> = Effect.gen(function* (): Effect.gen.Return<
  Choose,
  InvalidInput
> {
  const byRequest = (yield* firstOf(variables.request)) !== undefined
  const http = yield* firstOf(byRequest ? variables.httpByRequest : variables.http)
  const https = yield* firstOf(variables.https)
  if (http === undefined && https === undefined) return () => undefined
  const exempts = parseNoProxy((yield* firstOf(variables.none))?.value ?? "")

  const problems: Array<Problem> = []
  const proxyOf = (variable: Variable | undefined) => {
    if (variable === undefined) return undefined
    const parsed = parseUrl(`the environment's ${variable.name}`, variable.value)
    if (Result.isSuccess(parsed)) return parsed.success
    problems.push(parsed.failure)
    return undefined
  }
  const forHttp = proxyOf(http)
  const forHttps = http?.name === https?.name ? forHttp : proxyOf(https)
  if (Arr.isArrayNonEmpty(problems)) return yield* new InvalidInput({ problems })

  return (origin) => {
    const { hostname, protocol } = new URL(origin)
    const proxy = protocol === "https:" ? forHttps : forHttp
    return proxy === undefined || exempts(hostname) ? undefined : proxy
  }
})

interface Variable {
  readonly name: string
  readonly value: string
}

const firstOf = (names: ReadonlyArray<string>): Effect.Effect<Variable | undefined, InvalidInput> =>
  Effect.gen(function* () {
    for (const name of names) {
      const value = yield* Config.option(Config.String(name)).pipe(
        Effect.mapError(() =>
          InvalidInput.of({
            kind: "InvalidOption",
            place: `the environment's ${name}`,
            expected: "a text, or nothing",
            found: "a value that cannot be read"
          })
        )
      )
      if (Option.isSome(value) && value.value !== "") return { name, value: value.value }
    }
    return undefined
  })
