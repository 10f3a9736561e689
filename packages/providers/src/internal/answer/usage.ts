/** What an answer counted and cost, as events tell it. */
import type { Usage } from "@holdfast/core/TelemetryEvent"
import type * as Response from "effect/ai/Response"
import type { Price } from "../../ProviderDefinition.ts"
import { costOf, promptUsdOf } from "./cost.ts"

/** What a part tells of the whole answer; only the one that ends it tells anything. */
export const usageOf = (
  part: Response.PartEncoded | Response.StreamPartEncoded | undefined,
  price: Price | undefined
): Usage | undefined => {
  if (part?.type !== "finish") return undefined
  const { inputTokens, outputTokens } = part.usage
  const cost = costOf(part, price)
  return {
    tokens: {
      ...known("input", inputTokens.total),
      ...known("output", outputTokens.total),
      ...known("cacheRead", inputTokens.cacheRead),
      ...known("cacheWrite", inputTokens.cacheWrite),
      ...known("reasoning", outputTokens.reasoning)
    },
    ...(cost === undefined ? undefined : { cost: { ...cost, ...known("promptUsd", promptUsdOf(part, price)) } })
  }
}

const known = <K extends string>(name: K, count: number | undefined): { readonly [N in K]?: number } =>
  // A computed name is not visible as the key it is.
  count === undefined ? {} : ({ [name]: count } as { readonly [N in K]: number })
