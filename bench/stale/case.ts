/** One case, in a process of its own: a server, its upstream, a transport as the case has it, and the load. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Dispatcher from "@holdfast/node/Dispatcher"
import * as Dispatchers from "@holdfast/node/Dispatchers"
import * as NodeTransport from "@holdfast/node/HttpTransport"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Connection, Observer } from "../../packages/node/src/internal/connection.ts"
import * as Pool from "../../packages/node/src/internal/pool.ts"
import { resolve } from "../../packages/node/src/internal/poolOptions.ts"
import { load } from "../../packages/node/src/internal/undici.ts"
import type { Name } from "../../packages/node/test/support/front.ts"
import * as Front from "../../packages/node/test/support/front.ts"
import type { Outcome, Pools, Shape } from "./load.ts"
import * as Load from "./load.ts"

/** What is measured. */
export interface Case {
  readonly server: Name
  readonly shape: Shape
  readonly pools: Pools
  /** Turns of the event loop before an idle connection is used, beside undici's own. */
  readonly turns: number
  /** Whether the provider's limit is below the server's, or undici's default of 4 s. */
  readonly keepAlive: "default" | "below"
  readonly learn: boolean
  readonly requests: number
  readonly workers: number
}

/** What came of it. */
export interface Result extends Omit<Outcome, "stale"> {
  readonly stale: number
  /** Stale attempts that reached the upstream all the same. */
  readonly staleArrived: number
  /** Calls that reached the upstream more than once. */
  readonly twice: number
  readonly upstream: number
  readonly opened: number
  /** How connections ended, by who closed them. */
  readonly closed: Readonly<Record<string, number>>
  /** The limits that the pools learnt, in milliseconds. */
  readonly learnt: { readonly least: number; readonly most: number } | undefined
}

const serverMs = 1000
const belowMs = 600

const measure = (given: Case) =>
  Effect.gen(function* () {
    const front = yield* Front.make(given.server, { idleMs: serverMs })
    const counts = { opened: 0, closed: {} as Record<string, number> }
    const observer: Observer = {
      now: () => Date.now(),
      opened: () => void counts.opened++,
      closed: ({ ended = "local-abort" }: Connection) => void (counts.closed[ended] = (counts.closed[ended] ?? 0) + 1)
    }
    const options = yield* resolve("bench", {
      learnIdleLimit: given.learn,
      ...(given.keepAlive === "below" ? { keepAlive: Duration.millis(belowMs) } : undefined)
    })
    const makePool = Effect.acquireRelease(
      Effect.sync(() => Pool.make(load(), options, observer, () => undefined, given.turns)),
      (pool) => Effect.promise(() => pool.destroy())
    )
    const pools = yield* Effect.forEach(
      Array.from({ length: given.pools === "own" ? given.workers : 1 }),
      () => makePool
    )
    let transport: Layer.Layer<HttpTransport, InvalidInput, Telemetry.Telemetry> = NodeTransport.layer
    for (const [worker, pool] of pools.entries()) {
      const dispatcher = Layer.succeed(Dispatcher.Dispatcher, {
        instrumented: true,
        connections: Effect.succeed([]),
        dispatch: pool.dispatch
      })
      transport = Layer.provide(transport, Dispatchers.swap(Load.providerOf(given.pools, worker), dispatcher))
    }
    const { origin } = front
    const { stale, ...outcome } = yield* Load.run({ ...given, origin, thinkMs: serverMs }).pipe(
      Effect.provide(Layer.provide(transport, Telemetry.layer))
    )
    const truth = yield* front.truth(stale)
    const limits = pools.flatMap((pool) => Array.from(pool.sites(), ({ idling }) => idling.learnt?.limitMs))
    const learnt = limits.filter((limitMs) => limitMs !== undefined)
    return {
      ...outcome,
      ...counts,
      stale: stale.length,
      staleArrived: truth.arrived.length,
      twice: truth.twice.length,
      upstream: truth.requests,
      learnt: learnt.length === 0 ? undefined : { least: Math.min(...learnt), most: Math.max(...learnt) }
    } satisfies Result
  }).pipe(Effect.scoped)

const [given] = process.argv.slice(2)
if (given !== undefined) {
  // So that the server ends with it, however it ends.
  NodeRuntime.runMain(
    Effect.map(measure(JSON.parse(given) as Case), (result) => void process.stdout.write(JSON.stringify(result)))
  )
}
