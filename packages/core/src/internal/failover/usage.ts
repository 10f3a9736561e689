/** What a call's attempts counted and cost. */
import type { Usage } from "../../TelemetryEvent.ts"

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
            ...set("input", prompts(input)),
            ...set("cacheRead", prompts(cacheRead)),
            ...set("cacheWrite", prompts(cacheWrite))
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

const set = <K extends string, A>(key: K, value: A | undefined): { readonly [P in K]?: A } =>
  // TypeScript widens a computed key to any text.
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: A })
