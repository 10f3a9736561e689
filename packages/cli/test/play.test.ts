import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import * as Fiber from "effect/Fiber"
import type { Outcome } from "../src/internal/demo/play.ts"
import { play } from "../src/internal/demo/play.ts"
import type { Turn } from "../src/internal/demo/scenario.ts"
import { demo } from "../src/internal/demo/scenario.ts"

const scenario = { ...demo({ seed: 1, turns: 100 }), workers: 4 }

/** Turn 37 is left, every tenth is swapped, every twentieth announced. */
const outcomeOf = (number: number): Outcome => ({
  completed: number !== 37,
  swapped: number % 10 === 0,
  announced: number % 20 === 0
})

describe("a played scenario", () => {
  it.effect("counts what became of its turns, and measures what each took beyond its tool's work", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      // Turn n takes n milliseconds more than its tool.
      const agent = (turn: Turn) =>
        Effect.gen(function* () {
          const [kind, number] = turn.text.split(" ")
          log.push(kind ?? "")
          const added = kind === "turn" ? Number(number) : 1000
          yield* Effect.sleep(turn.thinkMs.reduce((sum, ms) => sum + ms, 0) + added)
          return outcomeOf(Number(number))
        })
      const fiber = yield* Effect.forkChild(
        play(scenario, agent, {
          begun: Effect.sync(() => void log.push("begun")),
          onTurn: (turns) => Effect.sync(() => void log.push(`${turns} over`))
        })
      )
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(yield* Fiber.join(fiber), {
        completed: 99,
        swapped: 10,
        announcedSwaps: 5,
        p50Ms: 50.5,
        p99Ms: 99.01
      })
      assert.deepStrictEqual(log.slice(0, 17), [...Array.from({ length: 16 }, () => "warm-up"), "begun"])
      assert.notInclude(log.slice(17), "warm-up")
      assert.deepStrictEqual(
        log.filter((line) => line.endsWith("over")),
        Array.from({ length: 100 }, (_, index) => `${index + 1} over`)
      )
    })
  )

  it.effect("fails with what an agent fails with", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        play(scenario, () => Effect.fail("no ledger"), { begun: Effect.void, onTurn: () => Effect.void })
      )
      assert.strictEqual(error, "no ledger")
    })
  )
})
