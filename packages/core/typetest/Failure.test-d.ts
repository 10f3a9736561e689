/** What a failure's types promise: three classes that are told apart, and reasons that are caught by name. */
import * as Failure from "@holdfast/core/Failure"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type * as Reason from "@holdfast/core/Reason"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { describe, expectTypeOf, it } from "vitest"

interface Database {
  readonly Database: unique symbol
}

declare const call: Effect.Effect<number, Failure.Failure | InvalidInput, Database>
declare const unsafeFailure: Failure.ReplayUnsafe
declare const ambiguousFailure: Failure.ReplayAmbiguous
declare const safeFailure: Failure.ReplaySafe

describe("the three classes", () => {
  it("are not taken for one another", () => {
    expectTypeOf<Failure.ReplayUnsafe>().not.toExtend<Failure.ReplaySafe>()
    expectTypeOf<Failure.ReplayAmbiguous>().not.toExtend<Failure.ReplaySafe>()
    expectTypeOf<Failure.ReplaySafe>().not.toExtend<Failure.ReplayAmbiguous>()
    expectTypeOf<Failure.ReplaySafe>().not.toExtend<Failure.ReplayUnsafe>()
    expectTypeOf<Failure.ReplayAmbiguous>().not.toExtend<Failure.ReplayUnsafe>()
  })

  it("say their verdict as a literal", () => {
    expectTypeOf(safeFailure.verdict).toEqualTypeOf<"Safe">()
    expectTypeOf(ambiguousFailure.verdict).toEqualTypeOf<"Ambiguous">()
    expectTypeOf(unsafeFailure.verdict).toEqualTypeOf<"Unsafe">()
  })

  it("are told apart by tag and by verdict", () => {
    const failure = {} as Failure.Failure
    if (failure._tag === "ReplayUnsafe") expectTypeOf(failure).toEqualTypeOf<Failure.ReplayUnsafe>()
    if (failure.verdict === "Safe") expectTypeOf(failure).toEqualTypeOf<Failure.ReplaySafe>()
  })

  it("are caught by tag one at a time", () => {
    const caught = Effect.catchTag(call, "ReplayAmbiguous", () => Effect.succeed("ambiguous"))
    expectTypeOf(caught).toEqualTypeOf<
      Effect.Effect<number | string, Failure.ReplaySafe | Failure.ReplayUnsafe | InvalidInput, Database>
    >()
  })
})

describe("assumeSafe", () => {
  it("takes the app's word for an ambiguous failure alone", () => {
    expectTypeOf(Failure.assumeSafe(ambiguousFailure)).toEqualTypeOf<Failure.ReplaySafe>()
    // @ts-expect-error nothing accepts a ReplayUnsafe
    Failure.assumeSafe(unsafeFailure)
    // @ts-expect-error a safe failure needs no assumption
    Failure.assumeSafe(safeFailure)
  })
})

describe("catchReason", () => {
  it("hands over the reasons it names, with the failure of any verdict, and keeps the errors", () => {
    const caught = call.pipe(
      Failure.catchReason(["RateLimited", "AuthenticationFailed"], (reason, failure) => {
        expectTypeOf(reason).toEqualTypeOf<Reason.RateLimited | Reason.AuthenticationFailed>()
        expectTypeOf(failure).toEqualTypeOf<Failure.Failure>()
        return Effect.fail("told" as const)
      })
    )
    expectTypeOf(caught).toEqualTypeOf<Effect.Effect<number, Failure.Failure | InvalidInput | "told", Database>>()
  })

  it("hands over no reason that it does not name", () => {
    Failure.catchReason(["RateLimited", "Overloaded"], (reason) => {
      if (reason._tag === "RateLimited") expectTypeOf(reason).toEqualTypeOf<Reason.RateLimited>()
      else expectTypeOf(reason).toEqualTypeOf<Reason.Overloaded>()
      // @ts-expect-error a DnsFailure is not among them
      return Effect.succeed(reason._tag === "DnsFailure")
    })
    // @ts-expect-error the handler is for another reason than the one named
    Failure.catchReason(["RateLimited"], (reason: Reason.Overloaded) => Effect.succeed(reason.message))
  })

  it("hands over any reason for names that are known only when it runs", () => {
    const tags: ReadonlyArray<Reason.Tag> = []
    Failure.catchReason(tags, (reason) => {
      expectTypeOf(reason).toEqualTypeOf<Reason.Reason>()
      return Effect.void
    })
  })

  it("leaves an unsafe failure in the errors, whatever it names", () => {
    const told = Effect.fail(unsafeFailure).pipe(Failure.catchReason(["StaleConnection"], () => Effect.succeed("told")))
    expectTypeOf(told).toEqualTypeOf<Effect.Effect<string, Failure.ReplayUnsafe>>()
  })

  it("knows the fields of a single reason", () => {
    Failure.catchReason(["RateLimited"], (reason) => {
      expectTypeOf(reason.retryAfterMs).toEqualTypeOf<number | undefined>()
      return Effect.void
    })
  })

  it("refuses names that are no reasons", () => {
    // @ts-expect-error no failure is filed under "timeout"
    Failure.catchReason(["Timeout"], () => Effect.void)
  })
})

describe("the schema", () => {
  it("is of the failure and needs no service", () => {
    expectTypeOf<typeof Failure.Failure.Type>().toEqualTypeOf<Failure.Failure>()
    expectTypeOf<typeof Failure.Failure>().toExtend<Schema.Top & { readonly DecodingServices: never }>()
    expectTypeOf<typeof Failure.Failure>().toExtend<Schema.Top & { readonly EncodingServices: never }>()
  })
})

describe("the guards", () => {
  it("narrow an unknown value to a class", () => {
    const u = {} as unknown
    if (Failure.isReplaySafe(u)) expectTypeOf(u).toEqualTypeOf<Failure.ReplaySafe>()
    if (Failure.isFailure(u)) expectTypeOf(u).toEqualTypeOf<Failure.Failure>()
  })
})
