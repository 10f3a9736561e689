/** The default policy, decision by decision: every reason, on every ground, wherever the call stands. */
import { assert, describe, it } from "@effect/vitest"
import type * as Candidate from "@holdfast/core/Candidate"
import type { Decision } from "@holdfast/core/Decision"
import type * as Declaration from "@holdfast/core/Declaration"
import * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Reason from "@holdfast/core/Reason"
import * as Struct from "effect/Struct"
import { gpt, opus, opusAtHome, opusOlder, opusOnBedrock } from "./fixtures.ts"
import type { Name } from "./reasons.ts"
import { reasons } from "./reasons.ts"

// With opus, older shares endpoint and credential, home endpoint and model, bedrock the model's identity alone. Nothing
// but the swap rule keeps gpt out.
const chain = [opus, gpt, opusOlder, opusAtHome, opusOnBedrock] as const
const names: ReadonlyArray<string> = ["opus", "gpt", "older", "home", "bedrock"]

/** Where the call stands when opus fails: whom it has left before, and whether a model has answered this turn. */
const positions = {
  first: { moment: "start", left: [] },
  "gpt left": { moment: "start", left: [1] },
  "older left": { moment: "start", left: [1, 2] },
  last: { moment: "start", left: [1, 2, 3, 4] },
  mid: { moment: "mid", left: [] },
  "mid, older left": { moment: "mid", left: [2] },
  "mid, only gpt open": { moment: "mid", left: [2, 3, 4] }
} as const

type Position = keyof typeof positions

interface Row {
  /** On what connection the same candidate is asked again, while its schedule goes on. */
  readonly again: "fresh" | "any" | "never"
  /** Who is asked next when it has ended, or why nobody is; by position, in the order of {@link positions}. */
  readonly next: readonly [string, string, string, string, string, string, string]
}

const connection: Row = {
  again: "fresh",
  next: ["gpt", "bedrock", "bedrock", "chain-exhausted", "bedrock", "bedrock", "swap-denied"]
}
const response: Row = {
  again: "any",
  next: ["gpt", "older", "home", "chain-exhausted", "older", "home", "swap-denied"]
}
const endpoint: Row = {
  again: "any",
  next: ["gpt", "bedrock", "bedrock", "chain-exhausted", "bedrock", "bedrock", "swap-denied"]
}
const provider: Row = { ...endpoint, again: "never" }
const model: Row = {
  again: "never",
  next: ["gpt", "older", "bedrock", "chain-exhausted", "older", "bedrock", "swap-denied"]
}
// The account's limit on the model: nobody else here asks opus with its credential.
const modelLimit: Row = {
  again: "any",
  next: ["gpt", "older", "home", "chain-exhausted", "older", "home", "swap-denied"]
}
const credential: Row = {
  again: "never",
  next: ["gpt", "home", "home", "chain-exhausted", "home", "home", "swap-denied"]
}
const surfaces = "reason-surfaces"
const nobody: Row = {
  again: "never",
  next: [surfaces, surfaces, surfaces, surfaces, surfaces, surfaces, surfaces]
}

/** What the default policy decides where the failure is proven safe. */
const table: { readonly [N in Name]: Row } = {
  DnsFailure: endpoint,
  ConnectFailure: endpoint,
  ConnectTimeout: endpoint,
  TlsFailure: provider,
  ProxyFailure: endpoint,
  StaleConnection: connection,
  ConnectionLost: connection,
  HeadersTimeout: response,
  FirstOutputTimeout: response,
  StreamStalled: response,
  TotalTimeout: nobody,
  StreamTruncated: response,
  MalformedResponse: response,
  AuthenticationFailed: credential,
  CredentialRevoked: credential,
  PermissionDenied: credential,
  RegionBlocked: provider,
  BillingExhausted: credential,
  "RateLimited of the model": modelLimit,
  "RateLimited of the credential": { ...credential, again: "any" },
  Overloaded: { ...model, again: "any" },
  ServerError: { ...model, again: "any" },
  ModelNotFound: model,
  InvalidRequest: nobody,
  ContextOverflow: nobody,
  ContentRefused: nobody,
  SessionExpired: credential,
  Unclassified: { ...response, again: "never" }
}

/** What it decides otherwise where the replay is only assumed to be harmless. */
const assumedTable: { readonly [N in Name]?: Row } = {
  Unclassified: {
    again: "never",
    next: ["ambiguous", "ambiguous", "ambiguous", "ambiguous", "ambiguous", "ambiguous", "ambiguous"]
  }
}

const policy = FailoverPolicy.defaults
const declarations: ReadonlyArray<Declaration.Declaration> = [
  "repeatable",
  "unknown",
  "changes-state",
  "provider-tools"
]

const failure = (name: Name, options: Pick<Failure.Make, "evidence" | "declaration" | "exposure">): Failure.Failure =>
  Failure.make({ reason: reasons[name], candidate: opus, ...options })

const ambiguous = (name: Name, declaration: Declaration.Declaration) =>
  failure(name, { evidence: Evidence.unknown, declaration })

/** The failures of a reason by the ground on which they may be replayed. */
const byGround = (name: Name) => ({
  proven: declarations.map((declaration) => failure(name, { evidence: Evidence.unsent, declaration })),
  assumed: [ambiguous(name, "repeatable"), Failure.assumeSafe(ambiguous(name, "unknown") as Failure.ReplayAmbiguous)],
  no: [
    ambiguous(name, "unknown"),
    ambiguous(name, "changes-state"),
    ambiguous(name, "provider-tools"),
    ...declarations.flatMap((declaration) =>
      (["output", "tool-call", "provider-tool"] as const).map((exposure) =>
        failure(name, { evidence: Evidence.unsent, declaration, exposure })
      )
    )
  ]
})

/** Home is the same model at the same provider, with another credential. */
const word = (next: string, ground: string): string => {
  if (isSurface(next)) return next
  return `${next === "home" ? "rotate to home" : next}, ${ground}`
}

const stateAt = (position: Position, more?: Partial<FailoverPolicy.State>): FailoverPolicy.State => ({
  chain,
  index: 0,
  attempts: 1,
  retryDelayMs: undefined,
  from: opus,
  ...positions[position],
  ...more
})

/** A decision in a word, its ground beside it. */
const inAWord = (decision: Decision): string => {
  switch (decision._tag) {
    case "RetryHere":
      return `${decision.fresh ? "fresh" : "any"} after ${decision.delayMs}, ${decision.ground}`
    case "RefreshCredential":
      return `refresh, ${decision.ground}`
    case "RotateCredential":
      return `rotate to ${names[decision.index]}, ${decision.ground}`
    case "NextCandidate":
      return `${names[decision.index]}, ${decision.ground}`
    case "Wait":
      return `${names[decision.index]} after ${decision.delayMs}, ${decision.ground}`
    case "Surface":
      return decision.why
  }
}

const decided = (state: FailoverPolicy.State, failed: Failure.Failure): string =>
  inAWord(FailoverPolicy.decide(policy, state, failed))

const isSurface = (word: string): boolean =>
  ["reason-surfaces", "chain-exhausted", "swap-denied", "ambiguous"].includes(word)

const nameOf = Object.keys(reasons) as ReadonlyArray<Name>
const positionNames = Object.keys(positions) as ReadonlyArray<Position>

describe("the table", () => {
  it("has a row for every reason", () => {
    assert.sameMembers([...new Set(nameOf.map((name) => reasons[name]._tag))], [...Reason.tags])
  })

  for (const name of nameOf) {
    describe(name, () => {
      for (const ground of ["proven", "assumed"] as const) {
        const { again, next } = (ground === "assumed" ? assumedTable[name] : undefined) ?? table[name]

        for (const [i, position] of positionNames.entries()) {
          const then = next[i] ?? ""
          const thenOnGround = word(then, ground)

          it(`${ground}, ${position}: ${again === "never" ? "" : `again (${again}), then `}${then}`, () => {
            for (const failed of byGround(name)[ground]) {
              assert.strictEqual(decided(stateAt(position), failed), thenOnGround)
              const onSchedule = again === "never" ? thenOnGround : `${again} after 250, ${ground}`
              assert.strictEqual(decided(stateAt(position, { retryDelayMs: 250 }), failed), onSchedule)
            }
          })
        }
      }

      it("may not be replayed: surfaces as unsafe or ambiguous wherever the call stands", () => {
        for (const failed of byGround(name).no) {
          const why = failed._tag === "ReplayUnsafe" ? "unsafe" : "ambiguous"
          for (const position of positionNames) {
            for (const retryDelayMs of [undefined, 0, 250]) {
              assert.strictEqual(decided(stateAt(position, { retryDelayMs }), failed), why)
            }
          }
        }
      })

      it("surfaces when the attempts are spent, on whatever ground, and as unreplayable first", () => {
        const spent = { attempts: policy.maxAttempts, retryDelayMs: 250 }
        const { proven, assumed, no } = byGround(name)
        for (const failed of [...proven, ...assumed]) {
          assert.strictEqual(decided(stateAt("first", spent), failed), "attempts-spent")
          assert.notStrictEqual(
            decided(stateAt("first", { ...spent, attempts: policy.maxAttempts - 1 }), failed),
            "attempts-spent"
          )
        }
        for (const failed of no) assert.include(["unsafe", "ambiguous"], decided(stateAt("first", spent), failed))
      })
    })
  }
})

const nextOf = (state: Partial<FailoverPolicy.State>, failed: Failure.Failure): Decision =>
  FailoverPolicy.decide(policy, stateAt("first", state), failed)

const safe = (name: Name): Failure.Failure => failure(name, { evidence: Evidence.unsent, declaration: "unknown" })

const anonymous = (candidate: Candidate.Candidate): Candidate.Candidate => Struct.omit(candidate, ["endpoint"])

describe("what is no part of the table", () => {
  it("a decision to go on names everyone it passed over, and why", () => {
    const decision = nextOf({ moment: "mid" }, safe("RegionBlocked"))
    assert.deepStrictEqual(decision, {
      _tag: "NextCandidate",
      index: 4,
      candidate: opusOnBedrock,
      ground: "proven",
      asks: false,
      skipped: [
        { candidate: gpt, why: "swap-denied" },
        { candidate: opusOlder, why: "same-scope" },
        { candidate: opusAtHome, why: "same-scope" }
      ]
    })
  })

  it("a decision to surface names everyone it passed over, and those who were left before are not among them", () => {
    const decision = nextOf({ left: [1, 4] }, safe("ConnectFailure"))
    assert.deepStrictEqual(decision, {
      _tag: "Surface",
      why: "chain-exhausted",
      skipped: [
        { candidate: opusOlder, why: "same-scope" },
        { candidate: opusAtHome, why: "same-scope" }
      ]
    })
  })

  it("the chain is searched from its head: a candidate before the one that failed may be next", () => {
    const decision = nextOf({ index: 4, moment: "mid", from: opusOnBedrock }, safe("StreamTruncated"))
    assert.strictEqual(inAWord(decision), "opus, proven")
  })

  it("candidates share an endpoint where both name the same, and else where they share the provider", () => {
    const shared: ReadonlyArray<readonly [Candidate.Candidate, Candidate.Candidate, boolean]> = [
      [opus, { ...gpt, endpoint: "api.anthropic.com:443" }, true],
      [opus, { ...opusOlder, endpoint: "eu.api.anthropic.com:443" }, false],
      [anonymous(opus), opusOlder, true],
      [opus, anonymous(opusOlder), true],
      [opus, anonymous(gpt), false]
    ]
    for (const [failed, other, same] of shared) {
      const decision = nextOf({ chain: [failed, other], from: failed }, safe("ConnectFailure"))
      assert.strictEqual(decision._tag, same ? "Surface" : "NextCandidate")
    }
  })

  it("a model and a credential are those of their provider: of the same name at another they are others", () => {
    const namesake: Candidate.Candidate = { ...opus, provider: "vertex", endpoint: "vertex.example:443" }
    for (const name of ["ModelNotFound", "AuthenticationFailed", "RateLimited of the model"] as const) {
      assert.strictEqual(nextOf({ chain: [opus, namesake] }, safe(name))._tag, "NextCandidate")
      assert.strictEqual(nextOf({ chain: [opus, { ...opus, endpoint: "b:443" }] }, safe(name))._tag, "Surface")
    }
  })

  it("a place outside the chain counts as its first", () => {
    assert.strictEqual(inAWord(nextOf({ index: 99, left: [0] }, safe("ConnectFailure"))), "gpt, proven")
  })
})
