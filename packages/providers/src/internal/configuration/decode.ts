/** Whatever shape a configuration was written in, as one. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Read } from "../../Configuration.ts"
import * as Json from "../json.ts"
import { empty } from "./empty.ts"
import * as Holdfast from "./holdfast.ts"
import * as OpenClaw from "./openclaw.ts"
import { isItsOwn } from "./openclawKeys.ts"
import type { Finding } from "./problems.ts"
import { findingsOf } from "./problems.ts"
import { readable } from "./readable.ts"

/** What was written, as far as it can be read, and all that is wrong with it. */
export const read = (value: unknown, place: string): Read =>
  isOpenClaws(value) ? readOpenClaws(value, place) : readOwn(value, place)

const all = { errors: "all" } as const

const own = Schema.decodeUnknownResult(Holdfast.File, { ...all, onExcessProperty: "error" })

const strict = Schema.decodeUnknownResult(OpenClaw.File, { ...all, onExcessProperty: "error" })

const lenient = Schema.decodeUnknownResult(OpenClaw.File, { ...all, onExcessProperty: "ignore" })

const readOwn = (value: unknown, place: string): Read => {
  const file = own(value)
  const problems: Array<Problem> = Result.match(file, {
    onFailure: ({ issue }) => findingsOf(issue, value, place).map(({ problem }) => problem),
    onSuccess: () => []
  })
  const left = Result.isSuccess(file) ? file.success : readable(own, value)
  return { configuration: left === undefined ? empty : Holdfast.toConfiguration(left, place, problems), problems }
}

/** Once with every key that is not read as a mistake, to tell of them; then without. */
const readOpenClaws = (value: unknown, place: string): Read => {
  const findings = Result.match(strict(value), {
    onFailure: ({ issue }): ReadonlyArray<Finding> => findingsOf(issue, value, place),
    onSuccess: () => []
  })
  const unknown = findings.filter(({ isUnknownKey, path }) => isUnknownKey && !isItsOwn(path))
  const file = lenient(value)
  const problems: Array<Problem> = Result.isSuccess(file)
    ? []
    : findings.filter(({ isUnknownKey }) => !isUnknownKey).map(({ problem }) => problem)
  const left = Result.isSuccess(file) ? file.success : readable(lenient, value)
  if (left === undefined) return { configuration: empty, problems }
  const reported = unknown.map(({ problem }) => problem)
  return { configuration: OpenClaw.toConfiguration(left, place, problems, reported), problems }
}

/**
 * Whether it is one of OpenClaw's: it has sections that only those have, or that have another form there, and nothing that
 * only ours has. A misspelt key of ours must not turn the file into one of theirs, of which most is ignored.
 */
const isOpenClaws = (value: unknown): boolean => {
  if (!Json.isObject(value) || isOwn(value)) return false
  const { agents, auth, gateway, models, proxy, rateLimiting, timeout } = value
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

const ours = ["allow", "budget", "credentials", "health", "limits", "minInterval", "policy", "providers"]

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
