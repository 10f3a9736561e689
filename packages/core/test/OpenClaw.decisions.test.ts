/**
 * OpenClaw's decisions, row by row, and ours beside them: what it takes a failure for, and what it does about it.
 *
 * Its side is what it did when this was written: `src/agents/model-fallback.ts` (every failure but an abort and a context
 * overflow goes on to the next candidate), its classification by status, code and text, and the replay rule of its pull
 * request 96142. No row is about a cooldown. Where we differ the row says why.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Decision, Why } from "@holdfast/core/Decision"
import * as Evidence from "@holdfast/core/Evidence"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Failure from "@holdfast/core/Failure"
import type { Word } from "@holdfast/core/FallbackDecision"
import { wordOf } from "@holdfast/core/FallbackDecision"
import * as Reason from "@holdfast/core/Reason"
import * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import { gemini, gpt, opus, opusAtHome, opusOlder } from "./fixtures.ts"

/** What is made of a failure: the reason in OpenClaw's words, what is done, and with which model where that matters. */
type Outcome =
  | readonly [reason: Word, does: "retry" | "rotate" | "surface"]
  | readonly [reason: Word, does: "fallback", to?: string]

interface Row {
  readonly name: string
  readonly failure: Failure.Failure
  /** How the call stands, besides {@link usual}. */
  readonly state?: Partial<FailoverPolicy.State>
  /** What happened in the turn; absent where the app made none explicit. */
  readonly turn?: Effect.Effect<unknown>
  readonly openClaw: Outcome
  /** Why we surface, where we do. */
  readonly because?: Why
  readonly differs?: { readonly ours: Outcome; readonly why: string }
}

/** A call at the start of a turn, whose retries at the primary have ended. */
const usual: FailoverPolicy.State = {
  chain: [opus, gpt],
  index: 0,
  left: [],
  attempts: 1,
  retryDelayMs: undefined,
  moment: "start",
  from: opus,
  replays: "call"
}

const nothing: Effect.Effect<unknown> = Effect.void

const answered = (status: number, notRun: boolean): Evidence.Evidence => ({
  _tag: "Observed",
  phase: "responding",
  bytesWritten: 812,
  bytesRead: 180,
  status,
  ...(notRun ? { notRun: true } : undefined)
})

const begun: Evidence.Evidence = {
  _tag: "Observed",
  phase: "responding",
  bytesWritten: 812,
  bytesRead: 230,
  status: 200
}
const waiting: Evidence.Evidence = { _tag: "Observed", phase: "waiting", bytesWritten: 812, bytesRead: 0 }

const failed = (
  reason: Reason.Reason,
  evidence: Evidence.Evidence,
  more: Pick<Failure.Make, "exposure"> & Partial<Pick<Failure.Make, "declaration">> = {}
): Failure.Failure => Failure.make({ reason, evidence, declaration: "repeatable", candidate: opus, ...more })

const rule = "a rule"

/** Refused, and not run. */
const refused = (status: number, reason: Reason.Reason) => failed(reason, answered(status, true))
/** Answered with an error that does not say whether anything ran. */
const broke = (status: number, reason: Reason.Reason) => failed(reason, answered(status, false))

const ofModel = new Reason.RateLimited({ rule, limited: "model" })
const ofCredential = new Reason.RateLimited({ rule, limited: "credential" })
const auth = new Reason.AuthenticationFailed({ rule })
const billing = new Reason.BillingExhausted({ rule })
const overloaded = new Reason.Overloaded({ rule })
const serverError = new Reason.ServerError({ rule, from: "provider" })
const revoked = new Reason.CredentialRevoked({ rule })
const stale = new Reason.StaleConnection({ idleMs: 60_000, how: "fin" })
const lost = new Reason.ConnectionLost({ how: "reset", during: "body" })
const slow = new Reason.FirstOutputTimeout({ limitMs: 120_000 })

const noTimeout = "Nothing timed out: the provider answered with a status. Our own limits alone are timeouts."
const sameAnswer =
  "The request itself is wrong: another model refuses it as well, or takes it for something else. The app must change it; a chain can be named for a refusal of its content."

const byStatusAndText: ReadonlyArray<Row> = [
  { name: "401 invalid x-api-key", failure: refused(401, auth), openClaw: ["auth", "fallback"] },
  { name: "401 the key was revoked", failure: refused(401, revoked), openClaw: ["auth_permanent", "fallback"] },
  {
    name: "403 no access to the model",
    failure: refused(403, new Reason.PermissionDenied({ rule })),
    openClaw: ["auth", "fallback"]
  },
  {
    name: "403 not served in this region",
    failure: refused(403, new Reason.RegionBlocked({ rule })),
    openClaw: ["auth", "fallback"]
  },
  { name: "403 the account was deactivated", failure: refused(403, revoked), openClaw: ["auth_permanent", "fallback"] },
  { name: "403 credit balance is too low", failure: refused(403, billing), openClaw: ["billing", "fallback"] },
  { name: "402 payment required", failure: refused(402, billing), openClaw: ["billing", "fallback"] },
  {
    name: "402 usage limit of the period, try again in 3 hours",
    failure: refused(402, ofCredential),
    openClaw: ["rate_limit", "fallback"]
  },
  {
    name: "404 model not found",
    failure: refused(404, new Reason.ModelNotFound({ rule })),
    openClaw: ["model_not_found", "fallback"]
  },
  {
    name: "408",
    failure: broke(408, serverError),
    openClaw: ["timeout", "fallback"],
    differs: { ours: ["server_error", "fallback"], why: noTimeout }
  },
  { name: "429", failure: refused(429, ofModel), openClaw: ["rate_limit", "fallback"] },
  { name: "429 insufficient_quota", failure: refused(429, billing), openClaw: ["billing", "fallback"] },
  {
    name: "400 prompt is too long",
    failure: refused(400, new Reason.ContextOverflow({ rule })),
    openClaw: ["context_overflow", "surface"],
    because: "reason-surfaces"
  },
  ...[400, 422].map((status): Row => ({
    name: `${status} without a text that is known`,
    failure: refused(status, new Reason.InvalidRequest({ rule })),
    openClaw: ["format", "fallback"],
    because: "reason-surfaces",
    differs: { ours: ["format", "surface"], why: sameAnswer }
  })),
  {
    name: "400 refused by the content filter",
    failure: refused(400, new Reason.ContentRefused({ rule })),
    openClaw: ["format", "fallback"],
    because: "reason-surfaces",
    differs: { ours: ["format", "surface"], why: sameAnswer }
  },
  {
    name: "410 the session has expired",
    failure: refused(410, new Reason.SessionExpired({ rule })),
    openClaw: ["session_expired", "fallback"]
  },
  { name: "529", failure: broke(529, overloaded), openClaw: ["overloaded", "fallback"] },
  { name: "503 overloaded", failure: broke(503, overloaded), openClaw: ["overloaded", "fallback"] },
  { name: "500 internal server error", failure: broke(500, serverError), openClaw: ["server_error", "fallback"] },
  {
    name: "500 without a text that is known",
    failure: broke(500, serverError),
    openClaw: ["timeout", "fallback"],
    differs: { ours: ["server_error", "fallback"], why: noTimeout }
  },
  {
    name: "502 a proxy's page",
    failure: broke(502, new Reason.ServerError({ rule, from: "intermediary" })),
    openClaw: ["timeout", "fallback"],
    differs: { ours: ["server_error", "fallback"], why: noTimeout }
  },
  { name: "code RESOURCE_EXHAUSTED", failure: refused(429, ofModel), openClaw: ["rate_limit", "fallback"] },
  { name: "code THROTTLING", failure: refused(400, ofModel), openClaw: ["rate_limit", "fallback"] },
  { name: "code OVERLOADED_ERROR", failure: failed(overloaded, begun), openClaw: ["overloaded", "fallback"] },
  { name: "code DEACTIVATED_WORKSPACE", failure: refused(402, revoked), openClaw: ["auth_permanent", "fallback"] }
]

const withoutStatus: ReadonlyArray<Row> = [
  {
    name: "a certificate that is not trusted",
    failure: failed(new Reason.TlsFailure({ host: "a", code: "CERT_HAS_EXPIRED" }), Evidence.unsent),
    openClaw: ["tls_certificate", "fallback"]
  },
  {
    name: "a name that does not resolve",
    failure: failed(new Reason.DnsFailure({ host: "a", code: "ENOTFOUND" }), Evidence.unsent),
    openClaw: ["timeout", "fallback"]
  },
  {
    name: "nobody listening",
    failure: failed(new Reason.ConnectFailure({ host: "a", code: "ECONNREFUSED", addresses: [] }), Evidence.unsent),
    openClaw: ["timeout", "fallback"]
  },
  {
    name: "a pooled connection that the provider had closed",
    failure: failed(stale, waiting),
    state: { retryDelayMs: 0 },
    openClaw: ["timeout", "fallback"],
    differs: {
      ours: ["timeout", "retry"],
      why: "The model is well, the socket was not: the call is repaired on a fresh connection before anybody is swapped."
    }
  },
  {
    name: "a pooled connection that the provider had closed, and its repair that failed too",
    failure: failed(stale, waiting),
    openClaw: ["timeout", "fallback"]
  },
  {
    name: "no head of an answer within the limit",
    failure: failed(new Reason.HeadersTimeout({ limitMs: 60_000 }), waiting),
    openClaw: ["timeout", "fallback"]
  },
  { name: "no content within the limit", failure: failed(slow, begun), openClaw: ["timeout", "fallback"] },
  {
    name: "an answer that stopped before its first content",
    failure: failed(new Reason.StreamStalled({ limitMs: 90_000, waitedFor: "bytes" }), begun),
    openClaw: ["timeout", "fallback"]
  },
  {
    name: "the whole call's time",
    failure: failed(new Reason.TotalTimeout({ limitMs: 600_000 }), begun),
    openClaw: ["timeout", "fallback"],
    because: "reason-surfaces",
    differs: {
      ours: ["timeout", "surface"],
      why: "The limit is the call's, not the candidate's: another candidate would answer after the time that the app gave."
    }
  },
  {
    name: "an answer without content",
    failure: failed(new Reason.StreamTruncated({ missing: "message_stop" }), begun),
    openClaw: ["empty_response", "fallback"]
  },
  {
    name: "an error that nobody knows, of a call that was not run",
    failure: refused(405, new Reason.Unclassified({ rule })),
    openClaw: ["unclassified", "fallback"]
  },
  {
    name: "an error that nobody knows, of a call that may have run",
    failure: failed(new Reason.Unclassified({ rule }), begun),
    openClaw: ["unclassified", "fallback"],
    because: "ambiguous",
    differs: {
      ours: ["unclassified", "surface"],
      why: "Neither what failed nor whether it ran is known: an unknown error is shown instead of hidden behind a swap."
    }
  }
]

const retries: ReadonlyArray<Row> = [
  ...([ofModel, ofCredential] as const).map((reason): Row => ({
    name: `a rate limit of the ${reason.limited}, while retries last`,
    failure: refused(429, reason),
    state: { retryDelayMs: 1000 },
    openClaw: ["rate_limit", "retry"]
  })),
  {
    name: "an overload, while retries last",
    failure: broke(529, overloaded),
    state: { retryDelayMs: 1000 },
    openClaw: ["overloaded", "retry"]
  },
  {
    name: "a server error, while retries last",
    failure: broke(500, serverError),
    state: { retryDelayMs: 1000 },
    openClaw: ["server_error", "retry"]
  },
  {
    name: "billing, whatever retries there are",
    failure: refused(402, billing),
    state: { retryDelayMs: 1000 },
    openClaw: ["billing", "fallback"]
  },
  {
    name: "a revoked key, whatever retries there are",
    failure: refused(401, revoked),
    state: { retryDelayMs: 1000 },
    openClaw: ["auth_permanent", "fallback"]
  }
]

const profiles: Partial<FailoverPolicy.State> = { chain: [opus, opusAtHome, gpt] }

const credentials: ReadonlyArray<Row> = [
  { name: "auth", failure: refused(401, auth), state: profiles, openClaw: ["auth", "rotate"] },
  { name: "a revoked key", failure: refused(401, revoked), state: profiles, openClaw: ["auth_permanent", "rotate"] },
  { name: "billing", failure: refused(402, billing), state: profiles, openClaw: ["billing", "rotate"] },
  {
    name: "a rate limit of the key's",
    failure: refused(429, ofCredential),
    state: profiles,
    openClaw: ["rate_limit", "rotate"]
  },
  {
    name: "a rate limit that the provider has put on the model",
    failure: refused(429, ofModel),
    state: profiles,
    openClaw: ["rate_limit", "rotate"]
  },
  {
    name: "auth, when every key has failed",
    failure: refused(401, auth),
    state: { ...profiles, index: 1, left: [0] },
    openClaw: ["auth", "fallback", gpt.model]
  }
]

const familyChain: Partial<FailoverPolicy.State> = { chain: [opus, gpt, opusOlder], moment: "mid" }

const chains: ReadonlyArray<Row> = [
  {
    name: "the requested model goes on to the first fallback",
    failure: broke(529, overloaded),
    state: { chain: [gemini, gpt, opus], from: gemini },
    openClaw: ["overloaded", "fallback", gpt.model]
  },
  {
    name: "the last fallback goes on to the configured primary",
    failure: broke(529, overloaded),
    state: { chain: [gemini, gpt, opus], from: gemini, index: 1, left: [0] },
    openClaw: ["overloaded", "fallback", opus.model]
  },
  {
    name: "the end of the chain is the end",
    failure: broke(529, overloaded),
    state: { index: 1, left: [0] },
    openClaw: ["overloaded", "surface"],
    because: "chain-exhausted"
  },
  {
    name: "a model that the user picked fails visibly",
    failure: broke(529, overloaded),
    state: { chain: [opus] },
    openClaw: ["overloaded", "surface"],
    because: "chain-exhausted"
  },
  {
    name: "one overloaded model leaves the provider's others in the chain",
    failure: broke(529, overloaded),
    state: { chain: [opus, opusOlder, gpt] },
    openClaw: ["overloaded", "fallback", opusOlder.model]
  },
  {
    name: "in the middle of a turn, with a model of the same family further on",
    failure: broke(529, overloaded),
    state: familyChain,
    openClaw: ["overloaded", "fallback", gpt.model],
    differs: {
      ours: ["overloaded", "fallback", opusOlder.model],
      why: "A conversation under way stays in its family: a swap to another maker in its middle is what users complain of most."
    }
  },
  {
    name: "in the middle of a turn, with another maker's model alone",
    failure: broke(529, overloaded),
    state: { moment: "mid" },
    openClaw: ["overloaded", "fallback"],
    because: "swap-denied",
    differs: {
      ours: ["overloaded", "surface"],
      why: "Another maker's model does not take over a turn that this one began, unless the app allows it."
    }
  }
]

const twice = "What was given out cannot be taken back: a replay gives it out, or does it, a second time."

const exposed: ReadonlyArray<Row> = [
  {
    name: "a connection that broke after text had reached the app",
    failure: failed(lost, begun, { exposure: "output" }),
    openClaw: ["timeout", "fallback"],
    because: "unsafe",
    differs: { ours: ["timeout", "surface"], why: twice }
  },
  {
    name: "an overload in a stream whose tool call had reached the app",
    failure: failed(overloaded, begun, { exposure: "tool-call" }),
    openClaw: ["overloaded", "fallback"],
    because: "unsafe",
    differs: { ours: ["overloaded", "surface"], why: twice }
  },
  {
    name: "a connection that broke while the provider may have run a tool",
    failure: failed(lost, begun, { declaration: "provider-tools" }),
    openClaw: ["timeout", "fallback"],
    because: "unsafe",
    differs: { ours: ["timeout", "surface"], why: "The tool may have run, and nothing says that it may run twice." }
  }
]

const owned: Partial<FailoverPolicy.State> = { replays: "turn" }
const promptStage = failed(slow, Evidence.unsent)
const marked = (why: string): Effect.Effect<unknown> => Turn.markReplayInvalid(why)
const ran = (safety: Parameters<typeof Turn.recordTool>[1]) =>
  Effect.map(Turn.Current, (turn) => Turn.recordTool(turn, safety)("finished"))

/** The replay rule: a timeout of a turn that somebody else's harness runs. */
const replayRule: ReadonlyArray<Row> = [
  {
    name: "at the prompt, with nothing against a replay",
    failure: promptStage,
    turn: nothing,
    openClaw: ["timeout", "fallback"]
  },
  {
    name: "at the prompt, after tools that are replay-safe",
    failure: promptStage,
    turn: Effect.andThen(ran("readonly"), ran("idempotent")),
    openClaw: ["timeout", "fallback"]
  },
  {
    name: "later than the prompt",
    failure: failed(slow, begun),
    turn: nothing,
    openClaw: ["timeout", "surface"]
  },
  {
    name: "a failure of the app server",
    failure: promptStage,
    turn: marked(Turn.marks.harnessFailed),
    openClaw: ["timeout", "surface"]
  },
  {
    name: "the outcome says replayInvalid",
    failure: promptStage,
    turn: marked("replayInvalid"),
    openClaw: ["timeout", "surface"]
  },
  {
    name: "a tool that is not replay-safe",
    failure: promptStage,
    turn: ran("unknown"),
    openClaw: ["timeout", "surface"]
  },
  {
    name: "an asynchronous tool started",
    failure: promptStage,
    turn: marked(Turn.marks.asyncToolStarted),
    openClaw: ["timeout", "surface"]
  },
  {
    name: "a message delivered",
    failure: promptStage,
    turn: marked(Turn.marks.messageDelivered),
    openClaw: ["timeout", "surface"]
  },
  {
    name: "a session spawned",
    failure: promptStage,
    turn: marked(Turn.marks.sessionSpawned),
    openClaw: ["timeout", "surface"]
  },
  {
    name: "a cron entry added",
    failure: promptStage,
    turn: marked(Turn.marks.jobScheduled),
    openClaw: ["timeout", "surface"]
  },
  {
    name: "no metadata of the tools",
    failure: promptStage,
    turn: marked(Turn.marks.toolActivityUnknown),
    openClaw: ["timeout", "surface"]
  },
  { name: "no metadata at all", failure: promptStage, openClaw: ["timeout", "surface"] },
  {
    name: "a message delivered in an earlier attempt: it sticks",
    failure: promptStage,
    state: { attempts: 2, index: 1, left: [0], chain: [opus, gpt, opusOlder] },
    turn: Effect.andThen(marked(Turn.marks.messageDelivered), ran("readonly")),
    openClaw: ["timeout", "surface"]
  },
  {
    name: "a side effect of the app's own",
    failure: promptStage,
    turn: Turn.sideEffect(Effect.void),
    openClaw: ["timeout", "surface"]
  }
]

const timeoutsOfAHarness = replayRule.map((row): Row => ({
  ...row,
  state: { ...owned, ...row.state },
  ...(row.openClaw[1] === "surface" ? { because: "turn-invalid" as const } : undefined)
}))

/** What else a harness fails with. */
const harness: ReadonlyArray<Row> = [
  ...timeoutsOfAHarness,
  {
    name: "a rate limit, with nothing against a replay",
    failure: refused(429, ofModel),
    state: owned,
    turn: nothing,
    openClaw: ["rate_limit", "fallback"]
  },
  {
    name: "an overload that may have run, with nothing against a replay",
    failure: broke(529, overloaded),
    state: owned,
    turn: nothing,
    openClaw: ["overloaded", "fallback"]
  },
  {
    name: "a rate limit, after a message was delivered",
    failure: refused(429, ofModel),
    state: owned,
    turn: marked(Turn.marks.messageDelivered),
    openClaw: ["rate_limit", "fallback"],
    because: "turn-invalid",
    differs: {
      ours: ["rate_limit", "surface"],
      why: "Whatever ended the turn, a replay runs all of it again, and delivers the message a second time."
    }
  },
  {
    name: "a turn that was given up",
    failure: promptStage,
    state: owned,
    turn: Turn.abandon("the user asked for something else"),
    openClaw: ["timeout", "surface"],
    because: "turn-invalid"
  },
  {
    name: "a turn of our own that was given up",
    failure: promptStage,
    turn: Turn.abandon("the user asked for something else"),
    openClaw: ["timeout", "surface"],
    because: "turn-invalid"
  },
  {
    name: "a timeout of a call of our own, after a message was delivered: the call alone is made again",
    failure: promptStage,
    turn: marked(Turn.marks.messageDelivered),
    openClaw: ["timeout", "fallback"]
  }
]

const outcomeOf = (failure: Failure.Failure, decision: Decision, named: boolean): Outcome => {
  const word = wordOf[failure.reason._tag]
  switch (decision._tag) {
    case "RetryHere":
    case "RefreshCredential":
      return [word, "retry"]
    case "RotateCredential":
      return [word, "rotate"]
    case "NextCandidate":
    case "Wait":
      return named ? [word, "fallback", decision.candidate.model] : [word, "fallback"]
    case "Surface":
      return [word, "surface"]
  }
}

const policy = FailoverPolicy.defaults

const decided = (row: Row): Effect.Effect<Decision> => {
  const replay = Effect.map(Turn.Current, Turn.replayOf)
  const turn = row.turn === undefined ? replay : Turn.run(Effect.andThen(row.turn, replay))
  return Effect.map(turn, (known) =>
    FailoverPolicy.decide(policy, { ...usual, ...row.state, turn: known }, row.failure)
  )
}

describe.each([
  ["by status, code and text", byStatusAndText],
  ["without a status", withoutStatus],
  ["on the same model", retries],
  ["with several keys", credentials],
  ["along the chain", chains],
  ["when something was given out", exposed],
  ["in a harness", harness]
] as const)("OpenClaw's decision and ours, %s:", (_, rows) => {
  for (const row of rows) {
    const { because, differs, failure, name, openClaw } = row
    it.effect(differs === undefined ? name : `${name} (we differ)`, () =>
      Effect.gen(function* () {
        const decision = yield* decided(row)
        const expected = differs?.ours ?? openClaw
        assert.deepStrictEqual(outcomeOf(failure, decision, expected.length === 3), expected)
        assert.strictEqual(decision._tag === "Surface" ? decision.why : undefined, because)
        if (differs === undefined) return
        assert.notDeepEqual(differs.ours, openClaw)
        assert.isNotEmpty(differs.why.trim())
      })
    )
  }
})

it("every row has a name of its own, and says why it surfaces where it does", () => {
  for (const rows of [byStatusAndText, withoutStatus, retries, credentials, chains, exposed, harness]) {
    assert.strictEqual(new Set(rows.map(({ name }) => name)).size, rows.length)
    for (const { because, differs, name, openClaw } of rows) {
      assert.strictEqual((differs?.ours ?? openClaw)[1] === "surface", because !== undefined, name)
    }
  }
})

it("fallback is turn-local: the next turn begins at the primary", () => {
  const decision = FailoverPolicy.begin(policy, { ...usual, attempts: 0 })
  assert.strictEqual(decision._tag === "NextCandidate" ? decision.index : undefined, 0)
})
