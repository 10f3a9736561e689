/** Which records a log leaves out, because one that reads alike was logged a moment ago. */
import type { FallbackDecision } from "../../FallbackDecision.ts"

// OpenClaw keeps as many.
const mostKept = 100

interface Logged {
  readonly at: number
  suppressed: number
}

/** Failures of credentials that read alike: a wrong key would otherwise write a line for every call. */
export class Duplicates {
  private readonly windowMs: number
  private readonly logged = new Map<string, Logged>()

  constructor(windowMs: number) {
    this.windowMs = windowMs
  }

  /** The record as it is to be logged, with the number of those that were not; nothing where it is one of those. */
  next(record: FallbackDecision): FallbackDecision | undefined {
    const { at } = record
    if (at === undefined || !(this.windowMs > 0) || !isOfCredential(record)) return record
    const key = keyOf(record)
    const before = this.logged.get(key)
    // Clocks are set back, too.
    if (before !== undefined && Math.abs(at - before.at) < this.windowMs) {
      before.suppressed++
      return undefined
    }
    this.logged.delete(key)
    this.logged.set(key, { at, suppressed: 0 })
    if (this.logged.size > mostKept) {
      for (const first of this.logged.keys()) {
        this.logged.delete(first)
        break
      }
    }
    const suppressed = before?.suppressed ?? 0
    if (suppressed === 0) return record
    const seconds = this.windowMs / 1000
    return {
      ...record,
      suppressedDuplicateCount: suppressed,
      consoleMessage: `${record.consoleMessage ?? ""} (${suppressed} duplicates suppressed in last ${seconds}s)`
    }
  }
}

const isOfCredential = ({ decision, reason }: FallbackDecision): boolean =>
  (decision === "candidate_failed" || decision === "skip_candidate") &&
  (reason === "auth" || reason === "auth_permanent")

const keyOf = (record: FallbackDecision): string =>
  JSON.stringify([
    record.sessionId ?? record.runId,
    record.lane,
    record.requestedProvider,
    record.requestedModel,
    record.decision,
    record.candidateProvider,
    record.candidateModel,
    record.credential,
    record.attempt,
    record.total,
    record.reason,
    record.status,
    record.code,
    record.providerErrorType,
    record.errorFingerprint ?? record.errorHash,
    record.nextCandidateProvider,
    record.nextCandidateModel,
    record.decided,
    record.why
  ])
