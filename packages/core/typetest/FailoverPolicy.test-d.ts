/** A policy as an app writes it: what is no reason, or does not end in a decision, does not compile. */
import type { Decision } from "@holdfast/core/Decision"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type * as Failure from "@holdfast/core/Failure"
import type * as Layer from "effect/Layer"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { describe, expectTypeOf, it } from "vitest"

describe("overrides", () => {
  it("may name some of everything", () => {
    FailoverPolicy.make()
    FailoverPolicy.make({ swap: { midTurn: "never" }, table: { Overloaded: { same: "never", onward: "next" } } })
    FailoverPolicy.make({ retry: { capacity: Schedule.recurs(2) } })
    expectTypeOf(FailoverPolicy.FailoverPolicy.layer({ maxAttempts: 3 })).toEqualTypeOf<
      Layer.Layer<FailoverPolicy.FailoverPolicy, InvalidInput>
    >()
  })

  it("refuse what is no reason, no schedule's class and no swap rule", () => {
    // @ts-expect-error no failure is filed under "timeout"
    FailoverPolicy.make({ table: { Timeout: { same: "never", onward: "next" } } })
    // @ts-expect-error no class of failure is retried under that name
    FailoverPolicy.make({ retry: { socket: Schedule.recurs(2) } })
    // @ts-expect-error no such closeness
    FailoverPolicy.make({ swap: { start: "same-provider" } })
  })

  it("refuse a schedule that can fail or that needs a service", () => {
    const failing = Schedule.recurs(3).pipe(Schedule.tap(() => Effect.fail("broken")))
    // @ts-expect-error a schedule's error has nowhere to go
    FailoverPolicy.make({ retry: { connection: failing } })
  })
})

describe("decide", () => {
  it("takes a failure of any verdict and gives data", () => {
    expectTypeOf(FailoverPolicy.decide).toEqualTypeOf<
      (policy: FailoverPolicy.Policy, state: FailoverPolicy.State, failure: Failure.Failure) => Decision
    >()
  })

  it("gives no replay without its ground", () => {
    type Replay = Exclude<Decision, { readonly _tag: "Surface" }>
    expectTypeOf<Replay["ground"]>().toEqualTypeOf<"proven" | "assumed">()
  })
})
