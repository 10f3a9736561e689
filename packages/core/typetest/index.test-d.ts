/** Who in all of @holdfast/core is given a failure, by class: whoever is given an unsafe one makes no replay of it. */
import type * as Core from "@holdfast/core"
import type * as Failure from "@holdfast/core/Failure"
import type * as Effect from "effect/Effect"
import { describe, expectTypeOf, it } from "vitest"

/**
 * Whether a parameter is for such a value. One for anything at all, a guard's, is not; nor is one for an effect, which a
 * failure happens to be: the effect that fails with it.
 */
type IsFor<P, Value> = unknown extends P
  ? false
  : Effect.Effect<never, Value> extends P
    ? false
    : Value extends P
      ? true
      : false

type SomeFor<Ps extends ReadonlyArray<unknown>, Value> = Ps extends readonly [infer P, ...infer Rest]
  ? IsFor<P, Value> extends true
    ? true
    : SomeFor<Rest, Value>
  : false

/** The functions of a module that a caller gives such a value. */
type Takers<M, Value> = {
  [K in keyof M]: M[K] extends (...args: infer Ps) => unknown ? (SomeFor<Ps, Value> extends true ? K : never) : never
}[keyof M]

/** The functions of the package that a caller gives such a value, `"Module.function"`. */
type AllTakers<Value> = {
  [M in keyof typeof Core & string]: `${M}.${Takers<(typeof Core)[M], Value> & string}`
}[keyof typeof Core & string]

type Unsafe = AllTakers<Failure.ReplayUnsafe>

describe("the functions that are given an unsafe failure", () => {
  it("judge, describe or collect it, or decide on it, and are all of these", () => {
    expectTypeOf<Unsafe>().toEqualTypeOf<
      | "Failure.make"
      | "Failure.amend"
      | "Failure.ofCall"
      | "Failure.thrown"
      | "Failover.failureOf"
      | "Failover.next"
      | "FailoverPolicy.decide"
      | "Verdict.judge"
      | "ReplaySafety.judge"
    >()
  })

  it("run nothing: what they return is a failure, a judgement or a decision, all of them data", () => {
    expectTypeOf<ReturnType<typeof Core.Failure.make>>().toEqualTypeOf<Failure.Failure>()
    expectTypeOf<ReturnType<typeof Core.Failure.amend>>().toEqualTypeOf<Failure.Failure>()
    expectTypeOf<ReturnType<typeof Core.Failure.ofCall>>().toEqualTypeOf<Failure.Failure>()
    expectTypeOf<ReturnType<typeof Core.Failure.thrown>>().toEqualTypeOf<unknown>()
    expectTypeOf<ReturnType<typeof Core.Failover.failureOf>>().toEqualTypeOf<Failure.Failure>()
    expectTypeOf<ReturnType<typeof Core.FailoverPolicy.decide>>().toEqualTypeOf<Core.Decision.Decision>()
    expectTypeOf<ReturnType<typeof Core.Verdict.judge>>().toEqualTypeOf<Core.Verdict.Judgement>()
  })

  it("give nothing when the call goes on, and make no attempt by themselves", () => {
    expectTypeOf<ReturnType<typeof Core.Failover.next>>().toEqualTypeOf<Effect.Effect<void, Core.Failover.GivenUp>>()
  })

  it("are not more for an ambiguous one, but for the app's word", () => {
    expectTypeOf<Exclude<AllTakers<Failure.ReplayAmbiguous>, Unsafe>>().toEqualTypeOf<"Failure.assumeSafe">()
    expectTypeOf<Exclude<AllTakers<Failure.ReplaySafe>, Unsafe>>().toEqualTypeOf<never>()
  })
})

describe("this way of looking", () => {
  interface Module {
    readonly takes: (n: number, failure: Failure.ReplayUnsafe) => void
    readonly takesAny: (failure: Failure.Failure) => void
    readonly takesSafe: (failure: Failure.ReplaySafe) => void
    readonly guards: (u: unknown) => boolean
  }

  it("sees a function that would take one, first parameter or not", () => {
    expectTypeOf<Takers<Module, Failure.ReplayUnsafe>>().toEqualTypeOf<"takes" | "takesAny">()
    expectTypeOf<Takers<Module, Failure.ReplaySafe>>().toEqualTypeOf<"takesAny" | "takesSafe">()
  })
})
