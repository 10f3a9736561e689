/**
 * Laws that every failover policy keeps, tried on one, with the smallest example found of what breaks them.
 *
 * They need no test runner: `check` gives what was found as data. `@holdfast/testing/PolicySuite` registers them as tests.
 * They are tried on arbitrary calls: chains whose candidates share models, credentials and endpoints, every reason on
 * every ground, candidates that were left, denied or cool down, what failed at those that were left, budgets and time that
 * are spent.
 */
import type { Candidate } from "@holdfast/core/Candidate"
import type { CallState } from "@holdfast/core/CallState"
import { label } from "@holdfast/core/Candidate"
import type { Decision } from "@holdfast/core/Decision"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { Failure } from "@holdfast/core/Failure"
import * as Arbitrary from "effect/Arbitrary"
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import { founded, hard } from "./internal/laws/policyBounds.ts"
import { byItself, ofFunction } from "./internal/laws/policyFunction.ts"
import type { Decider, Finding, Holds, Subject } from "./internal/laws/policyLaw.ts"
import { ofDecision } from "./internal/laws/policyLaw.ts"
import { ofPaths } from "./internal/laws/policyPaths.ts"
import { ofTable } from "./internal/laws/policyShared.ts"
import type { Situation } from "./internal/laws/policyWorld.ts"
import { candidates as fewCandidates, situationIn, size, World } from "./internal/laws/policyWorld.ts"
import { whenWorse } from "./internal/laws/policyWorse.ts"

export type {
  /** Decides for a policy. */
  Decider,
  /** What breaks a law. */
  Finding,
  /** A call whose attempt has failed. */
  Situation,
  /** A policy, and who decides for it. */
  Subject
}

/** How the laws are tried. */
export interface Options {
  /** On how many calls each law is tried. Default: 2000. */
  readonly runs?: number
  /** What the calls are drawn from: the same for the same seed. Default: one that stays the same. */
  readonly seed?: string | number
  /** Who the chains are made of, 12 at most; for a policy that knows its candidates by name. Default: a few that share something. */
  readonly candidates?: Arr.NonEmptyReadonlyArray<Candidate>
  /** Who decides for the policy. Default: `FailoverPolicy.decide`, which holds it to its bounds whatever it says. */
  readonly decide?: Decider
  /** Which laws are tried. Default: all. */
  readonly laws?: ReadonlyArray<Law>
}

/** A law that a policy breaks, and the smallest example found. */
export interface Violation {
  readonly law: string
  /** What the policy does, as a clause. */
  readonly what: string
  readonly state: CallState
  readonly failure: Failure
  /** What was decided; nothing where deciding threw. */
  readonly decision: Decision | undefined
  /** The calls that were tried, this one last. */
  readonly runs: number
}

/** Something that holds of every policy. */
export interface Law extends Holds {
  /** Tries it on a policy; gives nothing where the policy keeps it. */
  readonly check: (policy: FailoverPolicy.Policy, options?: Options) => Effect.Effect<Violation | undefined>
}

const worlds = Arbitrary.schema(World)

/** Tries something on as many calls as is asked for, until it is not so. */
const tryOn = (
  live: FailoverPolicy.Policy,
  { candidates = fewCandidates, decide = FailoverPolicy.decide, runs = 2000, seed = "holdfast" }: Options,
  isSo: (subject: Subject, situation: Situation) => boolean
) =>
  Effect.suspend(() => {
    // One policy, though its parts may be replaced meanwhile.
    const policy = FailoverPolicy.snapshot(live)
    const subject = { policy, decide }
    const situationOf = (world: World) => situationIn(world, policy, candidates)
    return Effect.map(
      Arbitrary.checkEffect(worlds, (world) => isSo(subject, situationOf(world)), {
        runs,
        seed,
        size,
        maxShrinks: 1000
      }),
      (result) =>
        result._tag === "Falsified"
          ? { subject, situation: situationOf(result.shrunkInput), runs: result.runs }
          : undefined
    )
  })

const lawOf = (holds: Holds): Law => ({
  ...holds,
  check: (policy, options = {}) =>
    Effect.map(
      tryOn(policy, options, (subject, situation) => holds.find(subject, situation) === undefined),
      (falsified) => {
        if (falsified === undefined) return undefined
        const { runs, situation, subject } = falsified
        const found = holds.find(subject, situation)
        return found === undefined ? undefined : { law: holds.name, ...found, runs }
      }
    )
})

/** A law of an app's own: what is wrong with a decision, as a clause whose subject is the policy, or nothing. */
export const law = (
  name: string,
  says: string,
  wrong: (policy: FailoverPolicy.Policy, situation: Situation, decision: Decision) => string | undefined
): Law => lawOf(ofDecision(name, says, wrong))

/** All laws, each with a name of its own. */
export const laws: ReadonlyArray<Law> = [
  ...ofFunction,
  ...byItself,
  ...hard,
  ofTable,
  founded,
  ...ofPaths,
  ...whenWorse
].map(lawOf)

/**
 * Tries the laws on a policy, and gives what breaks them, one example for each law.
 *
 * **Details**
 *
 * `FailoverPolicy.decide` holds a policy's own function to the bounds, whatever it says. That it had to is found by the
 * law `keeps the bounds by itself`; put that right first, for what it had to give up for may break other laws. A policy that gives up on purpose where it could go on breaks `goes on where it may`:
 * leave that one out with `laws`.
 *
 * **Example**
 *
 * ```ts
 * import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
 * import * as PolicyLaws from "@holdfast/testing/PolicyLaws"
 * import * as Effect from "effect/Effect"
 *
 * const policy = FailoverPolicy.make({
 *   decide: (_policy, state, failure, otherwise) =>
 *     failure.reason._tag === "Overloaded" ? { _tag: "RetryHere", delayMs: 60_000, fresh: false, ground: "proven" } : otherwise()
 * })
 * const violations = await Effect.runPromise(PolicyLaws.check(policy))
 * violations.map(({ law }) => law).includes("keeps the bounds by itself") // => true
 * ```
 */
export const check = (policy: FailoverPolicy.Policy, options: Options = {}): Effect.Effect<ReadonlyArray<Violation>> =>
  Effect.suspend(() => {
    const tried = options.laws ?? laws
    const broken = new Set<Law>()
    // All at once, and then one by one those that are broken, for the smallest example of each.
    const lookAt = (subject: Subject, situation: Situation): boolean => {
      for (const each of tried) if (!broken.has(each) && each.find(subject, situation) !== undefined) broken.add(each)
      return true
    }
    return Effect.andThen(
      tryOn(policy, options, lookAt),
      Effect.suspend(() =>
        Effect.map(
          Effect.forEach(
            tried.filter((each) => broken.has(each)),
            (each) => each.check(policy, options)
          ),
          (found) => found.filter((violation) => violation !== undefined)
        )
      )
    )
  })

/** A violation in a few lines, for a person. */
export const format = ({ decision, failure, law: name, state, what }: Violation): string =>
  [
    `The policy ${what}.`,
    `Law: ${name}`,
    `Failure: ${failure.message}, declared ${failure.declaration}`,
    `Chain: ${state.chain.map((candidate, i) => (i === state.index ? `(${label(candidate)})` : label(candidate))).join(", ")}`,
    `State: ${JSON.stringify({ ...state, chain: undefined, from: label(state.from) })}`,
    `Decision: ${decision === undefined ? "none" : JSON.stringify(decision)}`
  ].join("\n")
