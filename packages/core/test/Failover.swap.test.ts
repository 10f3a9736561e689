/** Failover where another model answers: it is never silent, and never within what the swap rule forbids. */
import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import type { Answered } from "@holdfast/core/Failover"
import { Failover } from "@holdfast/core/Failover"
import type * as SwapRule from "@holdfast/core/SwapRule"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import type { Part } from "./failoverScript.ts"
import { answers, fails, layer, meta, received, says, script, streamScript, givenUp } from "./failoverScript.ts"
import {
  gpt,
  opus,
  opusAtHome,
  opusOlder,
  opusOnBedrock,
  overloaded,
  stale,
  truncated,
  unauthorized,
  unreachable
} from "./fixtures.ts"

/** Who was asked and who answered, in a line. */
const summary = ({ requested, answered, swap, failed }: Answered): string =>
  [
    `${Candidate.label(requested)} -> ${Candidate.label(answered)}`,
    swap?.why ?? "no swap",
    ...failed.map(({ attempt, reason }) => `${attempt} ${reason._tag}`)
  ].join(", ")

describe("run", () => {
  it.effect("tells the app of a swap, with why and what failed, before it gives the answer", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const log: Array<string> = []
      const { attempt } = script(fails(unreachable), answers("hello"))
      const answer = yield* Effect.tap(
        failover.run({
          chain: [opus, gpt],
          attempt,
          onSwap: (answered) =>
            Effect.delay(
              Effect.sync(() => log.push(summary(answered))),
              "1 second"
            )
        }),
        () => Effect.sync(() => log.push("answer"))
      ).pipe(Effect.forkChild, Effect.tap(TestClock.adjust("1 second")), Effect.flatMap(Fiber.join))
      const expected = "anthropic/claude-opus-4-7 -> openai/gpt-5.5, ConnectFailure, 1 ConnectFailure"
      assert.deepStrictEqual(log, [expected, "answer"])
      assert.strictEqual(summary(answer), expected)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("gives the answer, which is paid for, where telling the app ends in a defect", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt } = script(fails(unreachable), answers("hello"))
      const answer = yield* failover.run({
        chain: [opus, gpt],
        attempt,
        onSwap: () => Effect.die("the app's own defect")
      })
      assert.strictEqual(answer.value, "hello")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("names the reason of the candidate that was left last", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt } = script(fails(unreachable), fails(stale), fails(stale), answers("hello"))
      const answer = yield* failover.run({ chain: [opus, gpt, opusOnBedrock], attempt })
      assert.isUndefined(answer.swap, "the model that was asked answered, at another host")
      const other = script(fails(unauthorized), fails(unreachable), answers("hello"))
      const swapped = yield* failover.run({ chain: [opus, opusOnBedrock, gpt], attempt: other.attempt })
      assert.deepStrictEqual(swapped.swap, { why: "ConnectFailure" })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("tells nothing where the model that was asked answers, be it repaired, elsewhere or otherwise paid", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (const [chain, first] of [
        [[opus], fails(stale)],
        [[opus, opusAtHome], fails(unauthorized)],
        [[opus, opusOnBedrock], fails(unreachable)]
      ] as const) {
        const { attempt } = script(first, answers("hello"))
        const answer = yield* failover.run({ chain, attempt, onSwap: () => Effect.die("there was no swap") })
        assert.isUndefined(answer.swap)
        assert.strictEqual(answer.answered, chain.at(-1))
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("tells nothing where the call is given up", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt } = script(fails(unreachable), fails(unreachable))
      const failure = yield* givenUp(
        failover.run({ chain: [opus, gpt], attempt, onSwap: () => Effect.die("nobody answered") })
      )
      assert.strictEqual(failure.attempts.length, 2)
    }).pipe(Effect.provide(layer()))
  )
})

const swapping = () =>
  streamScript(
    { chunks: [[meta("head 1")]], ends: fails(unreachable) },
    { chunks: [[meta("head 2")], [meta("ping 2")], [says("Hel"), says("lo")], [meta("finish")]] }
  )

const announce = (answered: Answered, held: ReadonlyArray<Part>): ReadonlyArray<Part> => [
  meta(`<${summary(answered)}>`),
  ...held
]

const swap = "anthropic/claude-opus-4-7 -> openai/gpt-5.5, ConnectFailure, 1 ConnectFailure"

describe("stream", () => {
  it.effect("announces the swap before the first content, and tells the app before either", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = swapping()
      const stream = failover.stream({
        chain: [opus, gpt],
        ...call,
        announce,
        onSwap: (answered) => Effect.sync(() => call.log.push(`told ${summary(answered)}`))
      })
      yield* Stream.runForEach(stream, ({ text }) => Effect.sync(() => call.log.push(text)))
      assert.deepStrictEqual(call.log, [
        "open 1",
        "close 1",
        "open 2",
        `told ${swap}`,
        `<${swap}>`,
        "head 2",
        "ping 2",
        "Hel",
        "lo",
        "finish",
        "close 2"
      ])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("gives no part before the app has been told", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const seen: Array<string> = []
      const stream = failover.stream({ chain: [opus, gpt], ...swapping(), onSwap: () => Effect.sleep("1 second") })
      const fiber = yield* Effect.forkChild(Stream.runForEach(stream, ({ text }) => Effect.sync(() => seen.push(text))))
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(seen, [])
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(seen, ["head 2", "ping 2", "Hel", "lo", "finish"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("announces who answers where nobody swapped too, once, and does not call onSwap", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript(
        { chunks: [[meta("head 1")]], ends: fails(stale) },
        { chunks: [[meta("head 2")], [says("Hel")], [says("lo")]] }
      )
      const { texts, exit } = yield* received(
        failover.stream({ chain: [opus, gpt], ...call, announce, onSwap: () => Effect.die("there was no swap") })
      )
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(texts, [
        "<anthropic/claude-opus-4-7 -> anthropic/claude-opus-4-7, no swap, 1 StaleConnection>",
        "head 2",
        "Hel",
        "lo"
      ])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("announces the swap of an answer without content", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const told: Array<string> = []
      const call = streamScript({ chunks: [], ends: fails(unreachable) }, { chunks: [[meta("finish")]] })
      const { texts } = yield* received(
        failover.stream({
          chain: [opus, gpt],
          ...call,
          announce,
          onSwap: (answered) => Effect.sync(() => told.push(summary(answered)))
        })
      )
      assert.deepStrictEqual(texts, [`<${swap}>`, "finish"])
      assert.deepStrictEqual(told, [swap])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("has what was announced in the partial output, for the app received it", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript(
        { chunks: [], ends: fails(unreachable) },
        { chunks: [[meta("head"), says("Hel")]], ends: fails(stale) }
      )
      const { failure } = yield* received(failover.stream({ chain: [opus, gpt], ...call, announce }))
      assert.deepStrictEqual(failure?.partial, [meta(`<${swap}>`), meta("head"), says("Hel")])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("goes on with what follows where the announcement leaves nothing of what was held back", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const told: Array<string> = []
      const call = streamScript(
        { chunks: [], ends: fails(unreachable) },
        { chunks: [[meta("head"), says("Hel")], [says("lo")]] }
      )
      const { texts } = yield* received(
        failover.stream({
          chain: [opus, gpt],
          ...call,
          announce: () => [],
          onSwap: (answered) => Effect.sync(() => told.push(summary(answered)))
        })
      )
      assert.deepStrictEqual(texts, ["lo"])
      assert.deepStrictEqual(told, [swap])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("neither announces nor tells anything where the call is given up", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript(
        { chunks: [[meta("head 1")]], ends: fails(unreachable) },
        { chunks: [[meta("head 2")]], ends: fails(unreachable) }
      )
      const { texts, failure } = yield* received(
        failover.stream({ chain: [opus, gpt], ...call, announce, onSwap: () => Effect.die("nobody answered") })
      )
      assert.deepStrictEqual(texts, [])
      assert.strictEqual(failure?.attempts.length, 2)
    }).pipe(Effect.provide(layer()))
  )
})

describe("the swap rule at the start of a turn", () => {
  const chain = [opus, gpt, opusOlder, opusOnBedrock, opusAtHome] as const
  const allowed: ReadonlyArray<readonly [SwapRule.SwapRule, ReadonlyArray<Candidate.Candidate>]> = [
    ["never", [opus]],
    ["same-model", [opus, opusOnBedrock, opusAtHome]],
    ["same-family", [opus, opusOlder, opusOnBedrock, opusAtHome]],
    ["any", chain]
  ]

  for (const [start, candidates] of allowed) {
    it.effect(`${start}: ${candidates.map(Candidate.label).join(", ")}`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const { attempt, made } = script(...chain.map(() => fails(truncated)))
        yield* givenUp(failover.run({ chain, attempt }))
        assert.deepStrictEqual(
          made,
          candidates.map((candidate, i) => `${i + 1} ${Candidate.label(candidate)} any`)
        )
      }).pipe(Effect.provide(layer({ swap: { start }, retry: { response: Schedule.recurs(0) } })))
    )
  }
})

describe("what failed", () => {
  it.effect("is not tried where another candidate shares it, however many were asked between", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(fails(overloaded), fails(overloaded), fails(overloaded), fails(overloaded))
      yield* givenUp(failover.run({ chain: [opus, opusAtHome, opusOlder, gpt], attempt }))
      assert.deepStrictEqual(
        made.map((line) => line.split(" ")[1]),
        ["anthropic/claude-opus-4-7", "anthropic/claude-opus-4-6", "openai/gpt-5.5"]
      )
    }).pipe(Effect.provide(layer({ retry: { capacity: Schedule.recurs(0) } })))
  )
})
