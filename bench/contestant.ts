/** What takes part: a client that asks and reads whole answers, with as many calls on the way as it is told. */
/* oxlint-disable no-await-in-loop -- one after the other, so that nothing is measured beside another */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type { Counted, Hold, Workload } from "./wire.ts"
import { basePath } from "./wire.ts"

/** What a call asks for. */
export interface Asked {
  /** The base URL as SDKs are given it. */
  readonly base: string
  readonly streaming: boolean
}

/** What the server at `origin` is asked for a workload. */
export const askedOf = (origin: string, workload: Workload | Hold): Asked => ({
  base: origin + basePath(workload),
  streaming: workload !== "post"
})

/** Makes so many calls, so many at a time, and adds up what is counted of the answers. */
export type Round = (calls: number, atOnce: number) => Promise<number>

/** A client that is ready. */
export interface Client {
  readonly counted: Counted
  readonly round: (asked: Asked) => Round
  readonly close: () => Promise<void>
}

/** Makes a client. */
export type Open = () => Promise<Client>

/** Rounds of a client whose calls are promises: loops that each make a call after the other. */
export const promises =
  (call: () => Promise<number>): Round =>
  async (calls, atOnce) => {
    let left = calls
    let total = 0
    const loop = async () => {
      while (left-- > 0) {
        const counted = await call()
        total += counted
      }
    }
    await Promise.all(Array.from({ length: atOnce }, loop))
    return total
  }

type Call<R> = (asked: Asked) => Effect.Effect<number, unknown, R>

/** A client whose calls are effects: a round is one run of the runtime, with a fiber a loop. */
export const effects = <R, E>(layer: Layer.Layer<R, E>, call: Call<R>): Promise<Client> =>
  clientOf(layer, call, (one, run) => (calls, atOnce) => run(fibers(one, calls, atOnce)))

/** The same with a run of the runtime for each call. */
export const effectsOneByOne = <R, E>(layer: Layer.Layer<R, E>, call: Call<R>): Promise<Client> =>
  clientOf(layer, call, (one, run) => promises(() => run(one)))

type Run<R> = (effect: Effect.Effect<number, unknown, R>) => Promise<number>

const clientOf = async <R, E>(
  layer: Layer.Layer<R, E>,
  call: Call<R>,
  roundOf: (one: Effect.Effect<number, unknown, R>, run: Run<R>) => Round
): Promise<Client> => {
  const runtime = ManagedRuntime.make(layer)
  await runtime.context()
  return {
    counted: "bytes",
    round: (asked) => roundOf(call(asked), (effect) => runtime.runPromise(effect)),
    close: () => runtime.dispose()
  }
}

const fibers = <E, R>(call: Effect.Effect<number, E, R>, calls: number, atOnce: number): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    let left = calls
    let total = 0
    const loop = Effect.whileLoop({
      while: () => left-- > 0,
      body: () => call,
      step: (counted) => {
        total += counted
      }
    })
    const loops = Array.from({ length: atOnce }, () => loop)
    return Effect.map(Effect.all(loops, { concurrency: "unbounded", discard: true }), () => total)
  })
