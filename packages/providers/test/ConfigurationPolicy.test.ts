import { assert, describe, it } from "@effect/vitest"
import * as Configuration from "@holdfast/providers/Configuration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { momentsOf } from "./support/moments.ts"

const policyOf = (retry: unknown) =>
  Result.getOrThrow(Configuration.decode({ policy: { retry } }, "holdfast.json5")).policy

describe("a retry that is configured", () => {
  it.effect.each<readonly [unknown, ReadonlyArray<number>]>([
    [false, [0]],
    [{ times: 0 }, [0]],
    [{ times: 0, delay: "1 second" }, [0]],
    [{ times: 2 }, [0, 0, 0]],
    [{ times: 3, delay: "1 second", jitter: false }, [0, 1000, 3000, 7000]],
    [{ times: 3, delay: "1 second", factor: 1, jitter: false }, [0, 1000, 2000, 3000]],
    [
      { times: 4, delay: "1 second", factor: 10, longestDelay: "5 seconds", jitter: false },
      [0, 1000, 6000, 11_000, 16_000]
    ],
    [{ times: 9, delay: "10 seconds", factor: 1, within: "25 seconds", jitter: false }, [0, 10_000, 20_000, 30_000]]
  ])("as %j is made at its moments", ([retry, moments]) =>
    Effect.gen(function* () {
      for (const name of ["connection", "response", "capacity"] as const) {
        assert.deepStrictEqual(yield* momentsOf(policyOf({ [name]: retry }), name).pipe(fromNow), moments, name)
      }
    })
  )

  it.effect("varies its delays unless told otherwise", () =>
    Effect.gen(function* () {
      const [, first = 0] = yield* momentsOf(policyOf({ capacity: { times: 1, delay: "10 seconds" } }), "capacity")
      assert.closeTo(first, 10_000, 2000)
      assert.notStrictEqual(first, 10_000)
    })
  )
})

/** Moments counted from the first. */
const fromNow = Effect.map((moments: ReadonlyArray<number>) => moments.map((moment) => moment - (moments[0] ?? 0)))
