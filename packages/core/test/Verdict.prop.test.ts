import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import * as Declaration from "@holdfast/core/Declaration"
import * as Evidence from "@holdfast/core/Evidence"
import * as Exposure from "@holdfast/core/Exposure"
import * as Failure from "@holdfast/core/Failure"
import * as Reason from "@holdfast/core/Reason"
import * as Verdict from "@holdfast/core/Verdict"
import * as Schema from "effect/Schema"

const facts = { evidence: Evidence.Evidence, exposure: Exposure.Exposure, declaration: Declaration.Declaration }
const runs = { arbitrary: { runs: 1000, seed: 20261120 } }
const rank: { readonly [V in Verdict.Verdict]: number } = { Safe: 0, Ambiguous: 1, Unsafe: 2 }
const gravity: ReadonlyArray<Exposure.Exposure> = ["nothing", "output", "tool-call", "provider-tool"]
const rankOf = (given: Verdict.Facts): number => rank[Verdict.judge(given).verdict]

describe("judge", () => {
  it.prop(
    "has a verdict and a rule for all facts",
    facts,
    (given) => {
      const { verdict, rule } = Verdict.judge(given)
      assert.include(Verdict.Verdict.literals, verdict)
      assert.include(Verdict.Rule.literals, rule)
    },
    runs
  )

  it.prop(
    "gives the same for the same facts, and depends on nothing else",
    facts,
    (given) => {
      const first = Verdict.judge(given)
      const again = Verdict.judge(structuredClone({ ...given, at: "another time", reason: "anything" }))
      assert.deepStrictEqual(again, first)
    },
    runs
  )

  it.prop(
    "never improves with graver exposure",
    { ...facts, graver: Exposure.Exposure },
    ({ graver, ...given }) =>
      gravity.indexOf(graver) < gravity.indexOf(given.exposure) ||
      rankOf({ ...given, exposure: graver }) >= rankOf(given),
    runs
  )

  it.prop(
    "is never better for a call that declares effects than for a repeatable one",
    facts,
    (given) => {
      const repeatable = rankOf({ ...given, declaration: "repeatable" })
      for (const declaration of ["changes-state", "provider-tools"] as const) {
        assert.isAtLeast(rankOf({ ...given, declaration }), repeatable)
      }
    },
    runs
  )

  it.prop(
    "is not swayed by the declaration that a call is repeatable: that permits a replay, it proves nothing",
    facts,
    (given) => {
      const repeatable = Verdict.judge({ ...given, declaration: "repeatable" })
      assert.deepStrictEqual(repeatable, Verdict.judge({ ...given, declaration: "unknown" }))
    },
    runs
  )

  it.prop(
    "is never better on unknown evidence than on an attempt that was seen not to start",
    { ...facts, evidence: Evidence.Unknown },
    (given) => rankOf(given) >= rankOf({ ...given, evidence: Evidence.unsent }),
    runs
  )

  it.prop(
    "never improves when what was observed is forgotten and only the answer is left",
    { ...facts, evidence: Evidence.Observed },
    (given) => {
      const { status, notRun } = given.evidence
      const forgotten: Evidence.Evidence = {
        _tag: "Unknown",
        ...(status === undefined ? undefined : { status }),
        ...(notRun === undefined ? undefined : { notRun })
      }
      assert.isAtLeast(rankOf({ ...given, evidence: forgotten }), rankOf(given))
    },
    runs
  )

  it.prop(
    "never gets worse when the provider says that it ran nothing",
    facts,
    (given) => rankOf({ ...given, evidence: Evidence.asNotRun(given.evidence) }) <= rankOf(given),
    runs
  )

  it.prop(
    "is Safe on unknown evidence by the provider's word or a misdirection alone",
    { ...facts, evidence: Evidence.Unknown },
    (given) =>
      Verdict.judge(given).verdict !== "Safe" || given.evidence.notRun === true || given.evidence.status === 421,
    runs
  )
})

describe("a failure's own fields", () => {
  const made = { reason: Reason.Reason, ...facts, candidate: Candidate.Candidate }

  it.prop(
    "give its class and its rule again when they are judged",
    made,
    (options) => {
      const failure = Failure.make(options)
      const judged = Verdict.judge(failure)
      assert.strictEqual(failure._tag, `Replay${judged.verdict}`)
      assert.strictEqual(failure.verdict, judged.verdict)
      assert.strictEqual(failure.rule, judged.rule)
    },
    runs
  )

  it.prop(
    "give its class and its rule again after a journey through JSON",
    made,
    (options) => {
      const failure = Failure.make(options)
      const json = JSON.stringify(Schema.encodeSync(Failure.Failure)(failure))
      const back = Schema.decodeUnknownSync(Failure.Failure)(JSON.parse(json))
      const judged = Verdict.judge(back)
      assert.strictEqual(back._tag, failure._tag)
      assert.deepStrictEqual(judged, { verdict: failure.verdict, rule: failure.rule })
    },
    { arbitrary: { runs: 300, seed: 20261120 } }
  )
})

describe("mayReplay", () => {
  it.prop(
    "never allows the replay of an Unsafe judgement",
    facts,
    (given) => {
      const { verdict } = Verdict.judge(given)
      if (verdict === "Unsafe") assert.strictEqual(Verdict.mayReplay(verdict, given.declaration), "no")
    },
    runs
  )

  it.prop(
    "allows no replay of a call that declares effects and may have arrived, but for the provider's own refusal",
    { ...facts, declaration: Schema.Literals(["changes-state", "provider-tools"]) },
    (given) => {
      const { verdict } = Verdict.judge(given)
      const excused = !Evidence.mayHaveArrived(given.evidence) || given.evidence.notRun === true
      if (!excused) assert.strictEqual(Verdict.mayReplay(verdict, given.declaration), "no")
    },
    runs
  )
})
