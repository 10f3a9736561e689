/** Failover where an attempt ends otherwise than in one typed failure. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import type * as Failure from "@holdfast/core/Failure"
import * as InvalidInput from "@holdfast/core/InvalidInput"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Part } from "./failoverScript.ts"
import { answers, layer, received, says, script, streamScript } from "./failoverScript.ts"
import { gpt, opus, stale, unreachable, unsafe } from "./fixtures.ts"

type AnyCause = Cause.Cause<Failure.Failure | InvalidInput.InvalidInput>

const invalid = InvalidInput.InvalidInput.of({
  kind: "InvalidBody",
  place: "body",
  expected: "an object",
  found: "7"
})

const failed = (error: Failure.Failure | InvalidInput.InvalidInput) => Cause.makeFailReason(error)

const notFailures: ReadonlyArray<readonly [string, AnyCause]> = [
  ["input that cannot be used", Cause.fail(invalid)],
  ["a defect", Cause.die("a defect")],
  ["an interruption from within", Cause.interrupt(7)],
  ["a failure and a defect", Cause.fromReasons([failed(unreachable()), Cause.makeDieReason("a defect")])],
  ["a failure and another error", Cause.fromReasons([failed(unreachable()), failed(invalid)])]
]

describe("what is no failed attempt passes at once as it is", () => {
  for (const [name, cause] of notFailures) {
    it.effect(`from run: ${name}`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const { attempt, made } = script(() => Effect.failCause(cause), answers("never"))
        const exit = yield* Effect.exit(failover.run({ chain: [opus, gpt], attempt }))
        assert.deepStrictEqual(exit, Exit.failCause(cause))
        assert.strictEqual(made.length, 1)
      }).pipe(Effect.provide(layer()))
    )

    it.effect(`from stream, before and after content: ${name}`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover
        for (const before of [[], [says("Hel")]]) {
          const call = streamScript(
            { chunks: [before], ends: () => Effect.failCause(cause) },
            { chunks: [[says("never")]] }
          )
          const { texts, exit } = yield* received(failover.stream({ chain: [opus, gpt], ...call }))
          assert.deepStrictEqual(exit, Exit.failCause(cause))
          assert.strictEqual(texts.length, before.length)
          assert.deepStrictEqual(call.log, ["open 1", "close 1"])
        }
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("from stream: an attempt that throws before it is one", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      let made = 0
      const { exit } = yield* received(
        failover.stream<Part, Failure.Failure, never>({
          chain: [opus, gpt],
          exposure: ({ gives }) => gives,
          attempt: () => (made++, assert.fail("a defect"))
        })
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.strictEqual(made, 1)
    }).pipe(Effect.provide(layer()))
  )
})

describe("several failures at once", () => {
  const mixtures: ReadonlyArray<readonly [string, AnyCause, Failure.Failure["_tag"]]> = [
    ["an unsafe one after a safe one", Cause.fromReasons([failed(unreachable()), failed(unsafe())]), "ReplayUnsafe"],
    [
      "an ambiguous one of a call that is not repeatable after a safe one",
      Cause.fromReasons([failed(unreachable()), failed(stale({ declaration: "unknown" }))]),
      "ReplayAmbiguous"
    ]
  ]

  for (const [name, cause, tag] of mixtures) {
    it.effect(`surface as the gravest of them: ${name}`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const { attempt, made } = script(() => Effect.failCause(cause), answers("never"))
        const failure = yield* Effect.flip(failover.run({ chain: [opus, gpt], attempt }))
        assert.strictEqual(failure._tag, tag)
        assert.strictEqual(made.length, 1)

        const call = streamScript({ chunks: [], ends: () => Effect.failCause(cause) }, { chunks: [[says("never")]] })
        const streamed = yield* received(failover.stream({ chain: [opus, gpt], ...call }))
        assert.strictEqual(streamed.failure?._tag, tag)
        assert.strictEqual(call.made.length, 1)
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("are replayed where each of them may be, an interruption beside them aside", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const cause = Cause.fromReasons([failed(unreachable()), failed(stale()), Cause.makeInterruptReason(7)])
      const { attempt, made } = script(() => Effect.failCause(cause), answers("hello"))
      const answer = yield* failover.run({ chain: [opus, gpt], attempt })
      assert.strictEqual(answer.value, "hello")
      assert.strictEqual(made[1], "2 anthropic/claude-opus-4-7 fresh", "the gravest is the one that is repaired")
    }).pipe(Effect.provide(layer()))
  )
})
