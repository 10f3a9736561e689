/** Checks how a provider's connections are to be made, before any is. */
import { X509Certificate } from "node:crypto"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { PoolOptions } from "../Dispatcher.ts"
import type * as Pool from "./pool.ts"

/** Options with every choice made. */
export interface Resolved extends Pool.PoolOptions {
  readonly drain: Duration.Duration
}

const defaults = { keepAlive: Duration.seconds(4), drain: Duration.seconds(10) }

/** The options with every choice made, or all that is wrong with them. */
export const resolve = (provider: string, options: PoolOptions): Result.Result<Resolved, InvalidInput> => {
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

  const { ca, connections } = options
  const keepAlive = options.keepAlive === false ? Duration.zero : (options.keepAlive ?? defaults.keepAlive)
  const keepAliveMs = Duration.toMillis(durationOf("keepAlive", keepAlive))
  const drain = durationOf("drain", options.drain ?? defaults.drain)
  if (connections !== undefined && !(Number.isInteger(connections) && connections > 0)) {
    wrong("connections", "a whole number above 0", String(connections))
  }
  if (ca !== undefined && !isCertificate(ca)) wrong("ca", "certificates in PEM", "text that is none")
  if (Arr.isArrayNonEmpty(problems)) return Result.fail(new InvalidInput({ problems }))
  return Result.succeed({ keepAliveMs: Math.min(keepAliveMs, TimeLimits.longestMs), connections, ca, drain })
}

const isCertificate = (pem: string): boolean => {
  try {
    return new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}
