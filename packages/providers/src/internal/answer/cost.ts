/** What an answer cost. */
import * as Predicate from "effect/Predicate"
import type * as Response from "effect/ai/Response"
import type * as Answers from "../../Answers.ts"
import type { Price } from "../../ProviderDefinition.ts"

/** As `Answers.Cost`; a type, so that it is JSON. */
export type Cost = { readonly [K in keyof Answers.Cost]: Answers.Cost[K] }

/** What an answer cost: what the provider says of it, else what its tokens do; nothing where neither is known. */
export const costOf = (finish: Response.FinishPartEncoded, price: Price | undefined): Cost | undefined => {
  const said = saidIn(finish.metadata)
  if (said !== undefined || price === undefined) return said
  const prompt = promptOf(finish, price)
  const output = finish.usage.outputTokens.total
  if (prompt === undefined || output === undefined) return undefined
  const usd = prompt + output * price.output
  return isAmount(usd) ? { usd: inDollars(usd), source: price.source } : undefined
}

/** What the prompt alone cost, in US dollars, where the model's price is known. */
export const promptUsdOf = (finish: Response.FinishPartEncoded, price: Price | undefined): number | undefined => {
  const prompt = price === undefined ? undefined : promptOf(finish, price)
  return isAmount(prompt) ? inDollars(prompt) : undefined
}

// Sums of decimal fractions end in digits that nobody charges.
const inDollars = (millionths: number): number => Number((millionths / 1_000_000).toPrecision(12))

/** What the format's decoder kept of the provider's own word, OpenRouter's `usage.cost` for one. */
const saidIn = (metadata: Response.FinishPartEncoded["metadata"]): Cost | undefined => {
  for (const said of Object.values(metadata ?? {})) {
    if (Predicate.hasProperty(said, "cost") && isAmount(said.cost)) return { usd: said.cost, source: "answer" }
  }
  return undefined
}

/** Of what was written to the cache, what is kept there for an hour: Anthropic asks more for that. */
const hourIn = (metadata: Response.FinishPartEncoded["metadata"]): number => {
  const own = metadata?.["anthropic"]
  return Predicate.hasProperty(own, "cacheWriteHour") && isAmount(own.cacheWriteHour) ? own.cacheWriteHour : 0
}

/** In millionths of a dollar. */
const promptOf = (
  { metadata, usage: { inputTokens } }: Response.FinishPartEncoded,
  price: Price
): number | undefined => {
  const hour = hourIn(metadata)
  const cacheRead = inputTokens.cacheRead ?? 0
  const cacheWrite = inputTokens.cacheWrite ?? 0
  const uncached =
    inputTokens.uncached ??
    (inputTokens.total === undefined ? undefined : Math.max(0, inputTokens.total - cacheRead - cacheWrite))
  if (uncached === undefined) return undefined
  return (
    uncached * price.input +
    cacheRead * (price.cacheRead ?? price.input) +
    Math.max(0, cacheWrite - hour) * (price.cacheWrite ?? price.input) +
    Math.min(hour, cacheWrite) * (price.cacheWriteHour ?? price.cacheWrite ?? price.input)
  )
}

const isAmount = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0
