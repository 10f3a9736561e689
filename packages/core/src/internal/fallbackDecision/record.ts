/** One record, from what is known of its call. */
import type { Candidate } from "../../Candidate.ts"
import type { Decision, Skipped } from "../../Decision.ts"
import type { FallbackDecision } from "../../FallbackDecision.ts"
import * as ModelRef from "../../ModelRef.ts"
import * as Preview from "../../Preview.ts"
import type { Tag } from "../../Reason.ts"
import type { Failed, OpenCall } from "./openCalls.ts"
import { statusOf, wordOf } from "./reasons.ts"
import type { Word } from "./reasons.ts"

/** What all records of a moment share. */
export interface Moment {
  readonly call: OpenCall
  readonly at: number
}

type Fields = Partial<FallbackDecision> & Pick<FallbackDecision, "decision">

/** The policy decided after a failed attempt, of which nothing is known where its event was not seen. */
export const failed = (
  moment: Moment,
  {
    attempt,
    candidate,
    decision
  }: { readonly attempt: number; readonly candidate: Candidate; readonly decision: Decision },
  failure: Failed | undefined
): FallbackDecision => {
  const next = nextOf(decision, candidate)
  const stepped = next === undefined || !ModelRef.equals(next, candidate)
  return made(moment, candidate, next, {
    decision: "candidate_failed",
    attemptOfCall: attempt,
    decided: decision._tag,
    ...("why" in decision ? { why: decision.why } : undefined),
    ...("delayMs" in decision ? { delayMs: decision.delayMs } : undefined),
    ...(failure === undefined ? undefined : ofFailure(failure)),
    ...(stepped ? step(moment.call, candidate, next, failure?.reason, failure && detailOf(failure)) : undefined),
    ...previous(moment.call)
  })
}

/** A candidate was passed over; `reason` is what it is held to share or to be cooling down for. */
export const skipped = (
  moment: Moment,
  { candidate, forMs, why }: Skipped,
  next: Candidate | undefined,
  reason: Tag | undefined
): FallbackDecision => {
  const word: Word = reason === undefined ? "unknown" : wordOf[reason]
  const status = statusOf[word]
  const detail = forMs === undefined ? skipText[why] : `${skipText[why]} for ${Math.ceil(forMs / 1000)} s`
  return made(moment, candidate, next, {
    decision: "skip_candidate",
    why,
    reason: word,
    ...(status === undefined ? undefined : { status }),
    ...(reason === undefined ? undefined : { reasonTag: reason }),
    errorPreview: detail,
    ...step(moment.call, candidate, next, word, detail)
  })
}

const skipText: { readonly [W in Skipped["why"]]: string } = {
  "same-scope": "it shares what failed",
  "swap-denied": "the swap rule does not allow it",
  unsuited: "the call cannot be put to it",
  "cooling-down": "it is cooling down",
  "budget-spent": "the retry budget of its provider is spent",
  "other-reason": "it is there for failures of another reason"
}

/** A candidate that is cooling down is asked all the same. */
export const probed = (
  moment: Moment,
  { attempt, candidate }: { readonly attempt: number; readonly candidate: Candidate },
  reason: Tag | undefined
): FallbackDecision =>
  made(moment, candidate, undefined, {
    decision: "probe_cooldown_candidate",
    attemptOfCall: attempt,
    ...(reason === undefined ? undefined : { reason: wordOf[reason], reasonTag: reason })
  })

/** The call has its answer. */
export const succeeded = (moment: Moment, answered: Candidate, attempt: number): FallbackDecision => {
  const { call } = moment
  const last = call.failed.at(-1)
  const from = last?.event.candidate
  return made(moment, answered, undefined, {
    decision: "candidate_succeeded",
    attemptOfCall: attempt,
    ...(call.swapped === undefined ? undefined : { why: call.swapped }),
    ...(from === undefined || last === undefined || ModelRef.equals(from, answered)
      ? undefined
      : {
          ...step(call, from, answered, last.reason, detailOf(last)),
          ...positionIn(call, answered),
          fallbackStepFinalOutcome: "succeeded"
        }),
    ...call.usage,
    ...previous(call)
  })
}

const made = (
  { at, call }: Moment,
  candidate: Candidate,
  next: Candidate | undefined,
  fields: Fields
): FallbackDecision => {
  const requested = call.requested ?? candidate
  const { attempt, total } = placeIn(call, candidate)
  const { caller, chain, turn } = call
  return scrubbed({
    event: "model_fallback_decision",
    tags: ["error_handling", "model_fallback", fields.decision],
    runId: caller?.runId ?? turn ?? call.call,
    ...(caller?.sessionId === undefined ? undefined : { sessionId: caller.sessionId }),
    ...(caller?.lane === undefined ? undefined : { lane: caller.lane }),
    requestedProvider: requested.provider,
    requestedModel: requested.model,
    candidateProvider: candidate.provider,
    candidateModel: candidate.model,
    ...(attempt === undefined ? undefined : { attempt }),
    ...(total === undefined ? undefined : { total, fallbackConfigured: total > 1 }),
    ...(next === undefined ? undefined : { nextCandidateProvider: next.provider, nextCandidateModel: next.model }),
    // Where the call's beginning was not seen, nobody knows whom it asked for.
    ...(call.requested === undefined
      ? undefined
      : { isPrimary: attempt === 1, requestedModelMatched: ModelRef.equals(requested, candidate) }),
    ...(chain === undefined ? undefined : { profileCount: profilesIn(chain, candidate.provider) }),
    at,
    call: call.call,
    ...(turn === undefined ? undefined : { turn }),
    ...(candidate.credential === undefined ? undefined : { credential: candidate.credential }),
    ...fields,
    consoleMessage: consoleText(requested, candidate, next, fields)
  })
}

const ofFailure = ({ error, event, reason, status }: Failed): Partial<FallbackDecision> => ({
  reason,
  ...(status === undefined ? undefined : { status }),
  ...(event.code === undefined ? undefined : { code: event.code }),
  ...error,
  reasonTag: event.reason,
  scope: event.scope,
  verdict: event.verdict,
  rule: event.rule,
  evidence: event.evidence,
  ...(event.tokens === undefined ? undefined : { tokens: event.tokens }),
  ...(event.cost === undefined ? undefined : { cost: event.cost })
})

const detailOf = ({ error }: Failed): string => error.providerErrorMessagePreview ?? error.errorPreview

const step = (
  call: OpenCall,
  from: Candidate,
  to: Candidate | undefined,
  reason: Word | undefined,
  detail: string | undefined
): Partial<FallbackDecision> => ({
  fallbackStepType: "fallback_step",
  fallbackStepFromModel: ModelRef.format(from),
  ...(to === undefined ? undefined : { fallbackStepToModel: ModelRef.format(to) }),
  ...(reason === undefined ? undefined : { fallbackStepFromFailureReason: reason }),
  ...(detail === undefined ? undefined : { fallbackStepFromFailureDetail: detail }),
  ...positionIn(call, from),
  fallbackStepFinalOutcome: to === undefined ? "chain_exhausted" : "next_fallback"
})

const previous = ({ failed }: OpenCall): Partial<FallbackDecision> =>
  failed.length === 0
    ? {}
    : {
        previousAttempts: failed.map(({ error, event, reason, status }) => ({
          provider: event.candidate.provider,
          model: event.candidate.model,
          reason,
          ...(status === undefined ? undefined : { status }),
          ...(event.code === undefined ? undefined : { code: event.code }),
          ...(error.errorHash === undefined ? undefined : { errorHash: error.errorHash })
        }))
      }

const nextOf = (decision: Decision, candidate: Candidate): Candidate | undefined => {
  if (decision._tag === "Surface") return undefined
  return "candidate" in decision ? decision.candidate : candidate
}

// Credentials of one model stand next to each other in a chain, and are one candidate to OpenClaw.
const placesOf = (chain: ReadonlyArray<Candidate>): ReadonlyArray<string> => [
  ...new Set(chain.map((candidate) => ModelRef.format(candidate)))
]

const placeIn = ({ chain, requested }: OpenCall, candidate: Candidate) => {
  if (chain === undefined) {
    const primary = requested !== undefined && ModelRef.equals(requested, candidate)
    return { attempt: primary ? 1 : undefined, total: undefined }
  }
  const places = placesOf(chain)
  const place = places.indexOf(ModelRef.format(candidate))
  return { attempt: place < 0 ? undefined : place + 1, total: places.length }
}

const positionIn = (call: OpenCall, candidate: Candidate): Partial<FallbackDecision> => {
  const { attempt } = placeIn(call, candidate)
  return attempt === undefined ? {} : { fallbackStepChainPosition: attempt }
}

const profilesIn = (chain: ReadonlyArray<Candidate>, provider: string): number =>
  new Set(chain.filter((each) => each.provider === provider).map(({ credential }) => credential)).size

const consoleText = (
  requested: Candidate,
  candidate: Candidate,
  next: Candidate | undefined,
  { decision, errorPreview, providerErrorMessagePreview, providerErrorType, reason }: Fields
): string => {
  const type = providerErrorType === undefined ? "" : ` providerErrorType=${providerErrorType}`
  const text = providerErrorMessagePreview ?? errorPreview
  const detail = text === undefined ? "" : ` detail=${text}`
  return (
    `model fallback decision: decision=${decision} requested=${ModelRef.format(requested)} ` +
    `candidate=${ModelRef.format(candidate)} reason=${reason ?? "unknown"}${type} ` +
    `next=${next === undefined ? "none" : ModelRef.format(next)}${detail}`
  )
}

const longest = 2000

/** Whatever an event held, no text of a record looks like a key or breaks a line. */
// A text becomes a text and all else stays what it is, which TypeScript cannot see.
const scrubbed = <A>(value: A): A => deepScrubbed(value) as A

const deepScrubbed = (value: unknown): unknown => {
  if (typeof value === "string") return Preview.scrub(value, longest).replace(/\p{Cc}+/gu, " ")
  if (Array.isArray(value)) return value.map(deepScrubbed)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, deepScrubbed(held)]))
}
