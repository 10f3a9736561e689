/** The providers of a fleet, their weather, and what the fleet's agents do all day. */
import type * as Clock from "effect/Clock"
import { chain } from "./chain.ts"
import * as Dice from "./dice.ts"
import { Load } from "./load.ts"
import { Provider } from "./provider.ts"
import { Tally } from "./tally.ts"
import type { Connection, Kind, Step } from "./truth.ts"
import { TurnTruth } from "./truth.ts"
import * as Weather from "./weather.ts"

/** How large a simulation is. */
export interface Size {
  readonly agents: number
  readonly hours: number
  readonly seed: number
  /** How many times the usual faults the providers have while they are up. Default 1. */
  readonly faults?: number
}

/** What the fleet runs against. */
export interface World {
  readonly providers: ReadonlyArray<Provider>
  readonly tally: Tally
  readonly clock: Clock.Clock
  readonly untilMs: number
}

/** What one agent has of its own. */
export interface Agent {
  readonly dice: Dice.Dice
  /** How long it lets a call take, if its way of making calls knows such a limit; 0 is no limit. */
  readonly callLimitMs: number
  /** Its connections, by place in the chain. */
  readonly connections: ReadonlyArray<Connection>
}

const hour = 3_600_000
/** The mean time from the end of a turn to the next, which makes some 1,100 calls a day. */
const pauseMs = 330_000
/** How many of the agents wait for the full hour when their pause goes beyond it, as those do that a cron job starts. */
const byTheClock = 0.25
/** Every tenth agent limits its calls, to five minutes. A limit doubles what a call costs to simulate. */
const limitedEvery = 10
const callLimitMs = 300_000
/** What one agent asks for in a minute, on the average. */
const callsPerMinute = 0.77
/** The limits of the providers, as multiples of what the whole fleet asks for. */
const limits = [1.6, 1.3, 1.1]
const latencies = [2200, 2600, 1800]

/** Makes the world of a seed. Fleets of the same seed and size meet the same weather and have the same work to do. */
export const make = ({ agents, faults = 1, hours, seed }: Size, clock: Clock.Clock, floorPerSecond: number): World => {
  const untilMs = hours * hour
  const providers = chain.map(
    (candidate, place) =>
      new Provider({
        candidate,
        faults,
        place,
        clock,
        dice: Dice.of(`${seed}/provider/${place}`),
        load: new Load(floorPerSecond),
        outages: Weather.outages(place, untilMs, Dice.of(`${seed}/weather`)),
        latencyMs: latencies[place] ?? 2000,
        requestsPerMinute: Math.ceil(agents * callsPerMinute * (limits[place] ?? 1)) + 2
      })
  )
  return { providers, tally: new Tally(), clock, untilMs }
}

/** Makes an agent. What it does is its own seed's, whatever becomes of its calls. */
export const agent = (seed: number, number: number): Agent => ({
  dice: Dice.of(`${seed}/agent/${number}`),
  callLimitMs: number % limitedEvery === 0 ? callLimitMs : 0,
  connections: chain.map(() => ({ openedAt: -Infinity, lastUsedAt: -Infinity, served: 0 }))
})

/** How long an agent pauses before its next turn. */
export const pause = ({ dice }: Agent, now: number): number => {
  const next = now + dice.exponential(pauseMs)
  const fullHour = Math.ceil(now / hour) * hour
  const waits = dice.chance(byTheClock) && next > fullHour && fullHour > now
  return Math.ceil((waits ? fullHour : next) - now)
}

/** The work of an agent's next turn. */
export const turn = ({ dice }: Agent): TurnTruth =>
  new TurnTruth(Array.from({ length: dice.whole(2, 7) }, () => step(dice)))

const step = (dice: Dice.Dice): Step => ({
  kind: kind(dice.next()),
  hasSideEffect: dice.chance(0.4),
  toolMs: dice.chance(0.2) ? Math.ceil(dice.exponential(4000)) : 0
})

const kind = (roll: number): Kind => {
  if (roll < 0.02) return "provider-tools"
  return roll < 0.05 ? "streamed" : "plain"
}
