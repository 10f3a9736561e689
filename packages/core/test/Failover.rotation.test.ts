/** With whose credential a call begins. */
import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import * as Failover from "@holdfast/core/Failover"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import { isSwapDenied } from "@holdfast/core/SwapDenied"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { gpt, opus, unauthorized } from "./fixtures.ts"

const work = { ...opus, credential: "work" }
const home = { ...opus, credential: "home" }
const long = { ...opus, credential: "long" }

const layer = (policy: FailoverPolicy.Overrides, health?: false) =>
  Layer.orDie(
    Failover.layerMemory({
      policy: { retry: { capacity: Schedule.recurs(0) }, ...policy },
      ...(health === undefined ? undefined : { health })
    })
  ).pipe(Layer.provideMerge(Telemetry.layer))

const rotating = { rotation: "least-recently-used" } as const

/** The credentials that a call is put to, of which those named are refused. */
const asks = (call: Failover.CallOptions, fails?: typeof unauthorized, ...at: ReadonlyArray<Candidate.Candidate>) =>
  Effect.gen(function* () {
    const failover = yield* Failover.Failover
    const made: Array<string | undefined> = []
    const result = yield* Effect.result(
      failover.run({
        ...call,
        attempt: ({ candidate }) => {
          made.push(candidate.credential ?? Candidate.label(candidate))
          return fails !== undefined && at.includes(candidate) ? Effect.fail(fails({ candidate })) : Effect.void
        }
      })
    )
    return { made, error: result._tag === "Failure" ? result.failure : undefined }
  })

const made = (...given: Parameters<typeof asks>) => Effect.map(asks(...given), (each) => each.made)

describe("a call whose credentials are rotated", () => {
  it.effect("begins with the one that was used longest ago", () =>
    Effect.gen(function* () {
      const call = { chain: [work, home, gpt] } as const
      const begins = [yield* made(call), yield* made(call), yield* made(call)]
      assert.deepStrictEqual(begins, [["work"], ["home"], ["work"]])
    }).pipe(Effect.provide(layer(rotating)))
  )

  it.effect("does not begin with one that is named for single failures", () =>
    Effect.gen(function* () {
      const call = { chain: [work, home], chains: { ContextOverflow: [long] } } as const
      const begins = [yield* made(call), yield* made(call), yield* made(call)]
      assert.deepStrictEqual(begins, [["work"], ["home"], ["work"]])
    }).pipe(Effect.provide(layer(rotating)))
  )

  it.effect("is bound to the one that it began with, where no swap is wanted", () =>
    Effect.gen(function* () {
      const call = { chain: [work, home] } as const
      yield* made(call)
      const { error, made: begun } = yield* asks(call, unauthorized, home)
      assert.deepStrictEqual(begun, ["home"])
      if (!isSwapDenied(error)) return assert.fail("expected a denied swap")
      assert.deepStrictEqual([error.from, error.denied], [home, [work]])
    }).pipe(Effect.provide(layer({ ...rotating, swap: { start: "never" } })))
  )

  it.effect("begins, in the middle of a turn, with the one that answered, where no swap is wanted", () =>
    Effect.gen(function* () {
      const call = { chain: [work, home] } as const
      const turn = Turn.run(Effect.all([made(call), made(call), made(call)]))
      assert.deepStrictEqual(yield* turn, [["work"], ["work"], ["work"]])
      assert.deepStrictEqual(yield* turn, [["home"], ["home"], ["home"]])
    }).pipe(Effect.provide(layer({ ...rotating, swap: { midTurn: "never" } })))
  )

  it.effect("rotates within a turn where the same model may answer", () =>
    Effect.gen(function* () {
      const call = { chain: [work, home] } as const
      assert.deepStrictEqual(yield* Turn.run(Effect.all([made(call), made(call)])), [["work"], ["home"]])
    }).pipe(Effect.provide(layer({ ...rotating, swap: { midTurn: "same-model" } })))
  )
})

describe("a call whose credentials are asked in order", () => {
  it.effect("begins, in the middle of a turn, with the one that answered", () =>
    Turn.run(
      Effect.gen(function* () {
        const call = { chain: [work, home] } as const
        assert.deepStrictEqual(yield* made(call, unauthorized, work), ["work", "home"])
        assert.deepStrictEqual(yield* made(call, unauthorized, work), ["home"])
      })
    ).pipe(Effect.provide(layer({ swap: { midTurn: "never" } }, false)))
  )

  it.effect("begins with the first one, in the next turn", () =>
    Effect.gen(function* () {
      const turn = Turn.run(made({ chain: [work, home] }, unauthorized, work))
      assert.deepStrictEqual(yield* turn, ["work", "home"])
      assert.deepStrictEqual(yield* turn, ["work", "home"])
    }).pipe(Effect.provide(layer({}, false)))
  )
})
