/** Whatever shape a configuration was written in, as one. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Configuration } from "../../Configuration.ts"
import * as Holdfast from "./holdfast.ts"
import * as OpenClaw from "./openclaw.ts"
import { isItsOwn } from "./openclawKeys.ts"
import type { Finding } from "./problems.ts"
import { findingsOf } from "./problems.ts"

/** The configuration that was written, or all that is wrong with it. */
export const decode = (value: unknown, place: string): Result.Result<Configuration, InvalidInput> =>
  isOpenClaws(value) ? decodeOpenClaws(value, place) : decodeOwn(value, place)

const all = { errors: "all" } as const

const own = Schema.decodeUnknownResult(Holdfast.File, { ...all, onExcessProperty: "error" })

const strict = Schema.decodeUnknownResult(OpenClaw.File, { ...all, onExcessProperty: "error" })

const lenient = Schema.decodeUnknownResult(OpenClaw.File, { ...all, onExcessProperty: "ignore" })

const decodeOwn = (value: unknown, place: string): Result.Result<Configuration, InvalidInput> => {
  const file = own(value)
  if (Result.isFailure(file))
    return failure(
      findingsOf(file.failure.issue, value, place).map(({ problem }) => problem),
      place
    )
  const problems: Array<Problem> = []
  const configuration = Holdfast.toConfiguration(file.success, place, problems)
  return problems.length === 0 ? Result.succeed(configuration) : failure(problems, place)
}

/** Once with every key that is not read as a mistake, to tell of them; then without. */
const decodeOpenClaws = (value: unknown, place: string): Result.Result<Configuration, InvalidInput> => {
  const findings = Result.match(strict(value), {
    onFailure: ({ issue }): ReadonlyArray<Finding> => findingsOf(issue, value, place),
    onSuccess: () => []
  })
  const unknown = findings.filter(({ isUnknownKey, path }) => isUnknownKey && !isItsOwn(path))
  const file = lenient(value)
  if (Result.isFailure(file)) {
    return failure(
      findings.filter(({ isUnknownKey }) => !isUnknownKey).map(({ problem }) => problem),
      place
    )
  }
  const problems: Array<Problem> = []
  const configuration = OpenClaw.toConfiguration(
    file.success,
    place,
    problems,
    unknown.map(({ problem }) => problem)
  )
  return problems.length === 0 ? Result.succeed(configuration) : failure(problems, place)
}

const failure = (problems: ReadonlyArray<Problem>, place: string): Result.Result<never, InvalidInput> =>
  Result.fail(
    Arr.isReadonlyArrayNonEmpty(problems)
      ? new InvalidInput({ problems })
      : InvalidInput.of({ kind: "InvalidOption", place, expected: "a configuration", found: "something else" })
  )

/**
 * Whether it is one of OpenClaw's: it has sections that only those have, or that have another form there, and nothing that
 * only ours has. A misspelt key of ours must not turn the file into one of theirs, of which most is ignored.
 */
const isOpenClaws = (value: unknown): boolean => {
  if (!Predicate.isObject(value) || isOwn(value)) return false
  const { agents, auth, gateway, models, proxy, rateLimiting, timeout } = value as Readonly<Record<string, unknown>>
  return (
    [auth, gateway, rateLimiting, timeout].some((section) => section !== undefined) ||
    has(agents, "list", Array.isArray) ||
    has(agents, "defaults", Predicate.isObject) ||
    has(models, "primary", Predicate.isObject) ||
    has(models, "fallback", Predicate.isObject) ||
    has(models, "providers", Predicate.isObject) ||
    has(proxy, "enabled", Predicate.isBoolean)
  )
}

const ours = ["allow", "credentials", "limits", "minInterval", "policy", "providers"]

const isOwn = (value: object): boolean =>
  ours.some((section) => Object.hasOwn(value, section)) ||
  entriesOf(value, "models").some(([ref]) => ref.includes("/")) ||
  entriesOf(value, "agents").some(([, agent]) => typeof agent === "string" || has(agent, "primary", Predicate.isString))

const entriesOf = (value: object, section: string): ReadonlyArray<readonly [string, unknown]> => {
  const found: unknown = Object.hasOwn(value, section) ? Reflect.get(value, section) : undefined
  return Predicate.isObject(found) ? Object.entries(found) : []
}

const has = (section: unknown, name: string, is: (value: unknown) => boolean): boolean =>
  Predicate.isObject(section) && Object.hasOwn(section, name) && is(Reflect.get(section, name))
