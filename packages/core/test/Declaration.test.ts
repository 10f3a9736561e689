import { assert, describe, it } from "@effect/vitest"
import * as Declaration from "@holdfast/core/Declaration"

const byName = (request: string): Declaration.Declaration => (request === "batch" ? "changes-state" : "repeatable")

const throwing = (): Declaration.Declaration => {
  throw new Error("no such request")
}

describe("toldBy", () => {
  it("is what the app says of the request", () => {
    assert.strictEqual(Declaration.toldBy(byName, "batch"), "changes-state")
    assert.strictEqual(Declaration.toldBy(byName, "chat"), "repeatable")
  })

  it("is nothing where the app says nothing", () => {
    assert.isUndefined(Declaration.toldBy(() => undefined, "chat"))
  })

  it("is unknown, which allows no replay, where the app throws", () => {
    assert.strictEqual(Declaration.toldBy(throwing, "chat"), "unknown")
  })
})

describe("hasEffects", () => {
  it("is true of what does something twice when it is run twice, and of nothing else", () => {
    const effects = Declaration.Declaration.literals.filter(Declaration.hasEffects)
    assert.deepStrictEqual<ReadonlyArray<string>>(effects, ["changes-state", "provider-tools"])
  })
})
