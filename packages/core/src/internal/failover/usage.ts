/** What a call's attempts counted and cost. */
import type { Usage } from "../../TelemetryEvent.ts"
import { only } from "../only.ts"

/** What the app says of an answer's usage; should it throw, it has said nothing. */
export const told = (usage: (() => Usage | undefined) | undefined): Usage | undefined => {
  try {
    const { cost, tokens } = usage?.() ?? {}
    return { ...(tokens === undefined ? undefined : { tokens }), ...(cost === undefined ? undefined : { cost }) }
  } catch {
    return undefined
  }
}

/**
 * What a call cost of which `aborted` attempts were ended for the one that answered: each had the same prompt read by the
 * same model, and gave out nothing. Where the price of the prompt alone is not known, neither is that of the call.
 */
export const withAborted = (answered: Usage | undefined, aborted: number): Usage | undefined => {
  if (answered === undefined || aborted === 0) return answered
  const { cost, tokens } = answered
  const prompts = (count: number | undefined) => (count === undefined ? undefined : count * (aborted + 1))
  const { cacheRead, cacheWrite, input, ...output } = tokens ?? {}
  return {
    ...(tokens === undefined
      ? undefined
      : {
          tokens: {
            ...output,
            ...only("input", prompts(input)),
            ...only("cacheRead", prompts(cacheRead)),
            ...only("cacheWrite", prompts(cacheWrite))
          }
        }),
    ...(cost?.promptUsd === undefined
      ? undefined
      : {
          cost: {
            ...cost,
            // Sums of decimal fractions end in digits that nobody charges.
            usd: Number((cost.usd + cost.promptUsd * aborted).toPrecision(12)),
            promptUsd: Number((cost.promptUsd * (aborted + 1)).toPrecision(12))
          }
        })
  }
}
