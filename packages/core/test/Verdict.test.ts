import { assert, describe, it } from "@effect/vitest"
import type * as Declaration from "@holdfast/core/Declaration"
import type * as Evidence from "@holdfast/core/Evidence"
import * as Verdict from "@holdfast/core/Verdict"
import * as Grid from "./verdictGrid.ts"
import * as Table from "./verdictTable.ts"

const cellsOf = Map.groupBy(Grid.facts, (facts) => Table.rowOf(facts).rule)

describe("judge, in every cell of the grid, by the first row of the table that fits", () => {
  for (const row of Table.rows) {
    it(row.says, () => {
      const cells = cellsOf.get(row.rule) ?? []
      const wrong = cells
        .map((facts) => ({ ...facts, judged: Verdict.judge(facts) }))
        .filter(({ judged }) => judged.verdict !== row.verdict || judged.rule !== row.rule)
      assert.isAbove(cells.length, 0, "the grid reaches the row")
      assert.deepStrictEqual(wrong.slice(0, 2), [], `${wrong.length} of ${cells.length} cells are judged otherwise`)
    })
  }

  it("is never better than the table's verdict", () => {
    const rank = { Safe: 0, Ambiguous: 1, Unsafe: 2 }
    const wrong = Grid.facts.filter((facts) => rank[Verdict.judge(facts).verdict] < rank[Table.rowOf(facts).verdict])
    assert.deepStrictEqual(wrong.slice(0, 2), [], `${wrong.length} cells are judged better than the table allows`)
  })
})

describe("judge", () => {
  it("does not take an HTTP/2 peer's word that it processed nothing when it has answered with an error", () => {
    const judged = Verdict.judge({
      evidence: { ...answered(500), unprocessed: "refused-stream" },
      exposure: "nothing",
      declaration: "repeatable"
    })
    assert.deepStrictEqual(judged, { verdict: "Ambiguous", rule: "answered-with-error" })
  })

  it("says that the response had begun when only its head is known", () => {
    const judged = Verdict.judge({
      evidence: { _tag: "Unknown", status: 200 },
      exposure: "nothing",
      declaration: "repeatable"
    })
    assert.deepStrictEqual(judged, { verdict: "Ambiguous", rule: "begun-not-exposed" })
  })

  it("lets the provider's own refusal of a call with effects pass as Safe", () => {
    for (const declaration of ["changes-state", "provider-tools"] as const) {
      const judged = Verdict.judge({ evidence: { ...answered(429), notRun: true }, exposure: "nothing", declaration })
      assert.deepStrictEqual(judged, { verdict: "Safe", rule: "refused-by-provider" })
    }
  })

  it.each([400, 401, 403, 404, 408, 409, 413, 424, 429, 499, 500, 502, 503, 504, 520, 522, 524, 529])(
    "is Ambiguous about status %d without the provider's own shape, observed or not",
    (status) => {
      for (const evidence of [answered(status), { _tag: "Unknown", status } as const]) {
        const judged = Verdict.judge({ evidence, exposure: "nothing", declaration: "unknown" })
        assert.deepStrictEqual(judged, { verdict: "Ambiguous", rule: "answered-with-error" })
      }
    }
  )

  it.each([400, 401, 403, 404, 408, 409, 413, 424, 429, 499, 500, 502, 503, 504, 520, 522, 524, 529])(
    "is Safe about status %d with the provider's own word that nothing ran, observed or not",
    (status) => {
      for (const evidence of [answered(status), { _tag: "Unknown", status } as const]) {
        const facts = { evidence: { ...evidence, notRun: true }, exposure: "nothing", declaration: "unknown" } as const
        assert.deepStrictEqual(Verdict.judge(facts), { verdict: "Safe", rule: "refused-by-provider" })
      }
    }
  )
})

describe("worst", () => {
  it("orders Safe before Ambiguous before Unsafe, whichever comes first", () => {
    const order = ["Safe", "Ambiguous", "Unsafe"] as const
    for (const [i, a] of order.entries()) {
      for (const [j, b] of order.entries()) assert.strictEqual(Verdict.worst(a, b), order[Math.max(i, j)])
    }
  })
})

describe("mayReplay", () => {
  const declarations: ReadonlyArray<Declaration.Declaration> = [
    "repeatable",
    "unknown",
    "changes-state",
    "provider-tools"
  ]

  it("allows a Safe verdict as proven, whatever the call declares", () => {
    for (const declaration of declarations) assert.strictEqual(Verdict.mayReplay("Safe", declaration), "proven")
  })

  it("allows an Ambiguous verdict as assumed for a repeatable call and for no other", () => {
    assert.deepStrictEqual(
      declarations.map((declaration) => Verdict.mayReplay("Ambiguous", declaration)),
      ["assumed", "no", "no", "no"]
    )
  })

  it("never allows an Unsafe verdict", () => {
    for (const declaration of declarations) assert.strictEqual(Verdict.mayReplay("Unsafe", declaration), "no")
  })
})

function answered(status: number): Evidence.Observed {
  return { _tag: "Observed", phase: "responding", bytesWritten: 812, bytesRead: 90, status }
}
