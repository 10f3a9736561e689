/** Where a call may stand when an attempt fails, factor by factor, and what must follow: said in lists, not in code. */
import type * as Candidate from "@holdfast/core/Candidate"
import type { CallState, NamedReason } from "@holdfast/core/CallState"
import type * as Declaration from "@holdfast/core/Declaration"
import * as Evidence from "@holdfast/core/Evidence"
import type * as Exposure from "@holdfast/core/Exposure"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Failure from "@holdfast/core/Failure"
import * as Reason from "@holdfast/core/Reason"
import type * as SwapRule from "@holdfast/core/SwapRule"
import * as Effect from "effect/Effect"
import { gemini, gpt, opus as anyOpus, opusOlder, opusOnBedrock } from "./fixtures.ts"
import { reasons as most } from "./reasons.ts"

/** Values of each factor. */
export type Factors = { readonly [factor: string]: ReadonlyArray<unknown> }

/** One value of each factor. */
export type Case<F extends Factors> = { readonly [K in keyof F]: F[K][number] }

/** How many cases there are. */
export const size = (factors: Factors): number => Object.values(factors).reduce((n, values) => n * values.length, 1)

/** Every case. */
export function* cases<F extends Factors>(factors: F): Generator<Case<F>> {
  const keys = Object.keys(factors)
  const values = Object.values(factors)
  const at = keys.map(() => 0)
  for (let left = size(factors); left > 0; left--) {
    const each: { [factor: string]: unknown } = {}
    for (let i = 0; i < keys.length; i++) each[keys[i] ?? ""] = values[i]?.[at[i] ?? 0]
    // Every factor has its value.
    yield each as Case<F>
    for (let i = keys.length - 1; i >= 0; i--) {
      at[i] = ((at[i] ?? 0) + 1) % (values[i]?.length ?? 1)
      if (at[i] !== 0) break
    }
  }
}

/** One of every reason and scope. */
export const reasons = {
  ...most,
  "RateLimited of the provider": new Reason.RateLimited({ rule: "a rule", limited: "provider" })
}

/** Its name. */
export type Name = keyof typeof reasons

/** The names of all. */
export const names = Object.keys(reasons) as ReadonlyArray<Name>

type Scope = "model" | "model with its credential" | "credential" | "endpoint" | "provider"
/** What is done at the same candidate, whom the call may go on with, and who shares what failed. */
export type Rule = readonly [here: "fresh" | "again" | "refresh" | "never", onward: "any" | "proven" | "none" | Scope]

/** The default policy as the design has it. */
export const table: { readonly [N in Name]: Rule } = {
  DnsFailure: ["again", "endpoint"],
  ConnectFailure: ["again", "endpoint"],
  ConnectTimeout: ["again", "endpoint"],
  TlsFailure: ["never", "endpoint"],
  ProxyFailure: ["again", "endpoint"],
  StaleConnection: ["fresh", "any"],
  ConnectionLost: ["fresh", "any"],
  HeadersTimeout: ["again", "any"],
  FirstOutputTimeout: ["again", "any"],
  StreamStalled: ["again", "any"],
  TotalTimeout: ["never", "none"],
  StreamTruncated: ["again", "any"],
  MalformedResponse: ["again", "any"],
  AuthenticationFailed: ["refresh", "credential"],
  CredentialRevoked: ["never", "credential"],
  PermissionDenied: ["never", "credential"],
  RegionBlocked: ["never", "provider"],
  BillingExhausted: ["never", "credential"],
  "RateLimited of the model": ["again", "model with its credential"],
  "RateLimited of the credential": ["again", "credential"],
  "RateLimited of the provider": ["again", "provider"],
  Overloaded: ["again", "model"],
  ServerError: ["again", "model"],
  ModelNotFound: ["never", "model"],
  InvalidRequest: ["never", "none"],
  ContextOverflow: ["never", "none"],
  ContentRefused: ["never", "none"],
  SessionExpired: ["refresh", "credential"],
  Unclassified: ["never", "proven"]
}

/** What is a limit of ours, so that the harness that reached it may have done something by then. */
export const limits: ReadonlyArray<Name> = [
  "ConnectTimeout",
  "HeadersTimeout",
  "FirstOutputTimeout",
  "StreamStalled",
  "TotalTimeout"
]

const opus = { ...anyOpus, credential: "work" }

/** Asked first: opus, with the credential `work`. */
export const chain = [
  opus,
  // Same model, provider and endpoint, another credential.
  { ...opus, credential: "home" },
  // Same provider, endpoint and credential, another model of the family.
  { ...opusOlder, credential: "work" },
  // Same model, another host.
  opusOnBedrock,
  // Same family, another host.
  { ...opusOnBedrock, model: "anthropic.claude-opus-4-6-v1", identity: "claude-opus-4-6" },
  // Another model.
  gpt,
  // Another again, for requests that are too long for the others.
  gemini
] as const satisfies ReadonlyArray<Candidate.Candidate>

/** The places that failures of opus may go on to, whatever the reason. */
export const others = [1, 2, 3, 4, 5] as const

/** The place that is reserved for ContextOverflow. */
export const reserved: NonNullable<CallState["reserved"]> = [{ index: 6, reason: "ContextOverflow" }]

/** Who shares with opus what failed. */
export const sharing: { readonly [S in Scope]: ReadonlyArray<number> } = {
  model: [1],
  // Its limit is the account's: whoever shares it is asked with the same credential, and there is nobody.
  "model with its credential": [],
  credential: [2],
  endpoint: [1, 2],
  provider: [1, 2]
}

/** What has failed earlier in the call, and who shares it. */
export const earlier = {
  nothing: { failed: [], sharing: [] },
  "opus' credential": { failed: [{ index: 0, scope: "credential" }], sharing: [2] },
  "opus' limit": { failed: [{ index: 0, scope: "model", reason: "RateLimited" }], sharing: [] },
  "the limit of opus with the other credential": {
    failed: [{ index: 1, scope: "model", reason: "RateLimited" }],
    sharing: [1]
  },
  "opus, overloaded": { failed: [{ index: 0, scope: "model", reason: "Overloaded" }], sharing: [1] },
  "opus, as was written down without a reason": { failed: [{ index: 0, scope: "model" }], sharing: [1] },
  "bedrock's endpoint": { failed: [{ index: 3, scope: "endpoint" }], sharing: [3, 4] },
  "a model at bedrock, and openai": {
    failed: [
      { index: 4, scope: "model" },
      { index: 5, scope: "provider" }
    ],
    sharing: [4, 5]
  },
  "google, which is there for one reason": { failed: [{ index: 6, scope: "provider" }], sharing: [6] }
} as const satisfies {
  readonly [what: string]: {
    readonly failed: NonNullable<CallState["failed"]>
    readonly sharing: ReadonlyArray<number>
  }
}

/** The name of what has failed earlier. */
export type Earlier = keyof typeof earlier

/** The names of all. */
export const earliers = Object.keys(earlier) as ReadonlyArray<Earlier>

/** Who is at opus' endpoint. */
export const beside: ReadonlyArray<number> = [1, 2]

const ask = () => Effect.succeed(true)

/** Swap rules. */
export const rules = {
  never: "never",
  "same-model": "same-model",
  "same-family": "same-family",
  any: "any",
  ask: { ask },
  "ask within the family": { ask, within: "same-family" }
} as const satisfies { readonly [name: string]: SwapRule.SwapPolicy }

/** The name of a swap rule. */
export type RuleName = keyof typeof rules

/** The names of all. */
export const ruleNames = Object.keys(rules) as ReadonlyArray<RuleName>

/** Who may answer in place of opus, or of gpt, and who of them the app is asked about. */
export const allowed: {
  readonly [F in "opus" | "gpt"]: { readonly [R in RuleName]: ReadonlyArray<number> }
} = {
  opus: {
    never: [],
    "same-model": [1, 3],
    "same-family": [1, 2, 3, 4],
    any: [1, 2, 3, 4, 5, 6],
    ask: [1, 2, 3, 4, 5, 6],
    "ask within the family": [1, 2, 3, 4]
  },
  gpt: {
    never: [5],
    "same-model": [5],
    "same-family": [5],
    any: [1, 2, 3, 4, 5, 6],
    ask: [1, 2, 3, 4, 5, 6],
    "ask within the family": [5]
  }
}

/** Who the app is asked about, where the rule asks. */
export const asked = { opus: [2, 4, 5, 6], gpt: [1, 2, 3, 4, 6] } as const

/** Attempts that a call may make. */
export const maxAttempts = 5

/** The longest that the policy waits for a candidate that is cooling down. */
export const longestMs = 60_000

/** A policy whose rule is for one moment; that for the other is as different as can be, so that taking it shows. */
export const policyWith = (rule: RuleName, moment: "start" | "mid", more: FailoverPolicy.Overrides = {}) => {
  const other = rule === "never" ? "any" : "never"
  const swap =
    moment === "start" ? { start: rules[rule], midTurn: rules[other] } : { start: rules[other], midTurn: rules[rule] }
  return FailoverPolicy.make({ maxAttempts, longestRetryAfterMs: longestMs, swap, ...more })
}

/** What has become of a candidate that has not just failed. */
export const standings = ["open", "left", "cools 500", "cools 5000", "denied", "unsuited"] as const

/** What has become of a candidate. */
export type Standing = (typeof standings)[number] | "cools 70000"

/** How an attempt ended, as far as a verdict goes. */
export interface Fate {
  readonly evidence: "unsent" | "refused" | "lost" | "unknown"
  readonly exposure: Exposure.Exposure
  readonly declaration: Declaration.Declaration
  /** The app takes it as repeatable. */
  readonly assumed: boolean
}

const evidences: { readonly [E in Fate["evidence"]]: Evidence.Evidence } = {
  unsent: Evidence.unsent,
  refused: Evidence.asNotRun({ _tag: "Unknown", status: 529 }),
  lost: { _tag: "Observed", phase: "waiting", bytesWritten: 812, bytesRead: 0, closed: "peer-reset" },
  unknown: Evidence.unknown
}

/** Whether a call that met with this fate may be made again, as the table of verdicts has it. */
export const groundOf = ({ assumed, declaration, evidence, exposure }: Fate) => {
  if (exposure !== "nothing") return "unsafe"
  if (evidence === "unsent" || evidence === "refused") return "proven"
  if (declaration === "changes-state" || declaration === "provider-tools") return "unsafe"
  return assumed || declaration === "repeatable" ? "assumed" : "ambiguous"
}

const fateFactors = {
  evidence: ["unsent", "refused", "lost", "unknown"],
  exposure: ["nothing", "output", "tool-call", "provider-tool"],
  declaration: ["repeatable", "unknown", "changes-state", "provider-tools"],
  assumed: [false, true]
} as const

/** Every fate; what the app assumes counts where nothing else is known. */
export const fates: ReadonlyArray<Fate> = [...cases(fateFactors)].filter(
  ({ assumed, ...fate }) =>
    !assumed ||
    groundOf({ ...fate, assumed: false }) === "ambiguous" ||
    (groundOf({ ...fate, assumed }) === "assumed" && fate.declaration === "repeatable")
)

/** The fate that is proven to have done nothing, the one that may be repeated, the one that may not, and the gravest. */
export const proven: Fate = { evidence: "refused", exposure: "nothing", declaration: "unknown", assumed: false }

/** One that may be repeated. */
export const repeatable: Fate = { evidence: "lost", exposure: "nothing", declaration: "repeatable", assumed: false }

const failures = new Map<string, Failure.Failure>()

/** The failure of a candidate. */
export const failureOf = (name: Name, fate: Fate, candidate: Candidate.Candidate = opus): Failure.Failure => {
  const key = `${name} ${fate.evidence} ${fate.exposure} ${fate.declaration} ${fate.assumed} ${candidate.model} ${candidate.credential}`
  const known = failures.get(key)
  if (known !== undefined) return known
  const { exposure, declaration } = fate
  const plain = Failure.make({
    reason: reasons[name],
    evidence: evidences[fate.evidence],
    exposure,
    declaration,
    candidate
  })
  const made = fate.assumed && Failure.isReplayAmbiguous(plain) ? Failure.assumeSafe(plain) : plain
  failures.set(key, made)
  return made
}

/** The parts of a state that say what has become of the candidates. */
export const standingOf = (
  of: ReadonlyArray<Standing>,
  first = 1
): Pick<CallState, "left" | "denied" | "unsuited" | "cooling"> => {
  const left: Array<number> = []
  const denied: Array<number> = []
  const unsuited: Array<number> = []
  const cooling: Array<{ index: number; forMs: number }> = []
  for (const [i, standing] of of.entries()) {
    const index = i + first
    if (standing === "left") left.push(index)
    else if (standing === "denied") denied.push(index)
    else if (standing === "unsuited") unsuited.push(index)
    else if (standing !== "open") cooling.push({ index, forMs: Number(standing.slice(6)) })
  }
  return { left, denied, unsuited, cooling }
}

/** The reasons that may name candidates of their own. */
export const named: ReadonlyArray<NamedReason> = ["ContextOverflow", "ContentRefused", "ModelNotFound"]
