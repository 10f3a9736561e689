/** Checks how a provider's connections are to be made, before any is. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { PoolOptions } from "../Dispatcher.ts"
import type * as Pool from "./pool.ts"
import { choose } from "./proxy/choose.ts"
import type { Choose } from "./proxy/proxy.ts"
import { readTls, usualTls } from "./tls/options.ts"

/** Options with every choice made. */
export interface Resolved extends Pool.PoolOptions {
  readonly drain: Duration.Duration
  /** Which proxy an origin is reached through. */
  readonly proxyOf: Choose
}

const direct: Choose = () => undefined

const defaults = { keepAlive: Duration.seconds(4), drain: Duration.seconds(10) }

/** The options with every choice made, or all that is wrong with them. Files that they name are read. */
export const resolve = Effect.fnUntraced(function* (provider: string, options: PoolOptions) {
  const problems: Array<Problem> = []
  const wrong = (option: keyof PoolOptions, expected: string, found: string): void => {
    problems.push({ kind: "InvalidOption", place: `dispatchers.${provider}.${option}`, expected, found })
  }
  const durationOf = (option: "keepAlive" | "drain", input: Duration.Input): Duration.Duration => {
    const duration = Option.getOrUndefined(Duration.fromInput(input))
    if (duration !== undefined && Duration.toMillis(duration) >= 0) return duration
    wrong(option, "a duration of 0 or more", JSON.stringify(input) ?? typeof input)
    return Duration.zero
  }
  const countOf = (option: "connections" | "maxRequestsPerConnection"): number | undefined => {
    const count = options[option]
    if (count === undefined || (Number.isInteger(count) && count > 0)) return count
    wrong(option, "a whole number above 0", String(count))
    return undefined
  }
  const collected = <A>(read: Effect.Effect<A, InvalidInput>, instead: A): Effect.Effect<A> =>
    read.pipe(
      Effect.catch((error) => {
        problems.push(...error.problems)
        return Effect.succeed(instead)
      })
    )

  const keepAlive = options.keepAlive === false ? Duration.zero : (options.keepAlive ?? defaults.keepAlive)
  const keepAliveMs = Duration.toMillis(durationOf("keepAlive", keepAlive))
  const drain = durationOf("drain", options.drain ?? defaults.drain)
  const connections = countOf("connections")
  const maxRequests = countOf("maxRequestsPerConnection")
  const maxAgeMs = ageOf(options.maxConnectionAge, wrong)
  const { lookup } = options
  if (lookup !== undefined && !Predicate.isFunction(lookup))
    wrong("lookup", "a function like dns.lookup", typeof lookup)
  const tls = yield* collected(readTls(`dispatchers.${provider}.tls`, options.tls), usualTls)
  const proxyOf = yield* collected(choose(provider, options.proxy), direct)
  if (Arr.isArrayNonEmpty(problems)) return yield* new InvalidInput({ problems })
  return {
    keepAliveMs: Math.min(keepAliveMs, TimeLimits.longestMs),
    connections,
    maxRequests,
    maxAgeMs,
    learnIdleLimit: options.learnIdleLimit ?? true,
    tls,
    lookup,
    proxyOf,
    http2: options.http2 ?? false,
    behindGateway: options.behindGateway ?? false,
    drain
  } satisfies Resolved
})

/** In milliseconds; infinite where none is given. */
const ageOf = (
  input: Duration.Input | undefined,
  wrong: (option: "maxConnectionAge", expected: string, found: string) => void
): number => {
  if (input === undefined) return Number.POSITIVE_INFINITY
  const ageMs = Option.match(Duration.fromInput(input), { onNone: () => 0, onSome: Duration.toMillis })
  if (ageMs > 0) return ageMs
  wrong("maxConnectionAge", "a duration above 0", JSON.stringify(input) ?? typeof input)
  return Number.POSITIVE_INFINITY
}
