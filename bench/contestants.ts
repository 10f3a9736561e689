/** Everybody who takes part, and what is to be reached. */
import * as Option from "effect/Option"
import type { Open } from "./contestant.ts"

/** Who a target is measured against. */
export interface Target {
  readonly times: number
  readonly of: Name
  /** It is about streams alone. */
  readonly streams?: true
}

/** A contestant; its modules are loaded by the process that runs it. */
export interface Contestant {
  readonly title: string
  /** The most CPU it may take for the same work, beside each of these. */
  readonly targets?: ReadonlyArray<Target>
  /** Makes a fraction of the calls of a round, because each takes a multiple of the time. */
  readonly slow?: true
  readonly load: () => Promise<Open>
}

/** The contestant that all ratios are to. */
export const baseline = "undici.request"

const all = {
  [baseline]: {
    title: "undici.request",
    load: async () => (await import("./contestants/undici.ts")).request
  },
  "undici.dispatch": {
    title: "undici.dispatch",
    load: async () => (await import("./contestants/undici.ts")).dispatch
  },
  layerUndici: {
    title: "Effect's layerUndici",
    load: async () => (await import("./contestants/httpClient.ts")).layerUndici
  },
  "built-in-fetch": {
    title: "built-in fetch",
    load: async () => (await import("./contestants/fetch.ts")).builtIn
  },
  openai: {
    title: "openai SDK",
    slow: true,
    load: async () => (await import("./contestants/sdks.ts")).openai
  },
  anthropic: {
    title: "@anthropic-ai/sdk",
    slow: true,
    load: async () => (await import("./contestants/sdks.ts")).anthropic
  },
  "ai-sdk": {
    title: "ai SDK, OpenAI",
    slow: true,
    load: async () => (await import("./contestants/sdks.ts")).aiSdk
  },
  "ai-sdk-anthropic": {
    title: "ai SDK, Anthropic",
    slow: true,
    load: async () => (await import("./contestants/sdks.ts")).aiSdkAnthropic
  },
  send: {
    title: "Holdfast send",
    targets: [{ times: 1, of: baseline }],
    load: async () => (await import("./contestants/holdfast.ts")).sent
  },
  "send-run-promise": {
    title: "Holdfast send, runPromise a call",
    load: async () => (await import("./contestants/holdfast.ts")).sentOneByOne
  },
  client: {
    title: "Holdfast client",
    targets: [{ times: 1, of: "layerUndici" }],
    load: async () => (await import("./contestants/holdfast.ts")).client
  },
  fetch: {
    title: "Holdfast fetch",
    targets: [{ times: 1, of: "built-in-fetch" }],
    load: async () => (await import("./contestants/fetch.ts")).holdfast
  },
  failover: {
    title: "Holdfast Failover",
    targets: [{ times: 1.35, of: baseline }],
    load: async () => (await import("./contestants/holdfast.ts")).failedOver
  },
  "failover-journal": {
    title: "Holdfast Failover, with journal",
    load: async () => (await import("./contestants/holdfast.ts")).failedOverJournaled
  },
  parts: {
    title: "Holdfast parts, OpenAI",
    targets: [{ times: 1.5, of: "send", streams: true }],
    load: async () => (await import("./contestants/parts.ts")).openai
  },
  "parts-anthropic": {
    title: "Holdfast parts, Anthropic",
    targets: [{ times: 1.5, of: "send", streams: true }],
    load: async () => (await import("./contestants/parts.ts")).anthropic
  },
  model: {
    title: "Holdfast.model, OpenAI",
    targets: [
      { times: 1 / 3, of: "openai", streams: true },
      { times: 1 / 3, of: "ai-sdk", streams: true }
    ],
    load: async () => (await import("./contestants/model.ts")).openai
  },
  "model-anthropic": {
    title: "Holdfast.model, Anthropic",
    targets: [
      { times: 1 / 3, of: "openai", streams: true },
      { times: 1 / 3, of: "ai-sdk-anthropic", streams: true }
    ],
    load: async () => (await import("./contestants/model.ts")).anthropic
  }
} as const

/** A contestant's name, as `--only` takes it. */
export type Name = keyof typeof all

/** All contestants, by name. */
export const contestants: Readonly<Record<Name, Contestant>> = all

/** The names, in the order of the tables. */
export const names = Object.keys(all) as ReadonlyArray<Name>

/** The names in a text with commas between them, if all of them are. */
export const namesIn = (text: string): Option.Option<ReadonlyArray<Name>> => {
  const found = text.split(",").filter(isName)
  return found.length === text.split(",").length ? Option.some(found) : Option.none()
}

const isName = (text: string): text is Name => Object.hasOwn(all, text)
