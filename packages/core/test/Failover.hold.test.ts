/** Failover.stream where more of an answer is held back than its first content. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import type { Hold } from "@holdfast/core/Hold"
import * as HoldModule from "@holdfast/core/Hold"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Part } from "./failoverScript.ts"
import { callsTool, fails, layer, meta, providerRuns, received, says, streamScript } from "./failoverScript.ts"
import { gpt, opus, truncated } from "./fixtures.ts"

const chain = [opus, gpt] as const

/** What the app gets of an answer that breaks after these parts and of another that is whole, and what the first pull brings. */
const broken = (hold: Hold, ...parts: ReadonlyArray<Part>) =>
  Effect.gen(function* () {
    const failover = yield* Failover
    const call = streamScript(
      { chunks: parts.map((part) => [part]), ends: fails(truncated) },
      { chunks: [[says("whole")]] }
    )
    return yield* received(failover.stream({ chain, hold, ...call }))
  })

/** What the app gets first of an answer that is whole. */
const first = (hold: Hold, ...parts: ReadonlyArray<Part>) =>
  Effect.gen(function* () {
    const failover = yield* Failover
    const call = streamScript({ chunks: parts.map((part) => [part]) })
    const chunks: Array<ReadonlyArray<string>> = []
    yield* failover
      .stream({ chain, hold, ...call })
      .pipe(Stream.runForEachArray((chunk) => Effect.sync(() => chunks.push(chunk.map(({ text }) => text)))))
    return chunks[0]
  })

describe("a stream that is held back", () => {
  const holds: ReadonlyArray<readonly [Hold, ReadonlyArray<Part>, ReadonlyArray<string>]> = [
    ["first-content", [meta("m"), says("a"), says("b")], ["m", "a"]],
    [{ parts: 2 }, [meta("m"), says("a"), meta("n"), says("b"), says("c")], ["m", "a", "n", "b"]],
    [{ bytes: 50 }, [says("a".repeat(10)), says("b".repeat(40)), says("c")], ["a".repeat(10), "b".repeat(40)]],
    ["tool-call", [says("a"), says("b"), callsTool("t"), says("c")], ["a", "b", "t"]],
    ["tool-call", [says("a"), says("b")], ["a", "b"]],
    ["whole", [says("a"), callsTool("t"), says("c")], ["a", "t", "c"]]
  ]

  for (const [hold, parts, expected] of holds) {
    it.effect(`until ${JSON.stringify(hold)} of ${parts.length} comes in one piece then`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* first(hold, ...parts), expected)
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("leaves no trace of an attempt that fails before", () =>
    Effect.gen(function* () {
      for (const [hold, parts] of [
        [{ parts: 3 }, [says("a"), says("b")]],
        [{ bytes: 1000 }, [says("a"), says("b")]],
        ["tool-call", [says("a"), says("b")]],
        ["whole", [says("a"), callsTool("t"), says("b")]]
      ] as const) {
        const { exit, texts } = yield* broken(hold, ...parts)
        assert.strictEqual(exit._tag, "Success", JSON.stringify(hold))
        assert.deepStrictEqual(texts, ["whole"])
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("replays nothing once it has been given out", () =>
    Effect.gen(function* () {
      for (const [hold, parts] of [
        [{ parts: 2 }, [says("a"), says("b"), says("c")]],
        ["tool-call", [says("a"), callsTool("t")]]
      ] as const) {
        const { failure, texts } = yield* broken(hold, ...parts)
        assert.strictEqual(failure?._tag, "ReplayUnsafe")
        assert.deepStrictEqual(
          texts,
          parts.map(({ text }) => text)
        )
        assert.deepStrictEqual(failure?.partial, parts)
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not hide what the provider has begun by itself", () =>
    Effect.gen(function* () {
      const { failure, texts } = yield* broken("whole", says("a"), providerRuns("search"))
      assert.strictEqual(failure?._tag, "ReplayUnsafe")
      assert.strictEqual(failure?.exposure, "provider-tool")
      assert.deepStrictEqual(texts, [])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is given out where it grows beyond its bound, whatever it is held for", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const huge = says("x")
      const call = streamScript({ chunks: [[huge], [huge], [huge], [says("late")]], ends: fails(truncated) })
      const { failure, texts } = yield* received(
        failover.stream({ chain, hold: "whole", size: () => HoldModule.longestBytes / 2, ...call })
      )
      assert.strictEqual(failure?._tag, "ReplayUnsafe")
      assert.deepStrictEqual(texts, ["x", "x", "x", "late"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("fails where it grows beyond its bound and has nothing to give out, as any attempt does", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const bySize = [100_000, Math.floor(HoldModule.longestBytes / 100_000) + 1] as const
      const byCount = [0, HoldModule.longestParts + 1] as const
      for (const hold of ["first-content", "whole", "tool-call", { parts: 2 }, { bytes: 10 }] as const) {
        for (const [size, most] of hold === "first-content" ? [bySize, byCount] : [bySize]) {
          let read = 0
          const endless = Stream.forever(Stream.sync(() => meta(`${++read}`)))
          const { failure, texts } = yield* received(
            failover.stream({
              chain,
              hold,
              size: () => size,
              exposure: (part: Part) => part.gives,
              attempt: () => endless
            })
          )
          assert.strictEqual(failure?._tag, "ReplayAmbiguous")
          assert.strictEqual(failure?.rule, "unknown-evidence")
          assert.strictEqual(failure?.reason._tag, "MalformedResponse")
          assert.include(failure?.reason.message, "(size): no content within 4194304 bytes and 100000 parts")
          assert.deepStrictEqual(texts, [])
          assert.strictEqual(read, most)
        }
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("measures only what gives out nothing where the first content ends it", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const measured: Array<string> = []
      const size = ({ text }: Part) => {
        measured.push(text)
        return 1
      }
      const call = streamScript({ chunks: [[meta("m")], [says("a")], [meta("n")], [says("b")]] })
      const { texts } = yield* received(failover.stream({ chain, size, ...call }))
      assert.deepStrictEqual([texts, measured], [["m", "a", "n", "b"], ["m"]])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is held as the policy says where the call says nothing", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript(
        { chunks: [[says("a")], [says("b")]], ends: fails(truncated) },
        { chunks: [[says("whole")]] }
      )
      const { texts } = yield* received(failover.stream({ chain, ...call }))
      assert.deepStrictEqual(texts, ["whole"])
    }).pipe(Effect.provide(layer({ hold: "whole" })))
  )
})
