/** A second attempt beside one that is slow. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import type { Attempt } from "@holdfast/core/Failover"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import type { Usage } from "@holdfast/core/TelemetryEvent"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import type { Part } from "./failoverScript.ts"
import { eventsFromHere, givenUp, layer, patiently, received, says } from "./failoverScript.ts"
import { gpt, opus, truncated } from "./fixtures.ts"

const chain = [opus, gpt] as const
const hedged: FailoverPolicy.Overrides = { hedge: { after: "2 seconds" } }
const repeatable = { chain, declaration: "repeatable" } as const

/** Attempts that take so long each, or fail then, and what became of each. */
const attempts = (...ms: ReadonlyArray<number | { readonly failsAfter: number }>) => {
  const log: Array<string> = []
  const attempt = ({ attempt, candidate, connection }: Attempt) => {
    const each = ms[attempt - 1] ?? 0
    log.push(`${attempt} ${candidate.model} ${connection}`)
    const took = typeof each === "number" ? each : each.failsAfter
    const outcome: Effect.Effect<string, ReturnType<typeof truncated>> = typeof each === "number"
      ? Effect.succeed(`answer ${attempt}`)
      : Effect.fail(truncated({ candidate }))
    return Effect.andThen(Effect.sleep(took), outcome).pipe(
      Effect.onInterrupt(() => Effect.sync(() => log.push(`${attempt} ended`)))
    )
  }
  return { attempt, log }
}

describe("a call that is slow", () => {
  it.effect("is asked a second time on a connection of its own, and the first answer wins", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, log } = attempts(10_000, 1_000)
      const fiber = yield* Effect.forkChild(failover.run({ ...repeatable, attempt }))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).value, "answer 2")
      assert.deepStrictEqual(log, ["1 claude-opus-4-7 any", "2 claude-opus-4-7 fresh", "1 ended"])
    }).pipe(Effect.provide(layer(hedged)))
  )

  it.effect("keeps the first where that is quicker after all", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, log } = attempts(3_000, 10_000)
      const events = yield* eventsFromHere
      const { value } = yield* patiently(failover.run({ ...repeatable, attempt }))
      assert.strictEqual(value, "answer 1")
      assert.deepStrictEqual(log, ["1 claude-opus-4-7 any", "2 claude-opus-4-7 fresh", "2 ended"])
      assert.deepStrictEqual(
        events.map((event) => ("attempt" in event ? `${event._tag} ${event.attempt}` : event._tag)),
        ["AttemptStarted 1", "AttemptStarted 2", "AttemptAborted 2", "AttemptSucceeded 1", "CallSucceeded"]
      )
    }).pipe(Effect.scoped, Effect.provide(layer(hedged)))
  )

  it.effect("is told to have cost the prompt of the attempt that was ended as well", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const events = yield* eventsFromHere
      const cost = { usd: 0.05, promptUsd: 0.02, source: "https://example.com" }
      const tokens = { input: 4000, cacheRead: 1000, output: 300 }
      const costs = function* (usage: Usage, ...ms: ReadonlyArray<number | { readonly failsAfter: number }>) {
        events.length = 0
        const { attempt } = attempts(...ms)
        yield* patiently(failover.run({ ...repeatable, attempt, usage: () => usage }))
        return events.flatMap((event) =>
          event._tag === "AttemptSucceeded" || event._tag === "CallSucceeded"
            ? [{ tokens: event.tokens, cost: event.cost }]
            : []
        )
      }
      const answer = { tokens, cost }
      assert.deepStrictEqual(yield* costs(answer, 10_000, 1_000), [
        answer,
        {
          tokens: { input: 8000, cacheRead: 2000, output: 300 },
          cost: { usd: 0.07, promptUsd: 0.04, source: "https://example.com" }
        }
      ])
      assert.deepStrictEqual(yield* costs(answer, 1_000), [answer, answer], "nothing was aborted")
      assert.deepStrictEqual(yield* costs(answer, { failsAfter: 3_000 }, 4_000), [answer, answer], "nor here")
      const said = { cost: { usd: 0.05, source: "answer" } }
      assert.deepStrictEqual(
        yield* costs(said, 10_000, 1_000),
        [
          { tokens: undefined, ...said },
          { tokens: undefined, cost: undefined }
        ],
        "what the prompt alone costs is not known"
      )
    }).pipe(Effect.scoped, Effect.provide(layer(hedged)))
  )

  it.effect("is not asked a second time where it answers, or fails, in time", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (const first of [1_999, { failsAfter: 1_999 }]) {
        const { attempt, log } = attempts(first, 10)
        yield* patiently(failover.run({ ...repeatable, attempt }))
        assert.deepStrictEqual(log.slice(0, 2), [
          "1 claude-opus-4-7 any",
          ...(typeof first === "number" ? [] : ["2 claude-opus-4-7 any"])
        ])
      }
    }).pipe(Effect.provide(layer(hedged)))
  )

  it.effect("that is not declared repeatable is never asked twice at a time", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (const declaration of [undefined, "unknown", "changes-state", "provider-tools"] as const) {
        const { attempt, log } = attempts(60_000)
        yield* patiently(failover.run({ chain, attempt, ...(declaration === undefined ? undefined : { declaration }) }))
        assert.lengthOf(log, 1)
      }
    }).pipe(Effect.provide(layer(hedged)))
  )

  it.effect("waits for the other where one fails, and fails with both where both do", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const one = attempts({ failsAfter: 3_000 }, 4_000)
      assert.strictEqual((yield* patiently(failover.run({ ...repeatable, attempt: one.attempt }))).value, "answer 2")
      const both = attempts({ failsAfter: 3_000 }, { failsAfter: 4_000 }, { failsAfter: 0 }, { failsAfter: 0 })
      const failure = yield* patiently(givenUp(failover.run({ ...repeatable, chain: [opus], attempt: both.attempt })))
      assert.deepStrictEqual(
        failure.attempts.map(({ attempt, elapsedMs }) => [attempt, elapsedMs]),
        [
          [1, 3_000],
          [2, 4_000],
          [3, 0]
        ]
      )
    }).pipe(Effect.provide(layer(hedged)))
  )

  it.effect("is not hedged beyond the budget, the attempts, or by a pace that is not known", () =>
    Effect.gen(function* () {
      const count = Effect.fnUntraced(
        function* (_overrides: FailoverPolicy.Overrides, _more: Layer.Layer<RetryBudget>) {
          const failover = yield* Failover
          const { attempt, log } = attempts(60_000, 1)
          yield* patiently(failover.run({ ...repeatable, attempt }))
          return log.filter((line) => !line.endsWith("ended")).length
        },
        (effect, overrides, more) =>
          Effect.provide(effect, Layer.fresh(Failover.layer).pipe(Layer.provide(more), Layer.provide(layer(overrides))))
      )
      const spent = Layer.orDie(RetryBudget.layer({ ratio: 0, floorPerSecond: 0 }))
      const plenty = Layer.orDie(RetryBudget.layer())
      assert.strictEqual(yield* count(hedged, plenty), 2)
      assert.strictEqual(yield* count(hedged, spent), 1)
      assert.strictEqual(yield* count({ ...hedged, maxAttempts: 1 }, plenty), 1)
      assert.strictEqual(yield* count({ hedge: { after: "p95" } }, plenty), 1)
    })
  )

  it.effect("is hedged by what 95 of 100 of the latest answers took, once enough are known", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (let call = 1; call <= 20; call++) {
        const { attempt } = attempts(call === 20 ? 5_000 : 1_000)
        yield* patiently(failover.run({ ...repeatable, attempt }))
      }
      const { attempt, log } = attempts(10_000, 10_000)
      const fiber = yield* Effect.forkChild(failover.run({ ...repeatable, attempt }))
      yield* TestClock.adjust(Duration.millis(999))
      assert.lengthOf(log, 1)
      yield* TestClock.adjust(Duration.millis(1))
      assert.lengthOf(log, 2)
      yield* Fiber.interrupt(fiber)
      assert.sameMembers(log.slice(2), ["1 ended", "2 ended"])
    }).pipe(Effect.provide(layer({ hedge: { after: "p95" } })))
  )
})

describe("a stream that is slow", () => {
  it.effect("is the one whose first content comes first; the other is closed, and nothing of it is given out", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const log: Array<string> = []
      const stream = failover.stream({
        ...repeatable,
        exposure: (part: Part) => part.gives,
        attempt: ({ attempt }) =>
          Stream.unwrap(
            Effect.as(
              Effect.acquireRelease(
                Effect.sync(() => log.push(`open ${attempt}`)),
                () => Effect.sync(() => log.push(`close ${attempt}`))
              ),
              Stream.fromIterable([
                { gives: "nothing", text: `head ${attempt}` } satisfies Part,
                says(`a ${attempt}`),
                says(`b ${attempt}`)
              ]).pipe(
                Stream.rechunk(1),
                Stream.mapEffect((part) =>
                  Effect.as(Effect.sleep(part.gives === "nothing" ? 0 : attempt === 1 ? 10_000 : 500), part)
                )
              )
            )
          )
      })
      const { exit, texts } = yield* patiently(received(stream))
      assert.strictEqual(exit._tag, "Success")
      assert.deepStrictEqual(texts, ["head 2", "a 2", "b 2"])
      assert.deepStrictEqual(log, ["open 1", "open 2", "close 1", "close 2"])
    }).pipe(Effect.provide(layer(hedged)))
  )
})
