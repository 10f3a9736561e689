import { assert, describe, it } from "@effect/vitest"
import { tryMs } from "../src/internal/connector.ts"

describe("the time that each address of a name but the last may take", () => {
  it("is enough for a SYN that is sent a second time, after 1 s, wherever the connect limit lets it", () => {
    for (const limitMs of [undefined, 8000, 10_000, 60_000]) assert.strictEqual(tryMs(limitMs), 2000)
  })

  it("leaves time for four addresses where the connect limit is short", () => {
    for (const limitMs of [1000, 1999, 2000, 3000, 5000, 7999]) {
      assert.isAtMost(4 * tryMs(limitMs), limitMs)
      assert.isAtLeast(tryMs(limitMs), 250)
    }
  })

  it("is Node's own and no less where the limit is shorter still", () => {
    for (const limitMs of [1, 250, 999]) assert.strictEqual(tryMs(limitMs), 250)
  })

  it("takes few values, as TLS sessions are kept for each", () => {
    const values = new Set(Array.from({ length: 20_000 }, (_, limitMs) => tryMs(limitMs)))
    assert.isAtMost(values.size, 8)
  })
})
