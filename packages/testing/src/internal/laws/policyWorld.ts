/** A small world of candidates, failures and calls, in which arbitrary values often share something. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { CallState } from "@holdfast/core/CallState"
import { NamedReason, TurnReplay } from "@holdfast/core/CallState"
import { Declaration } from "@holdfast/core/Declaration"
import * as Evidence from "@holdfast/core/Evidence"
import { Exposure } from "@holdfast/core/Exposure"
import * as Failure from "@holdfast/core/Failure"
import type { Policy } from "@holdfast/core/FailoverPolicy"
import * as Reason from "@holdfast/core/Reason"
import * as Arr from "effect/Array"
import * as Schema from "effect/Schema"
import { reasons } from "./policyReasons.ts"

/** A call whose attempt has failed. */
export interface Situation {
  readonly state: CallState
  readonly failure: Failure.Failure
}

const opus = {
  provider: "anthropic",
  model: "claude-opus-4-7",
  credential: "work",
  endpoint: "api.anthropic.com:443",
  family: { maker: "anthropic", line: "claude-opus" },
  identity: "claude-opus-4-7"
} satisfies Candidate

const opusOnBedrock = {
  provider: "bedrock",
  model: "anthropic.claude-opus-4-7-v1",
  endpoint: "bedrock-runtime.eu-central-1.amazonaws.com:443",
  family: opus.family,
  identity: opus.identity
} satisfies Candidate

/** Whoever shares something with another, and two who share nothing with anybody. */
export const candidates: Arr.NonEmptyReadonlyArray<Candidate> = [
  opus,
  { ...opus, credential: "home" },
  {
    provider: "openai",
    model: "gpt-5.5",
    endpoint: "api.openai.com:443",
    family: { maker: "openai", line: "gpt" },
    identity: "gpt-5.5"
  },
  { ...opus, model: "claude-opus-4-6", identity: "claude-opus-4-6" },
  opusOnBedrock,
  { ...opusOnBedrock, model: "anthropic.claude-opus-4-6-v1", identity: "claude-opus-4-6" },
  { provider: "local", model: "llama" }
]

const longest = 8
const place = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: longest - 1 }))

const candidate = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 11 }))

/** A value that comes as often as all the rest. */
const often = <const A, const B>(usual: A, rest: ReadonlyArray<B>): ReadonlyArray<A | B> => [
  ...rest.map(() => usual),
  ...rest
]

/** How an attempt ended, as far as a verdict goes. */
export const Fate = Schema.Struct({
  evidence: Schema.Literals(["unsent", "refused", "lost", "unknown"]),
  exposure: Schema.Literals(often("nothing", often("nothing", often("nothing", Exposure.literals)))),
  declaration: Schema.Literals(often("repeatable", often("repeatable", Declaration.literals))),
  /** The app takes an ambiguous failure as safe. */
  assumed: Schema.Boolean
})

/** How an attempt ended. */
export type Fate = typeof Fate.Type

const standings = ["open", "left", "cooling 500", "cooling 5000", "cooling 200000", "denied", "unsuited"] as const

/**
 * What a situation is made from. Places are taken modulo the chain's length. No key is optional: of many keys the optional
 * ones are generated too rarely.
 */
export const World = Schema.Struct({
  /** Modulo the number of candidates there are; whoever is named twice is in it once. */
  first: candidate,
  others: Schema.Array(candidate).check(Schema.isMinLength(1), Schema.isMaxLength(longest - 1)),
  index: place,
  from: place,
  standing: Schema.Array(Schema.Literals(often("open", standings))).check(Schema.isMaxLength(longest)),
  reserved: Schema.Array(Schema.Struct({ index: place, reason: NamedReason })).check(Schema.isMaxLength(1)),
  /** Whose provider has no retry budget left. */
  spent: Schema.Array(place).check(Schema.isMaxLength(1)),
  attempts: Schema.Literals(often("first", ["second", "second", "last but one", "last"])),
  retryDelayMs: Schema.Literals(["none", 0, 250, 5000]),
  leftMs: Schema.Literals(often("none", [100_000, 1000, 250, 0])),
  refreshable: Schema.Boolean,
  moment: Schema.Literals(["start", "mid"]),
  replays: Schema.Literals(often("none", ["call", "turn"])),
  turn: Schema.Literals(often("allowed", often("allowed", ["none", ...TurnReplay.literals]))),
  /** One of {@link reasons}. */
  reason: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: reasons.length - 1 })),
  fate: Fate,
  /** More who were left, and what is noted of each: nothing at 0, else one of the {@link reasons} that leave a mark. */
  failed: Schema.Array(
    Schema.Struct({ index: place, of: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: reasons.length })) })
  ).check(Schema.isMaxLength(2)),
  /** Whether what failed was written down without its reason. */
  untold: Schema.Boolean
})

/** So large that chains are long and lists are not empty. */
export const size = 40

/** What a situation is made from. */
export type World = typeof World.Type

const evidences: { readonly [E in Fate["evidence"]]: Evidence.Evidence } = {
  unsent: Evidence.unsent,
  refused: Evidence.asNotRun({ _tag: "Unknown", status: 529 }),
  lost: { _tag: "Observed", phase: "waiting", bytesWritten: 812, bytesRead: 0, closed: "peer-reset" },
  unknown: Evidence.unknown
}

/** The failure of a reason and a fate at a candidate. */
export const failureAt = (
  candidate: Candidate,
  reason: Reason.Reason,
  { assumed, declaration, evidence, exposure }: Fate
): Failure.Failure => {
  const failure = Failure.make({ candidate, reason, evidence: evidences[evidence], exposure, declaration })
  return assumed && Failure.isReplayAmbiguous(failure) ? Failure.assumeSafe(failure) : failure
}

/** What failed at a candidate that was left. */
export type Mark = NonNullable<CallState["failed"]>[number]

/** What a call notes of a candidate that it leaves: nothing where the table does not send it outside what failed. */
export const markOf = ({ table }: Policy, index: number, { _tag, scope }: Reason.Reason): Mark | undefined =>
  table[_tag].onward === "outside-scope" && scope !== "request" ? { index, scope, reason: _tag } : undefined

/** The situation that is made from a world under a policy, among some candidates. */
export const situationIn = (world: World, policy: Policy, among: Arr.NonEmptyReadonlyArray<Candidate>): Situation => {
  const of = (i: number): Candidate => among[i % among.length] ?? among[0]
  const chain = Arr.dedupeWith(Arr.map(Arr.make(world.first, ...world.others), of), (a, b) => a === b)
  const at = (i: number): Candidate => chain[i % chain.length] ?? chain[0]
  const index = world.index % chain.length
  const past = new Map(world.failed.map(({ index: i, of: what }) => [i % chain.length, what]))
  const placesOf = (standing: string) =>
    chain.flatMap((_, i) => (i !== index && (past.has(i) ? "left" : world.standing[i]) === standing ? [i] : []))
  const left = placesOf("left")
  const failed = left.flatMap((i) => marksOf(policy, world.untold, i, past.get(i) ?? 0))
  const state: CallState = {
    chain,
    index,
    left,
    ...(failed.length === 0 ? undefined : { failed }),
    denied: placesOf("denied"),
    unsuited: placesOf("unsuited"),
    cooling: [500, 5000, 200_000].flatMap((forMs) => placesOf(`cooling ${forMs}`).map((i) => ({ index: i, forMs }))),
    reserved: world.reserved.map((each) => ({ ...each, index: each.index % chain.length })),
    spent: Arr.dedupe(world.spent.map((i) => at(i).provider)),
    attempts: attemptsOf(world.attempts, policy.maxAttempts),
    retryDelayMs: known(world.retryDelayMs),
    refreshable: world.refreshable,
    leftMs: known(world.leftMs),
    moment: world.moment,
    from: at(world.from),
    ...(world.replays === "none" ? undefined : { replays: world.replays }),
    ...(world.turn === "none" ? undefined : { turn: world.turn })
  }
  return {
    state,
    failure: failureAt(at(index), reasons[world.reason] ?? new Reason.Unclassified({ rule: "none" }), world.fate)
  }
}

const marksOf = (policy: Policy, untold: boolean, index: number, what: number): ReadonlyArray<Mark> => {
  const marks = reasons.flatMap((reason) => markOf(policy, index, reason) ?? [])
  const mark = what === 0 ? undefined : marks[(what - 1) % marks.length]
  if (mark === undefined) return []
  return [untold ? { index, scope: mark.scope } : mark]
}

const known = <A>(value: A | "none"): A | undefined => (value === "none" ? undefined : value)

const attemptsOf = (which: World["attempts"], most: number): number => {
  if (!Number.isSafeInteger(most) || which === "first") return 1
  if (which === "second") return 2
  return which === "last" ? most : Math.max(1, most - 1)
}
