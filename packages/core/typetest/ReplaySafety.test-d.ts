/** A program cannot retry, or fall back from, a failure that is not safe by accident: the compiler says so. */
import type * as Failure from "@holdfast/core/Failure"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as ReplaySafety from "@holdfast/core/ReplaySafety"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { describe, expectTypeOf, it } from "vitest"

interface Database {
  readonly Database: unique symbol
}
interface Cache {
  readonly Cache: unique symbol
}

declare const call: Effect.Effect<number, Failure.Failure | InvalidInput, Database>
declare const safeCall: Effect.Effect<number, Failure.ReplaySafe>
declare const unsafeCall: Effect.Effect<number, Failure.ReplayUnsafe>
declare const eitherCall: Effect.Effect<number, Failure.ReplaySafe | Failure.ReplayUnsafe>
declare const vagueCall: Effect.Effect<number, Error>
declare const fallback: (failure: Failure.ReplaySafe) => Effect.Effect<number>
declare const plainCall: Effect.Effect<number, InvalidInput>

describe("retryWhenSafe", () => {
  it("leaves success, errors and requirements as they are: schedules end, so the safe failure stays", () => {
    const retried = call.pipe(ReplaySafety.retryWhenSafe(Schedule.recurs(3)))
    expectTypeOf(retried).toEqualTypeOf<Effect.Effect<number, Failure.Failure | InvalidInput, Database>>()
    expectTypeOf(ReplaySafety.retryWhenSafe(Schedule.forever)(safeCall)).toEqualTypeOf<
      Effect.Effect<number, Failure.ReplaySafe>
    >()
    expectTypeOf(ReplaySafety.retryWhenSafe(Schedule.recurs(3))(plainCall)).toEqualTypeOf<
      Effect.Effect<number, InvalidInput>
    >()
  })

  it("takes a schedule over safe failures, and one over more than that", () => {
    ReplaySafety.retryWhenSafe(Schedule.recurs(3).pipe(Schedule.setInputType<Failure.ReplaySafe>()))
    ReplaySafety.retryWhenSafe(Schedule.recurs(3).pipe(Schedule.setInputType<Failure.Failure>()))
    ReplaySafety.retryWhenSafe(Schedule.recurs(3).pipe(Schedule.setInputType<unknown>()))
  })

  it("refuses a schedule over failures that are not safe", () => {
    const overUnsafe = Schedule.recurs(3).pipe(Schedule.setInputType<Failure.ReplayUnsafe>())
    // @ts-expect-error a ReplaySafe is no ReplayUnsafe
    ReplaySafety.retryWhenSafe(overUnsafe)
    const overAmbiguous = Schedule.recurs(3).pipe(Schedule.setInputType<Failure.ReplayAmbiguous>())
    // @ts-expect-error a ReplaySafe is no ReplayAmbiguous
    ReplaySafety.retryWhenSafe(overAmbiguous)
    const overBoth = Schedule.recurs(3).pipe(Schedule.setInputType<Failure.ReplayAmbiguous | Failure.ReplayUnsafe>())
    // @ts-expect-error a ReplaySafe is neither
    ReplaySafety.retryWhenSafe(overBoth)
  })

  it("refuses a schedule that can fail or that needs a service", () => {
    const failing = Schedule.recurs(3).pipe(Schedule.tap(() => Effect.fail("broken")))
    // @ts-expect-error the schedule's error would widen the program's
    ReplaySafety.retryWhenSafe(failing)
    const needing = Schedule.recurs(3).pipe(Schedule.tap(() => call))
    // @ts-expect-error the schedule's requirements would widen the program's
    ReplaySafety.retryWhenSafe(needing)
  })
})

describe("retryWhenSafe and whatever schedule", () => {
  it("cannot make an error disappear", () => {
    // @ts-expect-error the safe failure that is left when the schedule ends is still there
    safeCall.pipe(ReplaySafety.retryWhenSafe(Schedule.forever)) satisfies Effect.Effect<number>
    // @ts-expect-error the unsafe failure is still there
    unsafeCall.pipe(ReplaySafety.retryWhenSafe(Schedule.forever)) satisfies Effect.Effect<number>
  })
})

describe("orElseWhenSafe", () => {
  it("takes the safe failure out of the errors and adds what the fallback brings", () => {
    const backup = ReplaySafety.orElseWhenSafe(
      (failure: Failure.ReplaySafe): Effect.Effect<string, SyntaxError, Cache> => Effect.succeed(failure.message)
    )
    expectTypeOf(backup(call)).toEqualTypeOf<
      Effect.Effect<
        number | string,
        Failure.ReplayAmbiguous | Failure.ReplayUnsafe | InvalidInput | SyntaxError,
        Database | Cache
      >
    >()
    expectTypeOf(backup(safeCall)).toEqualTypeOf<Effect.Effect<number | string, SyntaxError, Cache>>()
  })

  it("leaves an unsafe failure in the errors whatever the fallback", () => {
    const answered = unsafeCall.pipe(ReplaySafety.orElseWhenSafe(() => Effect.succeed("backup")))
    expectTypeOf(answered).toEqualTypeOf<Effect.Effect<number | string, Failure.ReplayUnsafe>>()
    // @ts-expect-error the unsafe failure is still there
    answered satisfies Effect.Effect<number | string>
  })

  it("leaves an ambiguous failure in the errors, and an unsafe one that comes beside a safe one", () => {
    const backup = ReplaySafety.orElseWhenSafe(() => Effect.succeed("backup"))
    expectTypeOf(backup(eitherCall)).toEqualTypeOf<Effect.Effect<number | string, Failure.ReplayUnsafe>>()
    // @ts-expect-error the unsafe failure is still there
    backup(eitherCall) satisfies Effect.Effect<number | string>
    // @ts-expect-error the ambiguous and the unsafe failure are still there
    call.pipe(backup) satisfies Effect.Effect<number | string, InvalidInput, Database>
  })

  it("brings an unsafe failure of the fallback itself into the errors, and a second fallback leaves it there", () => {
    const twice = safeCall.pipe(
      ReplaySafety.orElseWhenSafe(() => eitherCall),
      ReplaySafety.orElseWhenSafe(() => Effect.succeed(0))
    )
    expectTypeOf(twice).toEqualTypeOf<Effect.Effect<number, Failure.ReplayUnsafe>>()
  })

  it("takes nothing out of errors that are typed too widely to tell", () => {
    const backup = ReplaySafety.orElseWhenSafe(() => Effect.succeed("backup"))
    expectTypeOf(backup(vagueCall)).toEqualTypeOf<Effect.Effect<number | string, Error>>()
  })

  it("hands the fallback a safe failure and nothing else", () => {
    ReplaySafety.orElseWhenSafe((failure) => {
      expectTypeOf(failure).toEqualTypeOf<Failure.ReplaySafe>()
      return Effect.void
    })
    expectTypeOf(ReplaySafety.orElseWhenSafe).parameter(0).parameter(0).toEqualTypeOf<Failure.ReplaySafe>()
  })

  it("refuses a fallback from failures that are not safe", () => {
    // @ts-expect-error a fallback from an unsafe failure would replay it
    ReplaySafety.orElseWhenSafe((failure: Failure.ReplayUnsafe) => Effect.succeed(failure.message))
    // @ts-expect-error a fallback from an ambiguous failure would replay it
    ReplaySafety.orElseWhenSafe((failure: Failure.ReplayAmbiguous) => Effect.succeed(failure.message))
  })

  it("cannot be handed an unsafe failure by hand", () => {
    ReplaySafety.orElseWhenSafe(fallback)
    const caught = unsafeCall.pipe(
      Effect.catchTag("ReplayUnsafe", (failure) => {
        // @ts-expect-error what is made for a safe failure takes no unsafe one
        return fallback(failure)
      })
    )
    expectTypeOf(caught).toEqualTypeOf<Effect.Effect<number>>()
  })
})

describe("assumeRepeatable", () => {
  it("turns the ambiguous failure into a safe one, and needs no service for its event", () => {
    expectTypeOf(ReplaySafety.assumeRepeatable(call)).toEqualTypeOf<
      Effect.Effect<number, Failure.ReplaySafe | Failure.ReplayUnsafe | InvalidInput, Database>
    >()
  })

  it("leaves an unsafe failure in the errors", () => {
    expectTypeOf(ReplaySafety.assumeRepeatable(unsafeCall)).toEqualTypeOf<
      Effect.Effect<number, Failure.ReplaySafe | Failure.ReplayUnsafe>
    >()
  })

  it("adds a safe failure to the errors of a call that never was ambiguous: harmless, and said", () => {
    expectTypeOf(ReplaySafety.assumeRepeatable(plainCall)).toEqualTypeOf<
      Effect.Effect<number, InvalidInput | Failure.ReplaySafe>
    >()
  })

  it("and a fallback after it leave the unsafe failure alone to be handled", () => {
    const answered = call.pipe(
      ReplaySafety.assumeRepeatable,
      ReplaySafety.orElseWhenSafe(() => Effect.succeed(0))
    )
    expectTypeOf(answered).toEqualTypeOf<Effect.Effect<number, Failure.ReplayUnsafe | InvalidInput, Database>>()
  })
})
