/** Calls as their events tell of them, and the records that are made of those. */
import { assert } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import type { Decision } from "@holdfast/core/Decision"
import * as FallbackDecision from "@holdfast/core/FallbackDecision"
import * as Failure from "@holdfast/core/Failure"
import * as ModelRef from "@holdfast/core/ModelRef"
import type { Draft, TelemetryEvent, Usage } from "@holdfast/core/TelemetryEvent"
import { version } from "@holdfast/core/TelemetryEvent"
import type { Turn } from "@holdfast/core/Turn"
import * as Reason from "@holdfast/core/Reason"
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CallEvents } from "../src/internal/failover/callEvents.ts"
import { opus } from "./fixtures.ts"

/** What became of an attempt: a failure and what was decided, or an answer. */
export type Step =
  | {
      readonly at: Candidate
      readonly failure: Failure.Failure
      readonly decision: Decision
      readonly probe?: boolean
    }
  | { readonly at: Candidate; readonly usage?: Usage; readonly probe?: boolean }

/** A call: the chain it was given and what became of its attempts. */
export interface Told {
  readonly call?: string
  readonly turn?: Turn
  readonly chain: readonly [Candidate, ...ReadonlyArray<Candidate>]
  /** What was decided before anybody was asked. */
  readonly entered?: Decision
  readonly steps: ReadonlyArray<Step>
  /** How far the clock goes from one event to the next, in milliseconds. */
  readonly everyMs?: number
  readonly from?: number
}

/** The events of a call, as a session publishes them. */
export const eventsOf = ({
  call = "0a1b-1",
  chain,
  entered,
  everyMs = 1,
  from = 1000,
  steps,
  turn
}: Told): Array<TelemetryEvent> => {
  const events: Array<TelemetryEvent> = []
  const telemetry = {
    isActive: () => true,
    // A draft lacks these two fields alone.
    publishUnsafe: (draft: Draft) =>
      void events.push({ version, at: from + everyMs * events.length, ...draft } as TelemetryEvent),
    listen: () => Effect.void,
    events: () => Stream.empty
  }
  const told = new CallEvents(telemetry, call, turn, chain[0], chain)
  if (entered !== undefined) told.decided({ attempt: 0, candidate: chain[0] }, entered)
  steps.forEach((step, i) => {
    const of = { attempt: i + 1, candidate: step.at }
    const elapsed = { attemptMs: 5, callMs: 5 * (i + 1) }
    told.began({ call, ...of, connection: "any", totalMs: 0 }, step.probe)
    if ("failure" in step) {
      told.failed(of, step.failure, elapsed)
      told.decided(of, step.decision)
      if (step.decision._tag === "Surface") told.gaveUp(step.failure, i + 1, elapsed)
      return
    }
    if (!ModelRef.equals(chain[0], step.at)) {
      const before = steps[i - 1]
      told.swapped(step.at, before !== undefined && "failure" in before ? before.failure.reason._tag : "TurnContinues")
    }
    told.succeeded(of, of.attempt, elapsed, () => step.usage)
  })
  return events
}

/** The records of events. */
export const recordsOf = (
  events: Iterable<TelemetryEvent>,
  options?: FallbackDecision.Options
): Effect.Effect<Array<FallbackDecision.FallbackDecision>> =>
  Stream.runCollect(FallbackDecision.fromEvents(Stream.fromIterable(events), options))

/** Decisions, with what most tests do not look at filled in. */
export const again: Decision = { _tag: "RetryHere", delayMs: 0, fresh: true, ground: "assumed" }

export const goOn = (
  candidate: Candidate,
  index: number,
  skipped: (Decision & { _tag: "NextCandidate" })["skipped"] = []
): Decision => ({ _tag: "NextCandidate", index, candidate, ground: "proven", asks: false, skipped })

export const surface = (
  why: (Decision & { _tag: "Surface" })["why"],
  skipped: (Decision & { _tag: "Surface" })["skipped"] = []
): Decision => ({ _tag: "Surface", why, skipped })

/** The record of a failure that is given to the app at once. */
export const surfaced = (failure: Failure.Failure): Effect.Effect<FallbackDecision.FallbackDecision | undefined> =>
  Effect.map(
    recordsOf(
      eventsOf({
        chain: [failure.candidate],
        steps: [{ at: failure.candidate, failure, decision: surface("reason-surfaces") }]
      })
    ),
    ([record]) => record
  )

const codec = Schema.toCodecJson(FallbackDecision.FallbackDecision)
const decode = Schema.decodeUnknownSync(codec, { onExcessProperty: "error" })

/** Asserts that records survive JSON, holding nothing that their schema does not name. */
export const known = (records: ReadonlyArray<FallbackDecision.FallbackDecision>): void => {
  for (const record of records) assert.deepStrictEqual(decode(JSON.parse(JSON.stringify(record))), record)
}

/** A provider's refusal for its rate limit, in its own words. */
export const limited = (said: string, requestId: string): Failure.Failure =>
  Failure.make({
    reason: new Reason.RateLimited({
      rule: "status-429",
      limited: "model",
      status: 429,
      type: "rate_limit_error",
      code: "tokens",
      said,
      requestId
    }),
    evidence: { _tag: "Unknown", status: 429, notRun: true },
    declaration: "repeatable",
    candidate: opus
  })

/** What a text is in a record: `sha256:` and the first 12 hex digits. */
export const sha = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex").slice(0, 12)}`
