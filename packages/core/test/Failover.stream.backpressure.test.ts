/** A stream is read no faster than the app asks, so that a slow app slows the provider and not its own memory. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import type { Hold } from "@holdfast/core/Hold"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Part } from "./failoverScript.ts"
import { layer, says } from "./failoverScript.ts"
import { gpt, opus } from "./fixtures.ts"

/** How many parts were made when the app had taken so many chunks. */
const madeBy = (chunks: number, hold: Hold) =>
  Effect.gen(function* () {
    const failover = yield* Failover
    let made = 0
    const endless = Stream.fromEffectRepeat(Effect.sync((): Part => says(String(made++))))
    const stream = failover.stream({
      chain: [opus, gpt],
      hold,
      exposure: ({ gives }) => gives,
      attempt: () => endless.pipe(Stream.rechunk(1))
    })
    yield* Stream.runDrain(
      Stream.take(
        Stream.mapArray(stream, ([first]) => [first]),
        chunks
      )
    )
    return made
  })

describe("a stream without end", () => {
  it.effect("is made as far as it is taken", () =>
    Effect.gen(function* () {
      for (const chunks of [1, 2, 50]) assert.strictEqual(yield* madeBy(chunks, "first-content"), chunks)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is made as far as it is held back, and then as far as it is taken", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* madeBy(1, { parts: 7 }), 7)
      assert.strictEqual(yield* madeBy(4, { parts: 7 }), 10)
    }).pipe(Effect.provide(layer()))
  )
})
