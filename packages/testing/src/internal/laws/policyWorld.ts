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
  {
    provider: "openai",
    model: "gpt-5.5",
    endpoint: "api.openai.com:443",
    family: { maker: "openai", line: "gpt" },
    identity: "gpt-5.5"
  },
  { ...opus, credential: "home" },
  { ...opus, model: "claude-opus-4-6", identity: "claude-opus-4-6" },
  opusOnBedrock,
  { ...opusOnBedrock, model: "anthropic.claude-opus-4-6-v1", identity: "claude-opus-4-6" },
  { provider: "local", model: "llama" }
]

const longest = 6
const place = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: longest - 1 }))

/** How an attempt ended, as far as a verdict goes. Repeated values are likelier. */
export const Fate = Schema.Struct({
  evidence: Schema.Literals(["unsent", "refused", "lost", "unknown"]),
  exposure: Schema.Literals(["nothing", "nothing", "nothing", "nothing", ...Exposure.literals]),
  declaration: Schema.Literals(["repeatable", "repeatable", "repeatable", ...Declaration.literals]),
  /** The app takes an ambiguous failure as safe. */
  assumed: Schema.Boolean
})

/** How an attempt ended. */
export type Fate = typeof Fate.Type

const standings = ["open", "left", "cooling 500", "cooling 5000", "cooling 70000", "denied", "unsuited"] as const

/** What a situation is made from. Places are taken modulo the chain's length. */
export const World = Schema.Struct({
  /** Modulo the number of candidates there are; whoever is named twice is in it once. */
  chain: Schema.NonEmptyArray(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 11 }))).check(
    Schema.isMaxLength(longest)
  ),
  index: place,
  from: place,
  standing: Schema.Array(Schema.Literals(["open", "open", "open", ...standings])).check(Schema.isMaxLength(longest)),
  reserved: Schema.Array(Schema.Struct({ index: place, reason: NamedReason })).check(Schema.isMaxLength(2)),
  /** Whose provider has no retry budget left. */
  spent: Schema.Array(place).check(Schema.isMaxLength(2)),
  attempts: Schema.Literals(["first", "second", "last but one", "last"]),
  retryDelayMs: Schema.optionalKey(Schema.Literals([0, 250, 5000])),
  leftMs: Schema.optionalKey(Schema.Literals([100_000, 1000, 250, 0])),
  refreshable: Schema.Boolean,
  moment: Schema.Literals(["start", "mid"]),
  replays: Schema.optionalKey(Schema.Literals(["call", "turn"])),
  turn: Schema.optionalKey(Schema.Literals(["allowed", "allowed", ...TurnReplay.literals])),
  reason: Reason.Reason,
  fate: Fate
})

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

/** The situation that is made from a world under a policy, among some candidates. */
export const situationIn = (
  world: World,
  { maxAttempts }: Policy,
  among: Arr.NonEmptyReadonlyArray<Candidate>
): Situation => {
  const of = (i: number): Candidate => among[i % among.length] ?? among[0]
  const chain = Arr.dedupeWith(Arr.map(world.chain, of), (a, b) => a === b)
  const at = (i: number): Candidate => chain[i % chain.length] ?? chain[0]
  const index = world.index % chain.length
  const placesOf = (standing: string) =>
    chain.flatMap((_, i) => (i !== index && world.standing[i] === standing ? [i] : []))
  const state: CallState = {
    chain,
    index,
    left: placesOf("left"),
    denied: placesOf("denied"),
    unsuited: placesOf("unsuited"),
    cooling: [500, 5000, 70_000].flatMap((forMs) => placesOf(`cooling ${forMs}`).map((i) => ({ index: i, forMs }))),
    reserved: Arr.dedupeWith(
      world.reserved.map((each) => ({ ...each, index: each.index % chain.length })),
      (a, b) => a.index === b.index
    ),
    spent: Arr.dedupe(world.spent.map((i) => at(i).provider)),
    attempts: attemptsOf(world.attempts, maxAttempts),
    retryDelayMs: world.retryDelayMs,
    refreshable: world.refreshable,
    leftMs: world.leftMs,
    moment: world.moment,
    from: at(world.from),
    ...(world.replays === undefined ? undefined : { replays: world.replays }),
    ...(world.turn === undefined ? undefined : { turn: world.turn })
  }
  return { state, failure: failureAt(at(index), world.reason, world.fate) }
}

const attemptsOf = (which: World["attempts"], most: number): number => {
  if (!Number.isSafeInteger(most) || which === "first") return 1
  if (which === "second") return 2
  return which === "last" ? most : Math.max(1, most - 1)
}
