/** Failover keeps the errors of the attempts: it neither adds one nor hides one. */
import type { Candidate } from "@holdfast/core/Candidate"
import * as Failover from "@holdfast/core/Failover"
import type { FailoverPolicy } from "@holdfast/core/FailoverPolicy"
import type * as Failure from "@holdfast/core/Failure"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type { ProviderHealth } from "@holdfast/core/ProviderHealth"
import type { RetryBudget } from "@holdfast/core/RetryBudget"
import type { Telemetry } from "@holdfast/core/Telemetry"
import type { SwapReason } from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import { describe, expectTypeOf, it } from "vitest"

interface Database {
  readonly Database: unique symbol
}

declare const failover: Failover.Failover["Service"]
declare const chain: readonly [Candidate, ...Array<Candidate>]
declare const call: Effect.Effect<number, Failure.Failure | InvalidInput, Database>
declare const safeCall: Effect.Effect<number, Failure.ReplaySafe>
declare const parts: Stream.Stream<string, Failure.Failure | InvalidInput, Database>

describe("run", () => {
  it("keeps value, errors and requirements of the attempts", () => {
    expectTypeOf(failover.run({ chain, attempt: () => call })).toEqualTypeOf<
      Effect.Effect<Failover.Answer<number>, Failover.GivenUp | InvalidInput, Database>
    >()
  })

  it("adds what a call is given up with", () => {
    expectTypeOf(failover.run({ chain, attempt: () => Effect.succeed(1) })).toEqualTypeOf<
      Effect.Effect<Failover.Answer<number>, Failover.GivenUp>
    >()
    expectTypeOf(failover.run({ chain, attempt: () => safeCall })).toEqualTypeOf<
      Effect.Effect<Failover.Answer<number>, Failover.GivenUp>
    >()
  })

  it("can fail of the call's own limit where it has one, and only there", () => {
    expectTypeOf(failover.run({ chain, totalMs: 1000, attempt: () => safeCall })).toEqualTypeOf<
      Effect.Effect<Failover.Answer<number>, Failover.GivenUp>
    >()
    expectTypeOf(
      failover.stream({ chain, totalMs: 1000, attempt: () => parts, exposure: () => "output" })
    ).toEqualTypeOf<Stream.Stream<string, Failover.GivenUp | InvalidInput, Database>>()
    // @ts-expect-error a limit is milliseconds
    failover.run({ chain, totalMs: "1 second", attempt: () => safeCall })
  })

  it("hides no error", () => {
    // @ts-expect-error a call that is given up fails
    failover.run({ chain, attempt: () => safeCall }) satisfies Effect.Effect<Failover.Answer<number>>
  })

  it("tells an attempt who is asked, how often and on what connection", () => {
    failover.run({
      chain,
      attempt: (attempt) => {
        expectTypeOf(attempt).toEqualTypeOf<Failover.Attempt>()
        expectTypeOf(attempt.attempt).toEqualTypeOf<number>()
        expectTypeOf(attempt.connection).toEqualTypeOf<"any" | "fresh">()
        return call
      }
    })
  })

  it("answers with who was asked, who answered and why they differ", () => {
    expectTypeOf<Failover.Answer<number>["value"]>().toEqualTypeOf<number>()
    expectTypeOf<Failover.Answer<number>["answered"]>().toEqualTypeOf<Candidate>()
    expectTypeOf<Failover.Answer<number>["swap"]>().toEqualTypeOf<{ readonly why: SwapReason } | undefined>()
    expectTypeOf<Failover.Answer<number>["failed"]>().toEqualTypeOf<ReadonlyArray<Failure.Attempt>>()
  })

  it("refuses an empty chain and an onSwap that can fail", () => {
    // @ts-expect-error a chain has a first candidate
    failover.run({ chain: [], attempt: () => call })
    // @ts-expect-error what the app is told cannot break the call
    failover.run({ chain, attempt: () => call, onSwap: () => Effect.fail("no") })
  })
})

describe("stream", () => {
  it("keeps parts, errors and requirements of the attempts", () => {
    const streamed = failover.stream({ chain, attempt: () => parts, exposure: () => "output" })
    expectTypeOf(streamed).toEqualTypeOf<Stream.Stream<string, Failover.GivenUp | InvalidInput, Database>>()
  })

  it("announces with parts of the stream's own kind", () => {
    failover.stream({
      chain,
      attempt: () => parts,
      exposure: () => "output",
      // @ts-expect-error a number is no part of this stream
      announce: () => [1]
    })
  })
})

describe("the layer", () => {
  it("needs policy, health, budget and telemetry, and cannot fail", () => {
    expectTypeOf(Failover.layer).toEqualTypeOf<
      Layer.Layer<Failover.Failover, never, FailoverPolicy | ProviderHealth | RetryBudget | Telemetry>
    >()
    expectTypeOf(Failover.Failover.layer).toEqualTypeOf(Failover.layer)
  })
})
