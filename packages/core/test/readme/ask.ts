import { type Failover, FailoverPolicy, SwapDenied, type SwapRule } from "@holdfast/core"
import type * as Effect from "effect/Effect"

declare const confirm: (question: string) => Effect.Effect<boolean>

const ask = ({ failure, from, to }: SwapRule.Proposed) =>
  confirm(`${from.model}: ${failure?.reason.advice ?? "cooling down"} Ask ${to.model} instead?`)

export const asking = FailoverPolicy.make({ swap: { start: { ask, limitMs: 30_000 } } })

export const told = (error: Failover.GivenUp): string =>
  SwapDenied.isSwapDenied(error)
    ? `${error.denied.map(({ model }) => model).join(", ")} could have answered`
    : error.reason.advice
