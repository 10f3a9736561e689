/** Which proxy each origin of a provider is reached through, from the provider's options. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import { textOf } from "@holdfast/core/RequestHead"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Options, Proxy as Option } from "../../Proxy.ts"
import { readTls } from "../tls/options.ts"
import { fromEnvironment } from "./environment.ts"
import type { Parsed } from "./parse.ts"
import { checked, parseUrl } from "./parse.ts"
import type { Choose } from "./proxy.ts"

/** Reads a provider's option, and the environment where it says so. */
export const choose = (provider: string, option: Option = "env"): Effect.Effect<Choose, InvalidInput> => {
  if (option === "env") return Effect.map(fromEnvironment, remembered)
  if (option === false) return Effect.succeed(() => undefined)
  const place = `dispatchers.${provider}.proxy`
  const parsed = Predicate.isString(option) ? parseUrl(place, option) : parseOptions(place, option)
  if (Result.isFailure(parsed)) return Effect.fail(InvalidInput.of(parsed.failure))
  const proxy = parsed.success
  if (Predicate.isString(option)) return Effect.succeed(() => proxy)
  return Effect.map(readTls(`${place}.tls`, option.tls), (tls) => {
    const secured = { ...proxy, tls }
    return () => secured
  })
}

/** An origin is asked for with every request. */
const remembered = (choose: Choose): Choose => {
  const known = new Map<string, ReturnType<Choose>>()
  return (origin) => {
    const proxy = known.get(origin)
    if (proxy !== undefined || known.has(origin)) return proxy
    const chosen = choose(origin)
    known.set(origin, chosen)
    return chosen
  }
}

const parseOptions = (place: string, options: Options): Parsed => {
  const wrong = (at: string, expected: string, found: string) =>
    Result.fail<Problem>({ kind: "InvalidOption", place: `${place}${at}`, expected, found })
  if (!Predicate.isObject(options) || !Predicate.isString(options.url)) {
    return wrong("", '"env", false, a proxy\'s URL or options with one', "none of these")
  }
  const { password, tls, url, username } = options
  return Result.flatMap(parseUrl(`${place}.url`, url), (proxy) => {
    if (tls !== undefined && proxy.scheme !== "https") {
      return wrong(".tls", "an https:// proxy for these", "another scheme")
    }
    // What JavaScript allows.
    if (Predicate.hasProperty(tls, "dangerouslyAcceptAnyCertificate")) {
      return wrong(".tls.dangerouslyAcceptAnyCertificate", "nothing: a proxy is always verified", "something")
    }
    if (username === undefined && password === undefined) return Result.succeed(proxy)
    if (proxy.credentials !== undefined) return wrong("", "credentials in the URL or beside it", "both")
    // A Redacted may have been wiped.
    if (password !== undefined && !(Redacted.isRedacted(password) && Predicate.isString(textOf(password)))) {
      return wrong(".password", "a Redacted text", "none")
    }
    return checked(place, {
      ...proxy,
      credentials: { username: username ?? "", password: password ?? Redacted.make("") }
    })
  })
}
