/**
 * What was decided of each candidate of a call, in the records that OpenClaw's log tooling reads.
 *
 * A record has the fields of OpenClaw's `model_fallback_decision`, names and values as its logs have them, and beside them
 * what Holdfast knows: verdict, evidence, scope, rule, tokens and cost. One is made for every decision after a failed
 * attempt, for every candidate passed over, for every probe, and for an answer that something of that kind went before.
 * Records hold no secret: every text in them is scrubbed, and hashes are of scrubbed text.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as LogLevel from "effect/LogLevel"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Cause from "effect/Cause"
import * as Digest from "effect/crypto/Digest"
import { Evidence } from "./Evidence.ts"
import { Duplicates } from "./internal/fallbackDecision/duplicates.ts"
import * as ErrorText from "./internal/fallbackDecision/errorText.ts"
import * as Reader from "./internal/fallbackDecision/reader.ts"
import * as Reasons from "./internal/fallbackDecision/reasons.ts"
import * as Reason from "./Reason.ts"
import { Telemetry } from "./Telemetry.ts"
import type { TelemetryEvent } from "./TelemetryEvent.ts"
import { Cost, Tokens } from "./TelemetryEvent.ts"
import { Rule, Verdict } from "./Verdict.ts"

/** Why a candidate failed or was passed over, as OpenClaw's logs have it. */
export const Word = Reasons.Word

/** Why a candidate failed or was passed over, as OpenClaw's logs have it. */
export type Word = Reasons.Word

/** What each of our reasons is in OpenClaw's logs. */
export const wordOf = Reasons.wordOf

/** The status that OpenClaw gives a failure of a kind that has none of its own; nothing where it gives none. */
export const statusOf = Reasons.statusOf

/** An attempt of the call that failed before, or the one that the record is about. */
export const PreviousAttempt = Schema.Struct({
  provider: Schema.String,
  model: Schema.String,
  reason: Schema.optionalKey(Word),
  status: Schema.optionalKey(Schema.Int),
  code: Schema.optionalKey(Schema.String),
  errorHash: Schema.optionalKey(Schema.String)
})

const openClaws = {
  event: Schema.Literal("model_fallback_decision"),
  tags: Schema.optionalKey(Schema.Array(Schema.String)),
  /** The caller's run; else the turn; else the call. */
  runId: Schema.optionalKey(Schema.String),
  sessionId: Schema.optionalKey(Schema.String),
  lane: Schema.optionalKey(Schema.String),
  decision: Schema.Literals(["skip_candidate", "probe_cooldown_candidate", "candidate_failed", "candidate_succeeded"]),
  requestedProvider: Schema.String,
  requestedModel: Schema.String,
  candidateProvider: Schema.String,
  candidateModel: Schema.String,
  /** The candidate's place in the chain, from 1; credentials of one model share a place. */
  attempt: Schema.optionalKey(Schema.Int),
  /** How many places the chain has. */
  total: Schema.optionalKey(Schema.Int),
  reason: Schema.optionalKey(Word),
  /** The status of the provider's answer, else the one that stands for the reason. */
  status: Schema.optionalKey(Schema.Int),
  code: Schema.optionalKey(Schema.String),
  /** 400 characters of the error at most. */
  errorPreview: Schema.optionalKey(Schema.String),
  /** `sha256:` and 12 hex digits, of the scrubbed text. */
  errorHash: Schema.optionalKey(Schema.String),
  /** The same for errors that differ in a request's id or a time alone. */
  errorFingerprint: Schema.optionalKey(Schema.String),
  /** The status of the provider's answer, in digits. */
  httpCode: Schema.optionalKey(Schema.String),
  providerErrorType: Schema.optionalKey(Schema.String),
  providerErrorMessagePreview: Schema.optionalKey(Schema.String),
  requestIdHash: Schema.optionalKey(Schema.String),
  fallbackStepType: Schema.optionalKey(Schema.Literal("fallback_step")),
  fallbackStepFromModel: Schema.optionalKey(Schema.String),
  fallbackStepToModel: Schema.optionalKey(Schema.String),
  fallbackStepFromFailureReason: Schema.optionalKey(Word),
  fallbackStepFromFailureDetail: Schema.optionalKey(Schema.String),
  fallbackStepChainPosition: Schema.optionalKey(Schema.Int),
  /** `chain_exhausted` wherever nobody is asked next; `why` says why not. */
  fallbackStepFinalOutcome: Schema.optionalKey(Schema.Literals(["succeeded", "next_fallback", "chain_exhausted"])),
  /** Who is asked next; the same candidate where it is asked again. */
  nextCandidateProvider: Schema.optionalKey(Schema.String),
  nextCandidateModel: Schema.optionalKey(Schema.String),
  isPrimary: Schema.optionalKey(Schema.Boolean),
  requestedModelMatched: Schema.optionalKey(Schema.Boolean),
  fallbackConfigured: Schema.optionalKey(Schema.Boolean),
  /** Credentials of the candidate's provider in the chain. */
  profileCount: Schema.optionalKey(Schema.Int),
  /** Records like this one that a log left out since the last. */
  suppressedDuplicateCount: Schema.optionalKey(Schema.Int),
  previousAttempts: Schema.optionalKey(Schema.Array(PreviousAttempt)),
  consoleMessage: Schema.optionalKey(Schema.String)
}

const ours = {
  /** Milliseconds since the epoch. */
  at: Schema.optionalKey(Schema.Finite),
  call: Schema.optionalKey(Schema.String),
  turn: Schema.optionalKey(Schema.String),
  /** Which attempt it was, counted from 1 across the call. */
  attemptOfCall: Schema.optionalKey(Schema.Int),
  /** The name of the candidate's credential. */
  credential: Schema.optionalKey(Schema.String),
  /** What the policy decided: the decision's tag. */
  decided: Schema.optionalKey(Schema.String),
  /** Why nobody is asked next, why the candidate was passed over, or why another model answered than was asked. */
  why: Schema.optionalKey(Schema.String),
  /** How long is waited before the next attempt, in milliseconds. */
  delayMs: Schema.optionalKey(Schema.Finite),
  /** Our own name of the reason. */
  reasonTag: Schema.optionalKey(Schema.Literals(Reason.tags)),
  scope: Schema.optionalKey(Reason.Scope),
  verdict: Schema.optionalKey(Verdict),
  rule: Schema.optionalKey(Rule),
  evidence: Schema.optionalKey(Evidence),
  tokens: Schema.optionalKey(Tokens),
  cost: Schema.optionalKey(Cost)
}

/**
 * What was decided of one candidate. Only what every version of OpenClaw logs is demanded, so that its lines are read as
 * well; ours hold whatever is known.
 */
export const FallbackDecision = Schema.Struct({ ...openClaws, ...ours })

/** What was decided of one candidate. */
export type FallbackDecision = typeof FallbackDecision.Type

/** How events are read. */
export interface Options {
  /**
   * The most calls in progress that are followed at once. Past it the one that was quiet for longest is forgotten, and the
   * records of what it still decides know less of what was before. Default 4096.
   */
  readonly openCalls?: number
}

const openCallsFollowed = 4096

/**
 * The records of a stream of events: of a journal, or of `Telemetry.events`.
 *
 * **Details**
 *
 * Events may be of many calls at once. Where a journal begins or ends in the middle of a call, or has lost events, its
 * records lack what is not known; none is refused.
 *
 * **Example**
 *
 * ```ts
 * import { FallbackDecision, Journal } from "@holdfast/core"
 * import * as Stream from "effect/Stream"
 *
 * const failed = Journal.read("events.ndjson").pipe(
 *   FallbackDecision.fromEvents,
 *   Stream.filter((record) => record.decision === "candidate_failed")
 * )
 * ```
 */
export const fromEvents = <E, R>(
  events: Stream.Stream<TelemetryEvent, E, R>,
  options?: Options
): Stream.Stream<FallbackDecision, E, R> =>
  Stream.unwrap(
    Effect.map(hasher, (hash) =>
      Stream.mapAccumEffect(
        events,
        () => new Reader.Reader(options?.openCalls ?? openCallsFollowed, hash),
        (reader, event) => Effect.map(reader.read(event), (records) => [reader, records] as const)
      )
    )
  )

const hasher = Effect.provide(ErrorText.hasher, Digest.layerWebCrypto)

/** How records are logged. */
export interface LogOptions extends Options {
  /** Default `Warn`, as OpenClaw has it. */
  readonly level?: LogLevel.Severity
  /**
   * For how long failures of a credential that read alike are logged once, and then counted, in milliseconds; 0 logs all.
   * Default 30 s, as OpenClaw has it.
   */
  readonly duplicatesMs?: number
}

const waiting = 4096
const duplicatesMs = 30_000

/**
 * Logs every record through Effect's logger for the life of the layer: the message is `model fallback decision`, and the
 * fields are the line's annotations. Nothing is done where a call is made; a log that falls behind loses records and says
 * how many events it has missed.
 */
export const layerLog = (options?: LogOptions): Layer.Layer<never, never, Telemetry> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const telemetry = yield* Telemetry
      const level = options?.level ?? "Warn"
      const duplicates = new Duplicates(options?.duplicatesMs ?? duplicatesMs)
      const queue = yield* Queue.dropping<TelemetryEvent, Cause.Done>(waiting)
      let lost = 0
      const logger = yield* fromEvents(Stream.fromQueue(queue), options).pipe(
        Stream.runForEach((record) => {
          const logged = duplicates.next(record)
          return logged === undefined ? Effect.void : log(level, logged)
        }),
        Effect.forkDetach
      )
      // Events published before the layer closes are logged before it has closed.
      yield* Effect.addFinalizer(() =>
        Queue.end(queue).pipe(
          Effect.andThen(Fiber.await(logger)),
          Effect.andThen(
            Effect.suspend(() =>
              lost === 0 ? Effect.void : Effect.logWarning(`${lost} events came too fast to be logged`)
            )
          )
        )
      )
      yield* telemetry.listen((event) => {
        if (Reader.concerns(event) && !Queue.offerUnsafe(queue, event)) lost++
      })
    })
  )

const log = (level: LogLevel.Severity, record: FallbackDecision): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logWithLevel(level)("model fallback decision"), record)
