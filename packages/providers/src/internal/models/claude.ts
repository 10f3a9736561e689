/**
 * What is known of Claude models. Context, limits and prices stand in Anthropic's documentation, "Models overview" and
 * "Pricing"; a price in steps by the prompt's length, as that of Haiku 5.5, cannot be said here and is left out.
 */
import type { Modality, ModelFacts, Price } from "../../ProviderDefinition.ts"

/** Claude models are named `claude-<line>-<version>[-<date>]`, older ones `claude-<version>-<line>-<date>`. */
export const describe = (model: string): ModelFacts | undefined => {
  const line = /^claude-.*\b(fable|mythos|opus|sonnet|haiku|instant)\b/.exec(model)?.[1]
  if (line === undefined) return undefined
  return { identity: model, family: { maker: "anthropic", line }, ...known.get(undated(model)) }
}

/** The name without its date, and without the zero of a first version. */
const undated = (model: string): string => model.replace(/[-@](?:\d{8}|latest)$/, "").replace(/-0$/, "")

const asOf = "2026-11-21"
const pricing = "https://platform.claude.com/docs/en/about-claude/pricing"

/** A price whose cache follows the rule: writing costs a quarter more, twice as much for an hour, and reading a tenth. */
const price = (input: number, output: number, cacheRead = input / 10, source = pricing): Price => ({
  input,
  output,
  cacheRead,
  cacheWrite: input * 1.25,
  cacheWriteHour: input * 2,
  source,
  asOf
})

const overview = (page: string): string => `https://platform.claude.com/docs/en/models/${page}/overview`

const all: ReadonlyArray<Modality> = ["text", "image", "pdf"]

/** A million tokens of context at one price. */
const wide: ModelFacts = { input: all, contextTokens: 1_000_000, outputTokens: 128_000 }

const narrow = (outputTokens: number): ModelFacts => ({ input: all, contextTokens: 200_000, outputTokens })

/**
 * These were given a million tokens on trial. Anthropic itself ended that on 2026-04-30 (its release notes): the header
 * changes nothing there any more, but hosts that still run them may heed it.
 */
const onTrial: ModelFacts = { ...narrow(64_000), contextBeta: "context-1m-2025-08-07", price: price(3, 15) }

const fable51: ModelFacts = { ...wide, price: price(10, 50, 0.25) }
const fable5: ModelFacts = { ...wide, price: price(10, 50) }
const opus4x: ModelFacts = { ...wide, price: price(5, 25) }
const opus4: ModelFacts = { ...narrow(32_000), price: price(15, 75) }
const sonnet5: ModelFacts = { ...wide, price: price(2, 10, 0.2, overview("sonnet-5")) }

const known: ReadonlyMap<string, ModelFacts> = new Map<string, ModelFacts>([
  ["claude-fable-5-2", wide],
  ["claude-mythos-5-2", wide],
  ["claude-fable-5-1", fable51],
  ["claude-mythos-5-1", fable51],
  ["claude-fable-5", fable5],
  ["claude-mythos-5", fable5],
  ["claude-opus-5-5", { ...wide, price: price(4, 20, 0.2, overview("opus-5-5")) }],
  ["claude-opus-5", opus4x],
  ["claude-opus-4-8", opus4x],
  ["claude-opus-4-7", opus4x],
  ["claude-opus-4-6", opus4x],
  ["claude-opus-4-5", { ...narrow(64_000), price: price(5, 25) }],
  ["claude-opus-4-1", opus4],
  ["claude-opus-4", opus4],
  ["claude-sonnet-5-5", { ...sonnet5, price: price(2, 10, 0.2, overview("sonnet-5-5")) }],
  ["claude-sonnet-5", sonnet5],
  ["claude-sonnet-4-6", { ...wide, price: price(3, 15) }],
  ["claude-sonnet-4-5", onTrial],
  ["claude-sonnet-4", onTrial],
  ["claude-haiku-5-5", wide],
  ["claude-haiku-4-5", { ...narrow(64_000), price: price(1, 5) }],
  ["claude-3-7-sonnet", { ...narrow(64_000), price: price(3, 15) }],
  ["claude-3-5-haiku", { ...narrow(8192), price: price(0.8, 4) }],
  ["claude-3-haiku", { ...narrow(4096), input: ["text", "image"] }]
])
