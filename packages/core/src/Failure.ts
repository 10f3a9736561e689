/**
 * A failed attempt, in one of three error classes, so that a program's type says what may still be done with it.
 *
 * `catchTag("ReplayUnsafe")` asks for the verdict, {@link catchReason} for the cause. The fields of an attempt's failure
 * are enough to derive its verdict again, `Verdict.judge(failure)`; that of a whole call is the worst of its attempts'. The proof ends at this hop: nothing here speaks for a service that
 * itself calls a model.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Candidate, label } from "./Candidate.ts"
import { Declaration } from "./Declaration.ts"
import { Evidence } from "./Evidence.ts"
import { Exposure, max } from "./Exposure.ts"
import * as Reason from "./Reason.ts"
import * as Verdict from "./Verdict.ts"

/** What is kept of every attempt of a call. */
export const Attempt = Schema.Struct({
  /** Counted from 1 across the call. */
  attempt: Schema.Int,
  candidate: Candidate,
  reason: Reason.Reason,
  evidence: Evidence,
  verdict: Verdict.Verdict,
  rule: Verdict.Rule,
  elapsedMs: Schema.Finite
})

/** What is kept of every attempt of a call. */
export type Attempt = typeof Attempt.Type

const fields = {
  reason: Reason.Reason,
  evidence: Evidence,
  exposure: Exposure,
  declaration: Declaration,
  candidate: Candidate,
  /** The row of the replay-safety table that decided. */
  rule: Verdict.Rule,
  /** All attempts of the call so far, this one last; one alone where it comes straight from a transport. */
  attempts: Schema.Array(Attempt),
  /** `Safe` was assumed because the call is repeatable, not proven. */
  assumed: Schema.Boolean,
  /** What the app has received of the answer, in the form it received it. */
  partial: Schema.optionalKey(Schema.Array(Schema.Unknown))
}

interface Described {
  readonly _tag: string
  readonly reason: Reason.Reason
  readonly evidence: Evidence
  readonly exposure: Exposure
  readonly declaration: Declaration
  readonly candidate: Candidate
  readonly rule: Verdict.Rule
  readonly attempts: ReadonlyArray<Attempt>
  readonly assumed: boolean
}

const describe = (self: Described): string => {
  const tries = self.attempts.length > 1 ? ` after ${self.attempts.length} attempts` : ""
  return `${label(self.candidate)}: ${self.reason._tag}, ${self.reason.message}${tries} [${self._tag}: ${self.rule}]`
}

const toSafeJson = (self: Described): unknown => ({
  _tag: self._tag,
  message: describe(self),
  reason: { ...self.reason, scope: self.reason.scope, advice: self.reason.advice },
  evidence: self.evidence,
  exposure: self.exposure,
  declaration: self.declaration,
  candidate: self.candidate,
  rule: self.rule,
  assumed: self.assumed,
  attempts: self.attempts.map(({ reason, ...attempt }) => ({ ...attempt, reason: reason._tag }))
})

/** The provider did not run the call: it may be sent again. */
export class ReplaySafe extends Schema.TaggedError<ReplaySafe>("@holdfast/core/ReplaySafe")("ReplaySafe", fields) {
  readonly verdict = "Safe" as const
  override get message(): string {
    return describe(this)
  }
  override toJSON(): unknown {
    return toSafeJson(this)
  }
}

/** The call may have run and nothing of it was seen: replaying costs tokens at worst, if it is repeatable. */
export class ReplayAmbiguous extends Schema.TaggedError<ReplayAmbiguous>("@holdfast/core/ReplayAmbiguous")(
  "ReplayAmbiguous",
  fields
) {
  readonly verdict = "Ambiguous" as const
  override get message(): string {
    return describe(this)
  }
  override toJSON(): unknown {
    return toSafeJson(this)
  }
}

/** The app has seen output, or something may have been done that must not be done twice. Nothing replays it. */
export class ReplayUnsafe extends Schema.TaggedError<ReplayUnsafe>("@holdfast/core/ReplayUnsafe")(
  "ReplayUnsafe",
  fields
) {
  readonly verdict = "Unsafe" as const
  override get message(): string {
    return describe(this)
  }
  override toJSON(): unknown {
    return toSafeJson(this)
  }
}

/** A failed attempt or, from a `Failover` that gave up, a failed call. */
export type Failure = ReplaySafe | ReplayAmbiguous | ReplayUnsafe

/** The schema of {@link Failure}, for journals and for errors that cross a process boundary. */
export const Failure = Schema.Union([ReplaySafe, ReplayAmbiguous, ReplayUnsafe])

/** Whether a value is proven, or by the app's word assumed, safe to send again. */
export const isReplaySafe = <E>(u: E): u is E & ReplaySafe => u instanceof ReplaySafe

/** Whether a value is a failure that is ambiguous to send again. */
export const isReplayAmbiguous = <E>(u: E): u is E & ReplayAmbiguous => u instanceof ReplayAmbiguous

/** Whether a value is a failure that must not be sent again. */
export const isReplayUnsafe = <E>(u: E): u is E & ReplayUnsafe => u instanceof ReplayUnsafe

/** Whether a value is a {@link Failure}. */
export const isFailure = <E>(u: E): u is E & Failure => isReplaySafe(u) || isReplayAmbiguous(u) || isReplayUnsafe(u)

/** What a failure is made of; its class and `rule` follow from it. */
export interface Make {
  readonly reason: Reason.Reason
  readonly evidence: Evidence
  readonly exposure?: Exposure
  readonly declaration: Declaration
  readonly candidate: Candidate
  /** Number of this attempt, from 1. Default 1. */
  readonly attempt?: number
  readonly elapsedMs?: number
  readonly partial?: ReadonlyArray<unknown>
  /** What threw, for a debugger. See {@link thrown}. */
  readonly thrown?: unknown
}

/** Judges one attempt and makes the failure of the class that fits. */
export const make = (options: Make): Failure => {
  const exposure = options.exposure ?? "nothing"
  const { verdict, rule } = Verdict.judge({
    evidence: options.evidence,
    exposure,
    declaration: options.declaration
  })
  const attempt: Attempt = {
    attempt: options.attempt ?? 1,
    candidate: options.candidate,
    reason: options.reason,
    evidence: options.evidence,
    verdict,
    rule,
    elapsedMs: options.elapsedMs ?? 0
  }
  return construct(
    verdict,
    {
      reason: options.reason,
      evidence: options.evidence,
      exposure,
      declaration: options.declaration,
      candidate: options.candidate,
      rule,
      attempts: [attempt],
      assumed: false,
      ...(options.partial === undefined ? undefined : { partial: options.partial })
    },
    options.thrown
  )
}

type Fields = Omit<ConstructorParameters<typeof ReplaySafe>[0], "_tag">

const construct = (verdict: Verdict.Verdict, props: Fields, threw: unknown): Failure => {
  const failure = ofClass(verdict, props)
  if (threw !== undefined) throwns.set(failure, threw)
  return failure
}

// Beside the failures, not in them: printers follow `cause`, and what sockets and apps throw may hold URLs and keys.
const throwns = new WeakMap<Failure, unknown>()

/** What threw, as it was thrown, for a debugger. No form in which a failure is printed or encoded shows it. */
export const thrown = (failure: Failure): unknown => throwns.get(failure)

const ofClass = (verdict: Verdict.Verdict, props: Fields): Failure => {
  switch (verdict) {
    case "Safe":
      return new ReplaySafe(props)
    case "Ambiguous":
      return new ReplayAmbiguous(props)
    case "Unsafe":
      return new ReplayUnsafe(props)
  }
}

const fieldsOf = (failure: Failure): Fields => ({
  reason: failure.reason,
  evidence: failure.evidence,
  exposure: failure.exposure,
  declaration: failure.declaration,
  candidate: failure.candidate,
  rule: failure.rule,
  attempts: failure.attempts,
  assumed: failure.assumed,
  ...(failure.partial === undefined ? undefined : { partial: failure.partial })
})

/** What a layer above the transport learnt about an attempt after it failed. */
export interface Amend {
  readonly reason?: Reason.Reason
  readonly evidence?: Evidence
  readonly exposure?: Exposure
  readonly partial?: ReadonlyArray<unknown>
  readonly attempt?: number
  /** How many attempts of the call came before all that the failure holds. */
  readonly after?: number
  readonly elapsedMs?: number
}

const recordAfter = (record: Attempt, after: number): Attempt => ({ ...record, attempt: record.attempt + after })

/**
 * The failure judged again with what a layer above knows: what was exposed, that the answer was the provider's own
 * refusal, which attempt of the call it was. Of a failure that holds several attempts the last is judged again; the
 * verdict stays the worst of theirs. What the app assumed stays assumed unless something was exposed.
 */
export const amend = (failure: Failure, learnt: Amend): Failure => {
  const record = failure.attempts.at(-1)
  const { after = 0 } = learnt
  const attempt = learnt.attempt ?? record?.attempt
  const elapsedMs = learnt.elapsedMs ?? record?.elapsedMs
  const partial = learnt.partial ?? failure.partial
  const judged = make({
    reason: learnt.reason ?? failure.reason,
    evidence: learnt.evidence ?? failure.evidence,
    exposure: max(failure.exposure, learnt.exposure ?? "nothing"),
    declaration: failure.declaration,
    candidate: failure.candidate,
    ...(attempt === undefined ? undefined : { attempt: attempt + after }),
    ...(elapsedMs === undefined ? undefined : { elapsedMs }),
    ...(partial === undefined ? undefined : { partial }),
    thrown: thrown(failure)
  })
  const amended = failure.assumed && isReplayAmbiguous(judged) ? assumeSafe(judged) : judged
  const earlier = failure.attempts.slice(0, -1)
  return ofCall(
    earlier.map((each) => recordAfter(each, after)),
    amended
  )
}

/**
 * The failure of a whole call: the last attempt's, holding all of them. Its verdict is the worst of theirs, because an
 * outer replay replays them all.
 */
export const ofCall = (earlier: ReadonlyArray<Attempt>, last: Failure): Failure => {
  if (earlier.length === 0) return last
  const attempts = [...earlier, ...last.attempts]
  const gravest = attempts.reduceRight((worst, attempt) =>
    Verdict.worst(worst.verdict, attempt.verdict) === worst.verdict ? worst : attempt
  )
  const assumed = last.assumed && gravest.verdict === "Safe"
  return construct(gravest.verdict, { ...fieldsOf(last), rule: gravest.rule, attempts, assumed }, thrown(last))
}

/**
 * An ambiguous failure taken as safe on the app's word that the call is repeatable, and marked so. Judging it again
 * from its fields still gives `Ambiguous`: the mark records whose word it is.
 */
export const assumeSafe = (failure: ReplayAmbiguous): ReplaySafe =>
  construct("Safe", { ...fieldsOf(failure), assumed: true }, thrown(failure)) as ReplaySafe

type Handler<Tags extends ReadonlyArray<Reason.Tag>, A2, E2, R2> = (
  reason: Reason.Of<Tags[number]>,
  failure: Failure
) => Effect.Effect<A2, E2, R2>

/**
 * Recovers from failures of the named reasons, whatever their verdict.
 *
 * **Details**
 *
 * It is for what comes after giving up: telling a person, answering from a cache. To ask a model again use the
 * combinators of `ReplaySafety`, which look at the verdict.
 *
 * **Example**
 *
 * ```ts
 * import { Evidence, Failure, Reason } from "@holdfast/core"
 * import * as Effect from "effect/Effect"
 *
 * const limited = Effect.fail(
 *   Failure.make({
 *     reason: new Reason.RateLimited({ rule: "status-429", limited: "model", retryAfterMs: 30_000 }),
 *     evidence: Evidence.asNotRun({ _tag: "Unknown", status: 429 }),
 *     declaration: "repeatable",
 *     candidate: { provider: "anthropic", model: "claude-opus-4-7" }
 *   })
 * )
 * const program = limited.pipe(
 *   Failure.catchReason(["RateLimited"], (reason) => Effect.succeed(`wait ${reason.retryAfterMs} ms`))
 * )
 * await Effect.runPromise(program) // => "wait 30000 ms"
 * ```
 */
export const catchReason =
  <const Tags extends ReadonlyArray<Reason.Tag>, A2, E2, R2>(tags: Tags, f: Handler<Tags, A2, E2, R2>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A | A2, E | E2, R | R2> =>
    Effect.catchIf(
      self,
      (error: E) => isFailure(error) && isOneOf(tags, error.reason),
      (error) => {
        // The refinement above is not visible through the generic E.
        const failure = error as Failure & { readonly reason: Reason.Of<Tags[number]> }
        return f(failure.reason, failure)
      }
    )

const isOneOf = <const Tags extends ReadonlyArray<Reason.Tag>>(
  tags: Tags,
  reason: Reason.Reason
): reason is Reason.Of<Tags[number]> => tags.some((tag) => Predicate.isTagged(reason, tag))
