/** The default policy as a reader of the README sees it, made of the policy itself. */
import * as CallState from "@holdfast/core/CallState"
import * as Evidence from "@holdfast/core/Evidence"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Failure from "@holdfast/core/Failure"
import * as Reason from "@holdfast/core/Reason"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { reasonOf } from "../src/internal/explanation/reasonOf.ts"
import { Retries } from "../src/internal/failover/retries.ts"
import { opus } from "./fixtures.ts"
import { reasons } from "./reasons.ts"

const begin = "<!-- The default policy, from the code: ./scripts/tables writes it. -->"
const end = "<!-- The end of the default policy. -->"

/** A text with the default policy as it is, between the marks; nothing where there are none. */
export const written = (text: string): string | undefined => {
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  return from < 0 || to < from ? undefined : `${text.slice(0, from)}${begin}\n\n${section}\n\n${text.slice(to)}`
}

const { chains, hedge, hold, longestRetryAfterMs, maxAttempts, rotation, swap, table } = FailoverPolicy.defaults

/** How a candidate is asked again whose attempts all fail for one reason, at once. */
interface Again {
  /** Without chance, where it goes on for longest. */
  readonly delays: ReadonlyArray<number>
  readonly times: string
  /** How much less or more a delay may be by chance, of 1. */
  readonly chance: number
}

const againFor = (tag: Reason.Tag): Again => {
  const middle = delaysBy(tag, 0.5)
  const shortest = delaysBy(tag, 0)
  const longest = delaysBy(tag, 1)
  const [first = 0] = middle
  const chance = first > 0 ? (longest[0] ?? first) / first - 1 : 0
  const counts = [longest, middle, shortest].map(({ length }) => length)
  const least = Math.min(...counts)
  const most = Math.max(...counts)
  return {
    delays: middle.length === most ? middle : shortest.map((ms) => ms / (1 - chance)),
    times: least === most ? times(most) : `${least} to ${most} times`,
    chance
  }
}

/** The delays of a candidate's stay, where chance is the same each time. */
const delaysBy = (tag: Reason.Tag, chance: number): ReadonlyArray<number> => {
  const retries = new Retries(FailoverPolicy.defaults)
  const delays: Array<number> = []
  for (let now = 0; delays.length < maxAttempts; now += delays.at(-1) ?? 0) {
    const failure = Failure.make({
      reason: reasonOf(tag, {}),
      evidence: Evidence.unsent,
      declaration: "repeatable",
      candidate: opus
    })
    const delayMs = Effect.runSync(
      Effect.provideService(retries.delay(failure, now), Random.Random, {
        nextDoubleUnsafe: () => chance,
        nextIntUnsafe: () => 0
      })
    )
    if (delayMs === undefined) break
    delays.push(delayMs)
    retries.began(failure)
  }
  return delays
}

const times = (count: number): string => (count === 1 ? "once" : count === 2 ? "twice" : `${count} times`)

const length = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`)

const list = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`

const sameCandidate = (tag: Reason.Tag): string => {
  if (table[tag].same === "refresh") return "once, where its credential can be renewed"
  const { delays, times } = againFor(tag)
  const [first] = delays
  const last = delays.at(-1)
  if (first === undefined || last === undefined) return "no"
  const when =
    last === 0 ? "at once" : first === last ? `after ${length(last)}` : `after ${length(first)} up to ${length(last)}`
  return `${times}, ${when}${table[tag].same === "connection" ? ", on a fresh connection" : ""}`
}

const isNamed = (tag: Reason.Tag): boolean => CallState.NamedReason.literals.some((each) => each === tag)

const then = (tag: Reason.Tag): string => {
  const { onward, same } = table[tag]
  const named = isNamed(tag) ? ", or the chain named for it" : ""
  switch (onward) {
    case "next":
      return `next candidate${same === "connection" ? ", at another endpoint first" : ""}${named}`
    case "outside-scope":
      return `next candidate outside the scope${named}`
    case "next-if-proven":
      return `next candidate if the verdict is Safe, else surface${named}`
    case "surface":
      return `surface${named}`
  }
}

/** A limit on a model is the account's: the same model with another credential is outside it. */
const limitedOf = (limited: Reason.RateLimited["limited"]): string =>
  limited === "model" ? "model with its credential" : limited

/** What a reason may be about: of one that says it by itself, all that it may say. */
const scopeOf = (tag: Reason.Tag): string => {
  if (tag === "RateLimited") return Reason.RateLimited.fields.limited.literals.map(limitedOf).join(", ")
  const scopes = Object.values(reasons).flatMap((reason) => (reason._tag === tag ? [reason.scope] : []))
  return [...new Set(scopes)].join(", ")
}

type Cells = readonly [string, ...Array<string>]

const rowOf = (tag: Reason.Tag): Cells => [tag, scopeOf(tag), sameCandidate(tag), then(tag)]

/** A table as the formatter leaves it. */
const drawn = (head: Cells, rows: ReadonlyArray<Cells>): string => {
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: ReadonlyArray<string>, fill: string) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0, fill)).join(" | ")} |`
  return [
    line(head, " "),
    line(
      head.map(() => ""),
      "-"
    ),
    ...rows.map((row) => line(row, " "))
  ].join("\n")
}

const schedule = (name: string, tag: Reason.Tag): string => {
  const { chance, delays, times } = againFor(tag)
  const by = chance > 0 ? `, each up to ${Math.round(chance * 100)}% shorter or longer by chance` : ""
  const when = delays.every((ms) => ms === 0) ? "at once" : `after ${list(delays.map(length))}${by}`
  return `- \`${name}\`: ${times}, ${when}.`
}

/** One schedule a class of failures, in the order of the table. */
const schedules = (): ReadonlyArray<string> => {
  const first = new Map<string, Reason.Tag>()
  for (const tag of Reason.tags) {
    const { same } = table[tag]
    if (same !== "never" && same !== "refresh" && !first.has(same)) first.set(same, tag)
  }
  return [...first].map(([name, tag]) => schedule(name, tag))
}

const ruleOf = (rule: typeof swap.start): string => (typeof rule === "string" ? `\`${rule}\`` : "the app is asked")

const holdOf = (value: typeof hold): string => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``

const values = (): ReadonlyArray<string> => [
  `- \`swap\`: ${ruleOf(swap.start)} at the start of a turn, ${ruleOf(swap.midTurn)} in the middle of one.`,
  `- \`maxAttempts\`: ${maxAttempts} a call, whatever the chain and the schedules.`,
  `- \`longestRetryAfterMs\`: a wait that a provider asks for counts where it is longer than the schedule's delay, up to ${length(longestRetryAfterMs)}; past that the candidate is left.`,
  `- \`chains\`: ${list(Object.keys(chains)) || "none"}; ${list(CallState.NamedReason.literals)} may name their own.`,
  `- \`hold\`: ${holdOf(hold)}.`,
  `- \`hedge\`: ${hedge === undefined ? "off" : JSON.stringify(hedge.after)}.`,
  `- \`rotation\`: \`${rotation}\`.`
]

const section = [
  drawn(["reason", "scope", "on the same candidate", "then"], Reason.tags.map(rowOf)),
  "",
  "The schedules of `retry`, by the class of failure:",
  "",
  ...schedules(),
  "",
  "The rest of the policy:",
  "",
  ...values()
].join("\n")
