import { assert, describe, it } from "@effect/vitest"
import type { DemoReport } from "../src/DemoReport.ts"
import { draw } from "../src/internal/demo/table.ts"
import { intro, summary } from "../src/internal/demo/words.ts"

const report: DemoReport = {
  turns: 1200,
  seed: 3,
  naive: {
    completed: 1200,
    swapped: 101,
    announcedSwaps: 102,
    duplicateRuns: 103,
    duplicateSideEffects: 104,
    staleMet: 105,
    staleAvoided: 1060,
    staleRepaired: 107,
    p50Ms: 8.04,
    p99Ms: 79.96
  },
  holdfast: {
    completed: 1200,
    swapped: 0,
    announcedSwaps: 0,
    duplicateRuns: 3,
    duplicateSideEffects: 0,
    staleMet: 25,
    staleAvoided: 1398,
    staleRepaired: 25,
    p50Ms: 9,
    p99Ms: 81
  }
}

const cells = (line: string): ReadonlyArray<string> =>
  line
    .split("│")
    .slice(1, -1)
    .map((cell) => cell.trim())

describe("the demo's table", () => {
  it("has every number of both runs beside its meaning", () => {
    const rows = draw(report)
      .split("\n")
      .filter((line) => line.startsWith("│"))
      .map(cells)
    assert.deepStrictEqual(rows, [
      ["", "naive", "Holdfast"],
      ["turns completed", "1,200", "1,200"],
      ["turns answered by another model", "101", "0"],
      ["of these announced", "102", "0"],
      ["requests run twice (server's count)", "103", "3"],
      ["side effects run twice (server's count)", "104", "0"],
      ["stale connections met", "105", "25"],
      ["avoided", "1,060", "1,398"],
      ["repaired on the same model", "107", "25"],
      ["added latency a turn, p50", "8.0 ms", "9.0 ms"],
      ["added latency a turn, p99", "80.0 ms", "81.0 ms"]
    ])
  })

  it("is as wide in every line and has no control characters", () => {
    const lines = draw(report).split("\n")
    assert.strictEqual(new Set(lines.map((line) => line.length)).size, 1)
    assert.notInclude(draw(report), "\u001b")
  })
})

describe("the demo's sentences", () => {
  it("say what was played and what both runs saw", () => {
    assert.strictEqual(intro(report), "1,200 agent turns through one storm of closing idle connections, twice; seed 3.")
    assert.include(summary(report), "101 of 1,200 turns that asked for claude-opus-4-7 were answered by gpt-5.5")
    assert.include(summary(report), "it met 25 closed connections and repaired 25 on claude-opus-4-7")
  })

  it("say plainly that a run without a swap proves nothing", () => {
    const said = summary({ ...report, naive: { ...report.naive, swapped: 0 } })
    assert.include(said, "this run proves nothing")
    assert.notInclude(said, "nobody was told")
  })

  it("say which promise Holdfast did not keep", () => {
    const holdfast = { ...report.holdfast, completed: 1198, swapped: 1, duplicateSideEffects: 4 }
    assert.include(
      summary({ ...report, holdfast }),
      "Holdfast did not keep its promise: 2 turns were not completed, 1 turns were answered by another model, 4 side effects ran twice."
    )
  })
})
