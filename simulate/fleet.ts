/** Runs a fleet of agents through simulated hours, on a clock that is moved by hand. */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import type { Strategy } from "./strategy.ts"
import type { Size, World } from "./world.ts"
import * as Worlds from "./world.ts"

/** A fleet to run. */
export interface Options extends Size {
  readonly strategy: Effect.Effect<Strategy, never, Scope.Scope>
  /** Retries that a fleet of this size is allowed a second and provider without a call, whether it has a budget or not. */
  readonly floorPerSecond: number
  /** Told after every step of the clock. */
  readonly onProgress?: (simulatedMs: number, world: World) => void
}

const stepMs = 60_000
const breathMs = 10 * stepMs
/** How long agents may take to end the turns that they are in when the time is over. */
const drainMs = 6 * 3_600_000

/** Runs a fleet until its last turn has ended. */
export const run = (options: Options): Effect.Effect<World, FleetStuck> =>
  simulated(options).pipe(
    // What Failover itself leaves to chance is part of the seed too.
    Random.withSeed(`${options.seed}/failover`),
    // The clock warns in real time of fibers that it thinks are stuck; a collection of garbage is enough.
    Effect.provide(TestClock.layer({ warningDelay: "1 hour" })),
    // Nothing here waits for the event loop, and a turn of it for every sleep would be a fifth of the time.
    Effect.provideService(Scheduler.Scheduler, new Scheduler.MixedScheduler("sync")),
    Effect.scoped
  )

/** Turns that never ended: a defect of what is simulated. */
export class FleetStuck extends Data.TaggedError("FleetStuck")<{ readonly agents: number }> {
  override get message(): string {
    return `${this.agents} agents never ended their turns`
  }
}

const simulated = Effect.fnUntraced(function* ({ onProgress, ...options }: Options) {
  const strategy = yield* options.strategy
  const world = Worlds.make(options, yield* Clock.Clock, options.floorPerSecond)
  const agents = new Set<Fiber.Fiber<void>>()
  for (let number = 0; number < options.agents; number++) {
    agents.add(yield* Effect.forkScoped(works(world, Worlds.agent(options.seed, number), strategy)))
  }
  for (let at = stepMs; agents.size > 0; at += stepMs) {
    if (at > world.untilMs + drainMs) return yield* new FleetStuck({ agents: agents.size })
    yield* TestClock.setTime(at)
    // Lets the event loop turn now and then, so that Ctrl-C is heard.
    if (at % breathMs === 0) yield* TestClock.withLive(Effect.sleep(1))
    for (const agent of agents) {
      const exit = agent.pollUnsafe()
      // A defect of one agent is a defect of the simulation, or of what it simulates.
      if (exit !== undefined) yield* exit
      if (exit !== undefined) agents.delete(agent)
    }
    onProgress?.(at, world)
  }
  for (const { options } of world.providers) options.load.close()
  return world
})

const works = Effect.fnUntraced(function* (world: World, agent: Worlds.Agent, strategy: Strategy) {
  const now = (): number => world.clock.currentTimeMillisUnsafe()
  while (true) {
    const pauseMs = Worlds.pause(agent, now())
    if (now() + pauseMs >= world.untilMs) return
    yield* Effect.sleep(pauseMs)
    const turn = Worlds.turn(agent)
    world.tally.ended(turn, yield* strategy(world, agent, turn))
  }
})
