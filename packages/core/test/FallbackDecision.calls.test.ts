/** Calls at once, calls that were not seen whole, and how many are followed. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Reader } from "../src/internal/fallbackDecision/reader.ts"
import { eventsOf, goOn, recordsOf, surface } from "./fallbackWorld.ts"
import { gemini, gpt, opus, rateLimited, stale, unreachable } from "./fixtures.ts"

const told = (call: string) =>
  eventsOf({ call, chain: [opus, gpt], steps: [{ at: opus, failure: unreachable(), decision: goOn(gpt, 1) }] })

describe("fromEvents", () => {
  it.effect("keeps calls apart that run at the same time", () =>
    Effect.gen(function* () {
      const one = eventsOf({
        call: "a-1",
        chain: [opus, gpt],
        steps: [{ at: opus, failure: unreachable(), decision: goOn(gpt, 1) }, { at: gpt }]
      })
      const two = eventsOf({
        call: "a-2",
        chain: [gemini, opus],
        steps: [{ at: gemini, failure: rateLimited({ candidate: gemini }), decision: goOn(opus, 1) }, { at: opus }]
      })
      const mixed = one.flatMap((event, i) => [event, ...two.slice(i, i + 1)])
      const together = yield* recordsOf(mixed)
      for (const [name, events] of [
        ["a-1", one],
        ["a-2", two]
      ] as const) {
        assert.deepStrictEqual(
          together.filter(({ call }) => call === name),
          yield* recordsOf(events)
        )
      }
    })
  )

  it.effect("forgets the call that was quiet for longest where there are more than it follows", () =>
    Effect.gen(function* () {
      const [one, two, three] = [told("a-1"), told("a-2"), told("a-3")]
      const events = [
        ...one.slice(0, 1),
        ...two.slice(0, 1),
        // Heard of again, so that the other is the one to go.
        ...one.slice(1, 2),
        ...three.slice(0, 1),
        ...one.slice(2),
        ...three.slice(1),
        ...two.slice(2)
      ]
      const records = yield* recordsOf(events, { openCalls: 2 })
      assert.deepStrictEqual(
        records.map(({ call, reason, total }) => [call, reason, total]),
        [
          ["a-1", "timeout", 2],
          ["a-3", "timeout", 2],
          ["a-2", undefined, undefined]
        ]
      )
    })
  )

  it.effect("follows no call that is over", () =>
    Effect.gen(function* () {
      const reader = new Reader(10, () => Effect.undefined)
      const over = [
        ...eventsOf({ call: "a-1", chain: [opus], steps: [{ at: opus }] }),
        ...eventsOf({
          call: "a-2",
          chain: [opus],
          steps: [{ at: opus, failure: stale(), decision: surface("ambiguous") }]
        })
      ]
      yield* Effect.forEach(over, (event) => reader.read(event))
      assert.strictEqual(reader.followed, 0)
      const begun = eventsOf({ call: "a-4", chain: [opus], steps: [{ at: opus }] }).slice(0, 1)
      yield* Effect.forEach(begun, (event) => reader.read(event))
      assert.strictEqual(reader.followed, 1)
    })
  )

  it.effect("knows of a call whose beginning was not seen what its later events tell", () =>
    Effect.gen(function* () {
      const events = eventsOf({
        chain: [opus, gpt],
        steps: [{ at: opus, failure: unreachable(), decision: goOn(gpt, 1) }, { at: gpt }]
      })
      const [failed] = yield* recordsOf(events.slice(2))
      assert.strictEqual(failed?.decision, "candidate_failed")
      assert.strictEqual(failed?.requestedModel, "claude-opus-4-7")
      assert.isUndefined(failed?.reason)
      assert.isUndefined(failed?.total)
      const [succeeded] = yield* recordsOf(events.slice(-1))
      assert.strictEqual(succeeded?.decision, "candidate_succeeded")
      assert.strictEqual(succeeded?.requestedModel, "claude-opus-4-7")
      assert.strictEqual(succeeded?.candidateModel, "gpt-5.5")
    })
  )
})
