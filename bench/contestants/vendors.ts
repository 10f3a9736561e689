/** A model of each vendor, as Holdfast is told of it. */
import * as Redacted from "effect/Redacted"
import type { Client, Open } from "../contestant.ts"
import type { Vendor } from "../wire.ts"
import { anthropicModel, apiKey, model } from "../wire.ts"

export const refs: Readonly<Record<Vendor, string>> = {
  openai: `openai/${model}`,
  anthropic: `anthropic/${anthropicModel}`
}

/** The vendor at a base URL as SDKs are given it. */
export const providersAt = (base: string) => ({
  openai: { baseUrl: base, api: "openai-completions", apiKey: Redacted.make(apiKey) },
  anthropic: { baseUrl: base.replace(/\/v1$/, ""), apiKey: Redacted.make(apiKey) }
})

/** A registry has one base URL a provider, so there is one client for each. */
export const openEach =
  (counted: Vendor, clientAt: (base: string) => Promise<Client>): Open =>
  async () => {
    const clients = new Map<string, Promise<Client>>()
    const clientOf = (base: string) => {
      const known = clients.get(base)
      if (known !== undefined) return known
      const made = clientAt(base)
      clients.set(base, made)
      return made
    }
    return {
      counted,
      round: (asked) => async (calls, atOnce) => (await clientOf(asked.base)).round(asked)(calls, atOnce),
      close: async () => {
        await Promise.all([...clients.values()].map(async (client) => (await client).close()))
      }
    }
  }
