/** What each example meets when it is run without keys and without a network: a provider of each kind, and their bad day. */
import type { FaultConfig } from "@holdfast/testing"
import { FaultScript } from "@holdfast/testing"

const agent = { tool: "send_mail", steps: 2 }

/** The servers that stand for providers. */
export const endpoints = {
  anthropic: { agent, answer: { text: "Hello from Claude." } },
  openai: { agent, answer: { text: "Hello from GPT." } },
  corp: { answer: { text: "Hello from the house's own model." } },
  slowly: { answer: { text: "Hello from Claude, in one piece.", events: 6 } },
  planner: { answer: { text: '{"city":"Rome","days":2,"sights":["the Forum","Trastevere"]}' } }
} as const satisfies Record<string, FaultConfig.Endpoint>

/** Its name, as `endpoints` has it. */
export type EndpointName = keyof typeof endpoints

/** What an example meets. */
export interface Scenario {
  /** Who stands for Anthropic. Default: `anthropic`. */
  readonly anthropic?: EndpointName
  readonly script?: Partial<Record<EndpointName, FaultScript.Script>>
}

const closes = FaultScript.cut("reset", FaultScript.afterRequest)

/** By the example's name. */
export const scenarios = {
  "01-ask": {},
  "02-agent-turn": { script: { anthropic: [FaultScript.on({ nth: 2 }, closes)] } },
  "03-own-fallback": { script: { anthropic: [FaultScript.always(FaultScript.status(401))] } },
  "04-watch": { script: { anthropic: [FaultScript.on({ nth: 1 }, closes)] } },
  "05-sdk": { script: { openai: [FaultScript.on({ nth: 2 }, closes)] } },
  "06-stream": { script: { anthropic: [FaultScript.always(FaultScript.status(402))] } },
  "07-object": { anthropic: "planner" },
  "08-own-provider": { script: { corp: [FaultScript.on({ nth: 1 }, closes)] } },
  "10-ask-before-swap": { script: { anthropic: [FaultScript.always(FaultScript.status(402))] } },
  "11-hold": {
    anthropic: "slowly",
    script: {
      slowly: [
        FaultScript.on({ nth: 1 }, FaultScript.cut("reset", FaultScript.afterEvents(4))),
        FaultScript.on({ nth: 2 }, FaultScript.cut("reset", FaultScript.afterEvents(4))),
        FaultScript.always(FaultScript.drip(20))
      ]
    }
  },
  "12-side-effects": { script: { anthropic: [FaultScript.on({ nth: 4 }, closes)] } },
  "13-hedge": { script: { anthropic: [FaultScript.on({ nth: 1 }, FaultScript.drip(0, { headDelayMs: 20_000 }))] } },
  "14-own-ladder": {
    script: {
      anthropic: [FaultScript.on({ nth: 1 }, closes), FaultScript.always(FaultScript.status(401))]
    }
  }
} satisfies Record<string, Scenario>

/** An example's name. */
export type Name = keyof typeof scenarios

/** The names of all. */
export const names = Object.keys(scenarios) as ReadonlyArray<Name>
