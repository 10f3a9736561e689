/** What came of a fleet, as data. */
import * as RetryBudget from "@holdfast/core/RetryBudget"
import { windowMs } from "./load.ts"
import type { Provider } from "./provider.ts"
import type { World } from "./world.ts"

/** One provider's share of it. */
export interface OfProvider {
  readonly provider: string
  /** Calls that reached it at least once. */
  readonly calls: number
  readonly attempts: number
  /** Attempts beyond the first of each call. */
  readonly retries: number
  /** The most of these within 10 s, for each that a budget of the default numbers grants for the calls of those 10 s. */
  readonly peakBudgetUse: number
  /** Attempts that it ran the model for. */
  readonly ran: number
  /** Attempts that it answered 429. */
  readonly limited: number
  readonly downSeconds: number
  /** Attempts a second while it was down, the first 10 s of each outage left out, and while it was well. */
  readonly perSecondDown: number
  readonly perSecondUp: number
}

/** What came of a fleet. */
export interface Outcome {
  readonly turns: number
  readonly completed: number
  /** Calls that were answered by another model than was asked. */
  readonly swaps: number
  /** Swaps of which the agent was told nothing. */
  readonly silentSwaps: number
  readonly duplicateSideEffects: number
  readonly calls: number
  readonly attempts: number
  /**
   * The most `attempts / (calls + floor / 1.2)` in 10 s at a provider that is down, the first 10 s of an outage left out;
   * at most 1.2 says the same as `attempts <= 1.2 * calls + floor`. The calls are those whose first attempt there is in
   * the same 10 s. The floor is 100 retries, that of the default retry budget, for the fleet on Holdfast, and the same
   * for each agent in the others, whether they have a budget or not: a tenth of the agents has a tenth of the floor.
   */
  readonly peakAttemptsRatioWhileDown: number
}

/** The same in detail. */
export interface Details extends Outcome {
  /** Times that a turn was run again from its beginning. */
  readonly reruns: number
  /** Swaps that were said and were none. */
  readonly falseAlarms: number
  /** Attempts a second at the primary while it was down, for each that it gets while it is well. */
  readonly loadWhileDown: number
  /**
   * The most retries at a provider in any 10 s, for each that a retry budget of the default numbers grants for the calls
   * addressed to it in them, with the same floor; at most 1 is what the budget promises.
   */
  readonly peakBudgetUse: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Calls that were given up, by the last attempt's reason. */
  readonly gaveUp: Readonly<Record<string, number>>
  readonly providers: ReadonlyArray<OfProvider>
}

/** Sums a world up. */
export const of = ({ providers, tally, untilMs }: World): Details => {
  const ofProviders = providers.map((provider) => ofProvider(provider, untilMs))
  const primary = ofProviders[0]
  return {
    turns: tally.turns,
    completed: tally.completed,
    swaps: tally.swaps,
    silentSwaps: tally.silentSwaps,
    duplicateSideEffects: tally.duplicateSideEffects,
    calls: tally.calls,
    attempts: tally.attempts,
    peakAttemptsRatioWhileDown: rounded(Math.max(...providers.map(({ options }) => options.load.peakRatioWhileDown))),
    reruns: tally.reruns,
    falseAlarms: tally.falseAlarms,
    loadWhileDown: rounded((primary?.perSecondDown ?? 0) / Math.max(0.001, primary?.perSecondUp ?? 0)),
    peakBudgetUse: Math.max(...ofProviders.map(({ peakBudgetUse }) => peakBudgetUse)),
    p50Ms: tally.percentile(0.5),
    p99Ms: tally.percentile(0.99),
    gaveUp: Object.fromEntries([...tally.gaveUp].toSorted(([, a], [, b]) => b - a)),
    providers: ofProviders
  }
}

const ofProvider = ({ options: { candidate, load, outages } }: Provider, untilMs: number): OfProvider => {
  const downMs = sum(outages.map(({ from, until }) => until - from))
  const sustainedMs = sum(outages.map(({ from, until }) => Math.max(0, until - from - windowMs)))
  return {
    provider: candidate.provider,
    calls: load.calls,
    attempts: load.attempts,
    retries: load.attempts - load.calls,
    // Rounded up: 1.0004 is too much.
    peakBudgetUse: Math.ceil(load.budgetUse.peak * 1000) / 1000,
    ran: load.ran,
    limited: load.limited,
    downSeconds: Math.round(downMs / 1000),
    perSecondDown: rounded(load.sustained / Math.max(1, sustainedMs / 1000)),
    perSecondUp: rounded((load.attempts - load.whileDown) / Math.max(1, (untilMs - downMs) / 1000))
  }
}

/** What a fleet on Holdfast was promised and did not get. */
export const broken = (details: Details): ReadonlyArray<string> => {
  const { duplicateSideEffects, falseAlarms, peakAttemptsRatioWhileDown, peakBudgetUse, silentSwaps } = details
  const found: Array<string> = []
  if (duplicateSideEffects > 0) found.push(`${duplicateSideEffects} side effects happened twice`)
  if (silentSwaps > 0) found.push(`${silentSwaps} swaps were silent`)
  if (falseAlarms > 0) found.push(`${falseAlarms} swaps were said that were none`)
  if (peakAttemptsRatioWhileDown > 1 + RetryBudget.defaults.ratio) {
    found.push(`a provider that was down got ${peakAttemptsRatioWhileDown} attempts for each call`)
  }
  if (peakBudgetUse > 1) found.push(`a provider got ${peakBudgetUse} retries for each that the budget grants`)
  return found
}

/** The part of the details that the last line of `--json` has. */
export const brief = (details: Details): Outcome => ({
  turns: details.turns,
  completed: details.completed,
  swaps: details.swaps,
  silentSwaps: details.silentSwaps,
  duplicateSideEffects: details.duplicateSideEffects,
  calls: details.calls,
  attempts: details.attempts,
  peakAttemptsRatioWhileDown: details.peakAttemptsRatioWhileDown
})

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, each) => total + each, 0)

const rounded = (number: number): number => Math.round(number * 1000) / 1000
