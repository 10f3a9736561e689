/** What must follow a failure of opus, said by the lists of the grid; and what no decision may do, whatever follows. */
import type { CallState } from "@holdfast/core/CallState"
import type { Decision, Skipped } from "@holdfast/core/Decision"
import type { Failure } from "@holdfast/core/Failure"
import type { Earlier, Fate, Name, RuleName, Standing } from "./decideGrid.ts"
import {
  allowed,
  asked,
  beside,
  chain,
  earlier,
  failureOf,
  groundOf,
  limits,
  longestMs,
  maxAttempts,
  others,
  reserved,
  sharing,
  standingOf,
  table
} from "./decideGrid.ts"

/** All that a decision depends on. */
export interface Situation {
  readonly name: Name
  readonly fate: Fate
  /** What has become of the candidates behind opus; those that are not named are open. */
  readonly of: ReadonlyArray<Standing>
  readonly rule: RuleName
  readonly from: "opus" | "gpt"
  readonly moment: "start" | "mid"
  readonly spent: ReadonlyArray<string>
  readonly retryDelayMs: number | undefined
  readonly leftMs: number | undefined
  readonly refreshable: boolean
  readonly replays: CallState["replays"]
  readonly turn: CallState["turn"]
  readonly attempts: number
  readonly earlier: Earlier
}

/** A first failure at the start of a turn, where nothing stands in the way of anything. */
export const usual: Omit<Situation, "name"> = {
  fate: { evidence: "refused", exposure: "nothing", declaration: "unknown", assumed: false },
  of: [],
  rule: "any",
  from: "opus",
  moment: "start",
  spent: [],
  retryDelayMs: undefined,
  leftMs: undefined,
  refreshable: false,
  replays: undefined,
  turn: undefined,
  attempts: 1,
  earlier: "nothing"
}

/** The situation as a policy is told it. */
export const stateOf = (given: Situation): CallState => ({
  chain,
  index: 0,
  ...standingOf(given.of),
  ...(given.earlier === "nothing" ? undefined : { failed: earlier[given.earlier].failed }),
  reserved,
  spent: given.spent,
  attempts: given.attempts,
  retryDelayMs: given.retryDelayMs,
  refreshable: given.refreshable,
  leftMs: given.leftMs,
  moment: given.moment,
  from: given.from === "opus" ? chain[0] : chain[5],
  ...(given.replays === undefined ? undefined : { replays: given.replays }),
  ...(given.turn === undefined ? undefined : { turn: given.turn })
})

/** The failure as a policy is told it. */
export const failedOf = (given: Situation): Failure => failureOf(given.name, given.fate)

/** A decision in words. */
export const word = (decision: Decision): string => {
  switch (decision._tag) {
    case "RetryHere":
      return `here after ${decision.delayMs}, ${decision.fresh ? "fresh, " : ""}${decision.ground}`
    case "RefreshCredential":
      return `refresh, ${decision.ground}`
    case "Surface":
      return decision.why
    case "RotateCredential":
    case "NextCandidate":
    case "Wait": {
      const waits = decision._tag === "Wait" ? `wait ${decision.delayMs}, ` : ""
      const rotates = decision._tag === "RotateCredential" ? "rotate to " : ""
      return `${waits}${rotates}${decision.index}, ${decision.ground}${decision.asks ? ", asks" : ""}`
    }
  }
}

const forbidsTurn = ({ fate, name, replays, turn }: Situation): boolean => {
  if (turn === "abandoned") return true
  if (replays !== "turn") return false
  return turn !== "allowed" || (limits.includes(name) && groundOf(fate) !== "proven")
}

/** Why a candidate is passed over, most telling first; nothing of one that is open. */
const whyNot = (given: Situation, place: number): Skipped["why"] | undefined => {
  const { name, of, rule, from, spent } = given
  const [, onward] = table[name]
  const isNamed = name === "ContextOverflow"
  if ((place === 6) !== isNamed) return "other-reason"
  if (!isNamed && onward in sharing && sharing[onward as keyof typeof sharing].includes(place)) return "same-scope"
  if (earlier[given.earlier].sharing.some((each) => each === place)) return "same-scope"
  if (of[place - 1] === "unsuited") return "unsuited"
  if (spent.includes(chain[place]?.provider ?? "")) return "budget-spent"
  if (of[place - 1] === "denied" || !allowed[from][rule].includes(place)) return "swap-denied"
  return of[place - 1]?.startsWith("cools") === true ? "cooling-down" : undefined
}

const coolsFor = ({ of }: Situation, place: number): number => Number(of[place - 1]?.slice(6))

/** What must follow, in words. */
export const follows = (given: Situation): string => {
  const { attempts, fate, from, leftMs, name, of, refreshable, retryDelayMs, rule, spent } = given
  const ground = groundOf(fate)
  const [here, onward] = table[name]
  if (ground === "unsafe" || ground === "ambiguous") return ground
  if (forbidsTurn(given)) return "turn-invalid"
  if (attempts >= maxAttempts) return "attempts-spent"
  if (leftMs === 0) return "deadline"
  const fits = (ms: number) => leftMs === undefined || ms < leftMs

  let why: string | undefined
  if (here === "refresh" ? refreshable : here !== "never" && retryDelayMs !== undefined) {
    if (spent.includes("anthropic")) why = "budget-spent"
    else if (here === "refresh") return `refresh, ${ground}`
    else if (!fits(retryDelayMs ?? 0)) why = "deadline"
    else return `here after ${retryDelayMs}, ${here === "fresh" ? "fresh, " : ""}${ground}`
  }

  if (onward === "none" && name !== "ContextOverflow") return why ?? "reason-surfaces"
  if (onward === "proven" && ground === "assumed") return "ambiguous"
  const seen = [...others, 6].filter((place) => of[place - 1] !== "left")
  const open = seen.filter((place) => whyNot(given, place) === undefined)
  const elsewhere = here === "fresh" ? open.filter((place) => !beside.includes(place)) : open
  const asks = (place: number) => (rule.startsWith("ask") && asked[from].some((each) => each === place) ? ", asks" : "")
  const next = elsewhere[0] ?? open[0]
  if (next !== undefined) return `${next === 1 ? "rotate to " : ""}${next}, ${ground}${asks(next)}`
  const cooling = seen.filter((place) => whyNot(given, place) === "cooling-down")
  const soonestMs = Math.min(...cooling.map((place) => coolsFor(given, place)))
  const soonest = cooling.find((place) => coolsFor(given, place) === soonestMs)
  if (soonest !== undefined && (leftMs === undefined ? soonestMs <= longestMs : fits(soonestMs))) {
    return `wait ${soonestMs}, ${soonest}, ${ground}${asks(soonest)}`
  }
  const whys = new Set(seen.map((place) => whyNot(given, place)))
  if (cooling.length === 0 && whys.has("swap-denied")) return "swap-denied"
  if (why !== undefined) return why
  if (cooling.length > 0) return "cooling-down"
  return whys.has("budget-spent") ? "budget-spent" : "chain-exhausted"
}

/** What a decision does that none may do; nothing where it keeps to all. Says nothing of which one follows. */
export const broken = (given: Situation, state: CallState, decision: Decision): string | undefined => {
  if (decision._tag === "Surface") return unfounded(given, decision)
  const { fate, from, leftMs, name, of, refreshable, rule, spent } = given
  const ground = groundOf(fate)
  if (ground === "unsafe") return "replays what is unsafe"
  if (ground === "ambiguous") return "replays what is ambiguous and not repeatable"
  if (decision.ground !== ground) return "mistakes the ground"
  if (forbidsTurn(given)) return "runs a turn again that must not be"
  if (given.attempts >= maxAttempts) return "exceeds the attempts"
  if (leftMs !== undefined && leftMs <= 0) return "goes on when the time is up"
  const delayMs = "delayMs" in decision ? decision.delayMs : 0
  if (delayMs < 0 || (leftMs !== undefined && delayMs >= leftMs)) return "waits beyond the deadline"
  if (!("index" in decision)) {
    if (spent.includes("anthropic")) return "exceeds the budget here"
    if (decision._tag === "RefreshCredential" && !refreshable) return "renews what cannot be renewed"
    return table[name][0] === "never" ? "asks the same candidate again" : undefined
  }
  const { candidate, index } = decision
  if (candidate !== state.chain[index]) return "names nobody in the chain"
  if (index === 0) return "goes on to whom it has failed with"
  const standing = of[index - 1]
  if (standing === "left" || standing === "denied" || standing === "unsuited") return `goes on to one ${standing}`
  if (!allowed[from][rule].includes(index)) return "breaks the swap rule"
  if (decision.asks !== (rule.startsWith("ask") && asked[from].some((each) => each === index))) return "asks wrongly"
  if ((index === 6) !== (name === "ContextOverflow")) return "goes on to one for another reason"
  if (earlier[given.earlier].sharing.some((each) => each === index)) return "goes back to what failed earlier"
  if (spent.includes(candidate.provider)) return "exceeds the budget elsewhere"
  if ((standing?.startsWith("cools") === true) !== (decision._tag === "Wait")) return "hurries, or waits for nothing"
  if (decision._tag === "Wait" && (delayMs !== coolsFor(given, index) || delayMs > (leftMs ?? longestMs)))
    return "waits wrongly"
  const isRotation = index === 1 && decision._tag !== "Wait"
  if (isRotation !== (decision._tag === "RotateCredential")) return "mistakes another credential for another model"
  return misread(given, decision.skipped)
}

const unfounded = (given: Situation, decision: Extract<Decision, { _tag: "Surface" }>): string | undefined => {
  const { skipped, why } = decision
  if (!isFounded(given, why)) return `gives up as ${why}, which is not so`
  const hasLooked = ["chain-exhausted", "swap-denied", "cooling-down"].includes(why)
  return hasLooked || skipped.length > 0 ? misread(given, skipped) : undefined
}

const isFounded = (given: Situation, why: Extract<Decision, { _tag: "Surface" }>["why"]): boolean => {
  const { attempts, fate, leftMs, name, of, retryDelayMs, spent } = given
  const ground = groundOf(fate)
  const isStopped = (by: Skipped["why"]) => [...others, 6].some((place) => whyNot(given, place) === by)
  switch (why) {
    case "unsafe":
      return ground === "unsafe"
    case "ambiguous":
      return ground === "ambiguous" || (name === "Unclassified" && ground === "assumed")
    case "turn-invalid":
      return forbidsTurn(given)
    case "attempts-spent":
      return attempts >= maxAttempts
    case "deadline":
      return leftMs !== undefined && (leftMs <= 0 || (retryDelayMs ?? 0) >= leftMs)
    case "reason-surfaces":
      return table[name][1] === "none" && name !== "ContextOverflow"
    case "budget-spent":
      return spent.includes("anthropic") || isStopped("budget-spent")
    case "swap-denied":
      return isStopped("swap-denied")
    case "cooling-down":
      return of.some((standing) => standing.startsWith("cools"))
    case "chain-exhausted":
      return [...others, 6].every((place) => of[place - 1] === "left" || whyNot(given, place) !== undefined)
  }
}

/** Whether somebody was passed over for what is not so, or without a word. Those who were left before are not named. */
const misread = (given: Situation, skipped: ReadonlyArray<Skipped>): string | undefined => {
  let last = 0
  for (const { candidate, forMs, why } of skipped) {
    const place = chain.findIndex((each) => each === candidate)
    if (!(place > last)) return "names who is not in the chain, or not in its order"
    last = place
    if (given.of[place - 1] === "left") return "passes over one that was left before"
    if (whyNot(given, place) !== why) return `passes over ${place} as ${why}, which is not so`
    if (forMs !== (why === "cooling-down" ? coolsFor(given, place) : undefined)) return "mistakes for how long"
  }
  const closed = [...others, 6].filter((place) => given.of[place - 1] !== "left" && whyNot(given, place) !== undefined)
  return skipped.length === closed.length ? undefined : "passes over somebody without a word"
}
