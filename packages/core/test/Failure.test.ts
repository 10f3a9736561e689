import { assert, describe, it } from "@effect/vitest"
import * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import * as InvalidInput from "@holdfast/core/InvalidInput"
import * as Reason from "@holdfast/core/Reason"
import * as Verdict from "@holdfast/core/Verdict"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { gpt, opus, overloaded, rateLimited, stale, truncated, unauthorized, unreachable, unsafe } from "./fixtures.ts"

const attemptsOf = (...failures: ReadonlyArray<Failure.Failure>): ReadonlyArray<Failure.Attempt> =>
  failures.flatMap((failure, i) => Failure.amend(failure, { attempt: i + 1 }).attempts)

const encode = Schema.encodeSync(Failure.Failure)

const throughJson = (failure: Failure.Failure): Failure.Failure =>
  Schema.decodeUnknownSync(Failure.Failure)(JSON.parse(JSON.stringify(encode(failure))))

const said = (failure: Failure.Failure): Effect.Effect<Result.Result<string, Failure.Failure>> =>
  Effect.fail(failure).pipe(
    Failure.catchReason(["RateLimited", "Overloaded"], (reason, whole) =>
      Effect.succeed(`${reason._tag} by ${reason.rule}, ${whole.verdict}`)
    ),
    Effect.result
  )

describe("make", () => {
  it("makes the class that fits the verdict, and each guard knows its own alone", () => {
    const guards = [Failure.isReplaySafe, Failure.isReplayAmbiguous, Failure.isReplayUnsafe]
    const knownBy = (u: unknown) => guards.map((guard) => guard(u))
    assert.deepStrictEqual(knownBy(unreachable()), [true, false, false])
    assert.deepStrictEqual(knownBy(stale()), [false, true, false])
    assert.deepStrictEqual(knownBy(unsafe()), [false, false, true])
    assert.deepStrictEqual(knownBy(new Error("of another kind")), [false, false, false])
  })

  it("says its verdict in its tag, in its verdict and in the record of the attempt alike", () => {
    for (const failure of [unreachable(), stale(), unsafe()]) {
      assert.strictEqual(failure._tag, `Replay${failure.verdict}`)
      assert.strictEqual(failure.attempts[0]?.verdict, failure.verdict)
      assert.strictEqual(failure.attempts[0]?.rule, failure.rule)
      assert.isFalse(failure.assumed)
    }
  })

  it("counts attempts from 1 and takes it that nothing was exposed where neither is said", () => {
    const failure = stale({ candidate: gpt })
    assert.strictEqual(failure.exposure, "nothing")
    assert.deepStrictEqual(
      failure.attempts.map(({ attempt, candidate, reason, elapsedMs }) => ({ attempt, candidate, reason, elapsedMs })),
      [{ attempt: 1, candidate: gpt, reason: failure.reason, elapsedMs: 0 }]
    )
  })

  it("is no failure for input that cannot be used", () => {
    const problem = { kind: "InvalidBody", place: "body", expected: "an object", found: "nothing" } as const
    assert.isFalse(Failure.isFailure(InvalidInput.InvalidInput.of(problem)))
    assert.isTrue([unreachable(), stale(), unsafe()].every(Failure.isFailure))
  })
})

describe("amend", () => {
  it("makes a failure Unsafe once a layer above knows that output was given out", () => {
    const amended = Failure.amend(truncated(), { exposure: "output", partial: ["Hel", "lo"] })
    assert.isTrue(Failure.isReplayUnsafe(amended))
    assert.strictEqual(amended.rule, "exposed")
    assert.deepStrictEqual(amended.partial, ["Hel", "lo"])
  })

  it("makes a failure Safe once the codec knows the answer as the provider's own refusal", () => {
    const page = Failure.make({
      reason: new Reason.ServerError({ rule: "status-503", status: 503, from: "intermediary" }),
      evidence: { _tag: "Unknown", status: 503 },
      declaration: "unknown",
      candidate: opus
    })
    const amended = Failure.amend(page, {
      evidence: Evidence.asNotRun(page.evidence),
      reason: new Reason.Overloaded({ rule: "overloaded_error", status: 503 })
    })
    assert.isTrue(Failure.isReplayAmbiguous(page))
    assert.isTrue(Failure.isReplaySafe(amended))
    assert.strictEqual(amended.reason._tag, "Overloaded")
  })

  it("keeps everything it was not told otherwise, what threw included", () => {
    const thrown = new Error("socket hang up")
    const failure = Failure.make({ ...stale(), partial: ["kept"], thrown, attempt: 3, elapsedMs: 40 })
    const amended = Failure.amend(failure, {})
    assert.deepStrictEqual(encode(amended), encode(failure))
    assert.strictEqual(Failure.thrown(amended), thrown)
    assert.deepStrictEqual(amended.partial, ["kept"])
  })

  it("keeps one record, with the number and the time that the call gives the attempt", () => {
    const amended = Failure.amend(stale(), { attempt: 4, elapsedMs: 1250 })
    assert.deepStrictEqual(
      amended.attempts.map(({ attempt, elapsedMs }) => ({ attempt, elapsedMs })),
      [{ attempt: 4, elapsedMs: 1250 }]
    )
  })

  it("never lessens what was exposed", () => {
    const called = Failure.amend(truncated(), { exposure: "tool-call" })
    for (const exposure of ["nothing", "output"] as const) {
      const amended = Failure.amend(called, { exposure })
      assert.isTrue(Failure.isReplayUnsafe(amended))
      assert.strictEqual(amended.exposure, "tool-call")
    }
  })

  it("judges the last of several attempts again, and keeps the others and the worst of their verdicts", () => {
    const whole = Failure.ofCall(attemptsOf(unsafe(), stale()), Failure.amend(unreachable(), { attempt: 3 }))
    const amended = Failure.amend(whole, { attempt: 7 })
    assert.isTrue(Failure.isReplayUnsafe(amended))
    assert.strictEqual(amended.rule, unsafe().rule)
    assert.deepStrictEqual(
      amended.attempts.map(({ attempt, reason }) => `${attempt} ${reason._tag}`),
      ["1 ConnectionLost", "2 StaleConnection", "7 ConnectFailure"]
    )
  })

  it("keeps what the app assumed, until something was exposed", () => {
    const assumed = Failure.assumeSafe(stale({ declaration: "unknown" }) as Failure.ReplayAmbiguous)
    assert.deepStrictEqual(encode(Failure.amend(assumed, {})), encode(assumed))
    const exposed = Failure.amend(assumed, { exposure: "output" })
    assert.isTrue(Failure.isReplayUnsafe(exposed))
    assert.isFalse(exposed.assumed)
  })
})

describe("ofCall", () => {
  it("is the last attempt's own failure when no other came before it", () => {
    const only = stale()
    assert.strictEqual(Failure.ofCall([], only), only)
  })

  it("holds all attempts in the order they were made, and the last one's reason", () => {
    const last = Failure.amend(unauthorized(), { attempt: 3 })
    const whole = Failure.ofCall(attemptsOf(stale(), overloaded()), last)
    assert.deepStrictEqual(
      whole.attempts.map(({ attempt, reason }) => `${attempt} ${reason._tag}`),
      ["1 StaleConnection", "2 Overloaded", "3 AuthenticationFailed"]
    )
    assert.strictEqual(whole.reason._tag, "AuthenticationFailed")
  })

  it("has the worst verdict of all attempts and the rule it comes from, wherever in the call it was", () => {
    const each = { Safe: unreachable(), Ambiguous: stale(), Unsafe: unsafe() }
    const verdicts = ["Safe", "Ambiguous", "Unsafe"] as const
    for (const a of verdicts) {
      for (const b of verdicts) {
        for (const c of verdicts) {
          const worst = Verdict.worst(Verdict.worst(a, b), c)
          const whole = Failure.ofCall(attemptsOf(each[a], each[b]), each[c])
          assert.strictEqual(whole._tag, `Replay${worst}`, `${a}, ${b}, ${c}`)
          assert.strictEqual(whole.rule, each[worst].rule, `${a}, ${b}, ${c}`)
        }
      }
    }
  })

  it("keeps the partial output and what threw in the last attempt", () => {
    const thrown = new Error("reset")
    const last = Failure.make({ ...truncated(), exposure: "output", partial: ["Hel"], thrown })
    const whole = Failure.ofCall(attemptsOf(stale()), last)
    assert.deepStrictEqual(whole.partial, ["Hel"])
    assert.strictEqual(Failure.thrown(whole), thrown)
  })

  it("is not assumed to be safe where an attempt before the one that was is ambiguous", () => {
    const assumed = Failure.assumeSafe(stale({ declaration: "unknown" }) as Failure.ReplayAmbiguous)
    const whole = Failure.ofCall(attemptsOf(stale()), assumed)
    assert.isTrue(Failure.isReplayAmbiguous(whole))
    assert.isFalse(whole.assumed)
  })

  it("gives its class again when its attempts are judged again", () => {
    const whole = Failure.ofCall(attemptsOf(stale()), Failure.amend(unreachable(), { attempt: 2 }))
    const again = whole.attempts.map(({ evidence }) => Verdict.judge({ ...whole, evidence }).verdict)
    assert.deepStrictEqual(again, ["Ambiguous", "Safe"])
    assert.strictEqual(whole.verdict, again.reduce(Verdict.worst))
  })
})

describe("assumeSafe", () => {
  it("makes an ambiguous failure safe, marked as assumed, with all else as it was", () => {
    const ambiguous = stale({ declaration: "unknown" })
    assert.isTrue(Failure.isReplayAmbiguous(ambiguous))
    if (!Failure.isReplayAmbiguous(ambiguous)) return
    const assumed = Failure.assumeSafe(ambiguous)
    assert.isTrue(Failure.isReplaySafe(assumed))
    assert.isTrue(assumed.assumed)
    assert.deepStrictEqual(assumed.attempts, ambiguous.attempts)
    assert.strictEqual(assumed.rule, ambiguous.rule)
    assert.strictEqual(assumed.reason, ambiguous.reason)
    assert.strictEqual(Verdict.judge(assumed).verdict, "Ambiguous", "the mark is the app's word, not a proof")
  })
})

describe("catchReason", () => {
  it.effect("catches each of the reasons it names", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* said(rateLimited()), Result.succeed("RateLimited by status-429, Safe"))
      assert.deepStrictEqual(yield* said(overloaded()), Result.succeed("Overloaded by status-529, Safe"))
    })
  )

  it.effect("catches whatever the verdict", () =>
    Effect.gen(function* () {
      const reason = new Reason.Overloaded({ rule: "overloaded_error" })
      const ambiguous = Failure.amend(truncated(), { reason })
      const exposed = Failure.amend(ambiguous, { exposure: "tool-call" })
      assert.deepStrictEqual(yield* said(ambiguous), Result.succeed("Overloaded by overloaded_error, Ambiguous"))
      assert.deepStrictEqual(yield* said(exposed), Result.succeed("Overloaded by overloaded_error, Unsafe"))
    })
  )

  it.effect("lets every other reason pass as it is", () =>
    Effect.gen(function* () {
      for (const failure of [stale(), unreachable(), unsafe()]) {
        assert.strictEqual(Result.getOrThrow(Result.flip(yield* said(failure))), failure)
      }
    })
  )

  it.effect("lets errors that are no failures pass, even with a reason of that name", () =>
    Effect.gen(function* () {
      const lookalike = { _tag: "ReplaySafe", reason: new Reason.RateLimited({ rule: "x", limited: "model" }) }
      const caught = Effect.fail(lookalike).pipe(Failure.catchReason(["RateLimited"], () => Effect.succeed("caught")))
      assert.deepStrictEqual(yield* Effect.exit(caught), Exit.fail(lookalike))
    })
  )

  it.effect("fails with what the handler fails with", () =>
    Effect.gen(function* () {
      const told = Effect.fail(rateLimited()).pipe(Failure.catchReason(["RateLimited"], () => Effect.fail("told")))
      assert.deepStrictEqual(yield* Effect.exit(told), Exit.fail("told"))
    })
  )
})

describe("the schema", () => {
  it("brings a failure of each class back from JSON as the class it was, with its reason and its attempts", () => {
    for (const failure of [rateLimited({ retryAfterMs: 2000 }), stale(), unsafe()]) {
      const whole = Failure.ofCall(attemptsOf(unreachable()), failure)
      const back = throughJson(whole)
      assert.deepStrictEqual(encode(back), encode(whole))
      assert.strictEqual(back.constructor, whole.constructor)
      assert.strictEqual(back.message, whole.message)
      assert.strictEqual(back.reason.advice, whole.reason.advice)
    }
  })

  it("brings back the partial output, and nothing of what threw", () => {
    const failure = Failure.make({
      ...truncated(),
      partial: [{ type: "text", text: "Hel" }],
      thrown: new Error("reset")
    })
    const back = throughJson(failure)
    assert.deepStrictEqual(back.partial, [{ type: "text", text: "Hel" }])
    assert.isUndefined(Failure.thrown(back))
    assert.notInclude(JSON.stringify(encode(failure)), "reset")
  })

  it("refuses a failure whose verdict, rule or reason it does not know", () => {
    const encoded = encode(stale())
    for (const wrong of [{ _tag: "ReplayMaybe" }, { rule: "gut-feeling" }, { reason: { _tag: "Timeout" } }]) {
      const decoded = Schema.decodeUnknownResult(Failure.Failure)({ ...encoded, ...wrong })
      assert.isTrue(Result.isFailure(decoded), JSON.stringify(wrong))
    }
  })
})
