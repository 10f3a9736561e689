import { assert, describe, it } from "@effect/vitest"
import { isEarly } from "../src/internal/earlyAnswer.ts"

const unknownDistance = Number.POSITIVE_INFINITY

describe("an early answer", () => {
  it.each([0, 1, 40, unknownDistance])("is a 408 within a second, at a round trip of %d ms", (roundTripMs) => {
    assert.isTrue(isEarly(408, 0, roundTripMs))
    assert.isTrue(isEarly(408, 999, roundTripMs))
  })

  it("is not a 408 after a second, which may be the server's limit for this request", () => {
    assert.isFalse(isEarly(408, 1000, 0))
  })

  it.each([200, 429, 500, 529])("is a %d sooner than half the shortest round trip", (status) => {
    assert.isTrue(isEarly(status, 9, 20))
    assert.isFalse(isEarly(status, 10, 20))
  })

  it("is no other status from a peer on this machine, next door, or of unknown distance", () => {
    for (const roundTripMs of [0, 4.9, unknownDistance]) assert.isFalse(isEarly(200, 0, roundTripMs))
    assert.isTrue(isEarly(200, 0, 5))
  })
})
