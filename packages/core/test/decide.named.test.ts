/** Candidates that are named for failures of one reason alone. */
import { assert, describe, it } from "@effect/vitest"
import type { NamedReason } from "@holdfast/core/CallState"
import * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import { decideWith, passedOver, short } from "./decideSituation.ts"
import { gpt, opus, overloaded, truncated } from "./fixtures.ts"
import { reasons } from "./reasons.ts"

const failed = (name: NamedReason, candidate = opus) =>
  Failure.make({ reason: reasons[name], evidence: Evidence.unsent, candidate, declaration: "repeatable" })

const lane = (reason: NamedReason, ...places: ReadonlyArray<number>) => places.map((index) => ({ index, reason }))

describe("candidates named for a reason", () => {
  it("are asked where a call fails of it, though the table would surface it", () => {
    const decision = decideWith({ reserved: lane("ContextOverflow", 2, 3) }, failed("ContextOverflow"))
    assert.strictEqual(short(decision), "2")
    assert.deepStrictEqual(passedOver(decision), [[1, "other-reason"]])
  })

  it("are asked though they share what failed: they are named because of it", () => {
    assert.strictEqual(
      short(decideWith({ reserved: lane("ModelNotFound", 1) }, failed("ModelNotFound"))),
      "rotate to 1"
    )
  })

  it("are not asked for a failure of another reason, named or not", () => {
    const reserved = lane("ContextOverflow", 1, 2)
    const decision = decideWith({ reserved }, truncated())
    assert.strictEqual(short(decision), "3")
    assert.deepStrictEqual(passedOver(decision), [
      [1, "other-reason"],
      [2, "other-reason"]
    ])
    assert.strictEqual(short(decideWith({ reserved }, failed("ContentRefused"))), "reason-surfaces")
    assert.strictEqual(short(decideWith({ reserved }, failed("ModelNotFound"))), "3")
  })

  it("are told apart by their reasons", () => {
    const reserved = [...lane("ContextOverflow", 1), ...lane("ContentRefused", 2)]
    assert.strictEqual(short(decideWith({ reserved }, failed("ContextOverflow"))), "rotate to 1")
    assert.strictEqual(short(decideWith({ reserved }, failed("ContentRefused"))), "2")
  })

  it("are followed by one another alone, whatever they fail of", () => {
    const at = { index: 2, left: [0], reserved: lane("ContextOverflow", 2, 3) }
    assert.strictEqual(short(decideWith(at, overloaded({ candidate: gpt }))), "3")
    assert.strictEqual(short(decideWith(at, failed("ContextOverflow", gpt))), "3")
    assert.strictEqual(short(decideWith(at, failed("ContentRefused", gpt))), "reason-surfaces")
  })

  it("among one another are outside what failed, or passed over", () => {
    const at = { index: 0, left: [2], reserved: lane("ModelNotFound", 0, 1, 3) }
    const decision = decideWith(at, failed("ModelNotFound"))
    assert.strictEqual(short(decision), "3")
    assert.deepStrictEqual(passedOver(decision), [[1, "same-scope"]])
  })
})
