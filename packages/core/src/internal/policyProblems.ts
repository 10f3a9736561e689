/**
 * What is wrong with the parts of a policy. TypeScript refuses most of it, but it has not seen what an app in JavaScript
 * wrote, or what was read from a file.
 */
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Schedule from "effect/Schedule"
import { NamedReason } from "../CallState.ts"
import type { Overrides, Policy, RetryClass, Row } from "../FailoverPolicy.ts"
import * as Hedge from "../Hedge.ts"
import * as Hold from "../Hold.ts"
import type { Problem } from "../InvalidInput.ts"
import { placeOf } from "../Preview.ts"
import * as Reason from "../Reason.ts"
import { SwapRule } from "../SwapRule.ts"
import { shown } from "./shown.ts"

/** What is wrong with what stands at a place. */
type Check = (found: unknown, place: string) => ReadonlyArray<Problem>

type Checks<K extends string> = { readonly [P in K]: Check }

const wrong = (expected: string, found: unknown, place: string): ReadonlyArray<Problem> => [
  { kind: "InvalidOption", place, expected, found: shown(found) }
]

const fits =
  (expected: string, is: (found: unknown) => boolean): Check =>
  (found, place) =>
    is(found) ? [] : wrong(expected, found, place)

const number = (expected: string, is: (found: number) => boolean): Check =>
  fits(expected, (found) => typeof found === "number" && is(found))

const quoted = (words: ReadonlyArray<string>): string => words.map((word) => JSON.stringify(word)).join(", ")

const oneOf = (words: ReadonlyArray<unknown>, expected: string): Check =>
  fits(expected, (found) => words.includes(found))

const word = (words: ReadonlyArray<string>): Check => oneOf(words, `one of ${quoted(words)}`)

const optional =
  (check: Check): Check =>
  (found, place) =>
    found === undefined ? [] : check(found, place)

const list =
  (each: Check): Check =>
  (found, place) =>
    Array.isArray(found)
      ? found.flatMap((one, index) => each(one, `${place}[${index}]`))
      : wrong("a list", found, place)

const object =
  (checks: Checks<string>): Check =>
  (found, place) =>
    Predicate.isObject(found)
      ? Object.entries(checks).flatMap(([name, check]) => check(found[name], `${place}.${name}`))
      : wrong("an object", found, place)

/** Each of them may be left out, and there is nothing else. */
const parts = (checks: Checks<string>): Check => {
  const known = object(Record.map(checks, optional))
  const expected = `one of the keys ${Object.keys(checks).join(", ")}`
  return (found, place) => [
    ...known(found, place),
    ...Object.entries(Predicate.isObject(found) ? found : {}).flatMap(([name, part], index): Array<Problem> => {
      if (part === undefined || Object.hasOwn(checks, name)) return []
      return [{ kind: "UnknownOption", place: placeOf(place, name, index), expected, found: shown(name) }]
    })
  ]
}

const schedule = fits("a Schedule", Schedule.isSchedule)

const retry: Checks<RetryClass> = { reach: schedule, connection: schedule, response: schedule, capacity: schedule }

const sames: ReadonlyArray<Row["same"]> = ["reach", "connection", "response", "capacity", "refresh", "never"]

const onwards: ReadonlyArray<Row["onward"]> = ["next", "outside-scope", "next-if-proven", "surface"]

const rotations: ReadonlyArray<Policy["rotation"]> = ["in-order", "least-recently-used"]

const closeness = word(SwapRule.literals)

const ask = object({
  ask: fits("a function", Predicate.isFunction),
  within: optional(closeness),
  limitMs: optional(number("milliseconds above 0", (limitMs) => limitMs > 0))
})

const closenessOrAsk = oneOf(SwapRule.literals, `one of ${quoted(SwapRule.literals)}, or { ask }`)

const swap: Check = (found, place) => (Predicate.isObject(found) ? ask : closenessOrAsk)(found, place)

// What a hedge holds is looked at there.
const hedge: Check = (found, place) =>
  Predicate.isObject(found) ? Hedge.problems(found as unknown as Hedge.Hedge, place) : wrong("{ after }", found, place)

// Of a day's length: a provider that asks for more is not going to answer this call.
const longestWaitMs = 86_400_000

const row = object({ same: word(sames), onward: word(onwards) })

const ofPolicy: Checks<keyof Overrides> = {
  maxAttempts: number("a whole number from 1", (attempts) => Number.isSafeInteger(attempts) && attempts >= 1),
  longestRetryAfterMs: number(`milliseconds from 0 to ${longestWaitMs}, a day`, (ms) => ms >= 0 && ms <= longestWaitMs),
  swap: parts({ start: swap, midTurn: swap }),
  retry: parts(retry),
  table: parts(Object.fromEntries(Reason.tags.map((tag) => [tag, row]))),
  chains: parts(
    Object.fromEntries(NamedReason.literals.map((name) => [name, list(fits("a text", Predicate.isString))]))
  ),
  hold: Hold.problems,
  hedge,
  rotation: word(rotations),
  decide: fits("a function", Predicate.isFunction)
}

/** All that is wrong with what is to replace parts of the default policy. */
export const policyProblems = (overrides: unknown): ReadonlyArray<Problem> => parts(ofPolicy)(overrides, "policy")
