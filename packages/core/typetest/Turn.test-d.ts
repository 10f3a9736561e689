/** A turn changes what is known of an effect, never its type. */
import * as Turn from "@holdfast/core/Turn"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { describe, expectTypeOf, it } from "vitest"

interface Database {
  readonly Database: unique symbol
}

declare const effect: Effect.Effect<number, SyntaxError, Database>
declare const turn: Turn.Turn
declare const toolkit: Toolkit.Toolkit<{ readonly look: Tool.Any; readonly send: Tool.Any }>
declare const withHandlers: Toolkit.WithHandler<{ readonly look: Tool.Any }>

describe("a turn", () => {
  it("keeps value, errors and requirements of what is run in it", () => {
    expectTypeOf(Turn.run(effect)).toEqualTypeOf<Effect.Effect<number, SyntaxError, Database>>()
    expectTypeOf(Turn.sideEffect(effect)).toEqualTypeOf<Effect.Effect<number, SyntaxError, Database>>()
  })

  it("is asked without a service and cannot fail to answer", () => {
    expectTypeOf(Turn.state).toEqualTypeOf<Effect.Effect<Option.Option<Turn.State>>>()
    expectTypeOf(Turn.mayRunAgain).toEqualTypeOf<Effect.Effect<boolean>>()
    expectTypeOf(Turn.markReplayInvalid("why")).toEqualTypeOf<Effect.Effect<void>>()
  })

  it("keeps the tools of a toolkit, and knows no others", () => {
    expectTypeOf(Turn.toolkit(withHandlers)).toEqualTypeOf<typeof withHandlers>()
    expectTypeOf(Turn.toolkit(toolkit, { look: "readonly" })).toEqualTypeOf<
      Effect.Effect<
        Toolkit.WithHandler<{ readonly look: Tool.Any; readonly send: Tool.Any }>,
        never,
        Effect.Services<typeof toolkit>
      >
    >()
    // @ts-expect-error there is no such tool
    Turn.toolkit(withHandlers, { send: "readonly" })
    // @ts-expect-error what is not known to be replayable is unknown
    Turn.toolkit(withHandlers, { look: "harmless" })
  })

  it("cannot be told that it may be run again after all", () => {
    const state = Turn.snapshot(turn)
    // @ts-expect-error a state is a reading
    state.replayInvalid = undefined
    // @ts-expect-error a state is a reading
    state.sideEffects = 0
  })
})
