/** The load of one case: calls with a pause between them that is about as long as the server keeps a connection. */
import type * as Failure from "@holdfast/core/Failure"
import { isFailure } from "@holdfast/core/Failure"
import * as HttpTransport from "@holdfast/core/HttpTransport"
import * as ReplaySafety from "@holdfast/core/ReplaySafety"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Net from "node:net"
import { once } from "node:events"

/** How a pause ends: with a timer, or with work of 3 ms in an I/O callback. */
export type Shape = "timer" | "io"

/**
 * Whose connections are used: each worker has a pool of its own, so that its connection is idle for as long as it pauses;
 * or all share one and call at the same time, in rounds, so that as many connections are idle in between.
 */
export type Pools = "own" | "shared"

/** What is sent. */
export interface Load {
  readonly pools: Pools
  readonly origin: string
  readonly shape: Shape
  readonly requests: number
  readonly workers: number
  /** The pause is this long, and up to 5 ms more or less. */
  readonly thinkMs: number
}

/** What became of it. */
export interface Outcome {
  /** Attempts that met a stale socket, by name. */
  readonly stale: ReadonlyArray<string>
  /** Of these, how many calls were answered on a fresh connection. */
  readonly repaired: number
  /** Calls without an answer. */
  readonly failed: number
  /** How often each failure was seen: reason, evidence, verdict. */
  readonly failures: Readonly<Record<string, number>>
  readonly elapsedMs: number
}

/** The provider of a worker: each has a pool. */
export const providerOf = (pools: Pools, worker: number): string => (pools === "own" ? `bench-${worker}` : "bench")

const limits = TimeLimits.resolve({ connect: "20 seconds", headers: "20 seconds" })
const workMs = 3

/** Sends one attempt and reads its answer. */
const attempt = (origin: string, provider: string, name: string, connection: "any" | "fresh") =>
  Effect.gen(function* () {
    const transport = yield* HttpTransport.HttpTransport
    const response = yield* transport.send({
      candidate: { provider, model: "any" },
      method: "POST",
      url: `${origin}/v1/messages`,
      headers: { "content-type": "application/json", "x-attempt": name },
      body,
      declaration: "repeatable",
      limits,
      connection
    })
    yield* response.text
    return response.status
  }).pipe(Effect.scoped)

/** Runs a load. */
export const run = ({
  origin,
  pools,
  requests,
  shape,
  thinkMs,
  workers
}: Load): Effect.Effect<Outcome, never, HttpTransport.HttpTransport> =>
  Effect.gen(function* () {
    const services = yield* Effect.context<HttpTransport.HttpTransport>()
    const stale: Array<string> = []
    const failures: Record<string, number> = {}
    let repaired = 0
    let failed = 0

    const call = (provider: string, name: string) =>
      attempt(origin, provider, `${name}.1`, "any").pipe(
        Effect.catch((failure) => {
          if (!isFailure(failure)) return Effect.fail(failure)
          const seen = describe(failure)
          failures[seen] = (failures[seen] ?? 0) + 1
          if (failure.reason._tag === "StaleConnection") stale.push(`${name}.1`)
          return ReplaySafety.mayReplay(failure.verdict, "repeatable") === "no"
            ? Effect.fail(failure)
            : Effect.tap(attempt(origin, provider, `${name}.2`, "fresh"), () => Effect.sync(() => repaired++))
        })
      )

    const pausers = yield* Effect.promise(() =>
      Promise.all(Array.from({ length: workers }, () => (shape === "timer" ? byTimer : byIo())))
    )
    /** The pause, and the call, which begins in the very callback that ends the pause. */
    const one = (worker: number, nth: number, ms: number): Effect.Effect<void> =>
      Effect.callback((resume) => {
        const begin = () =>
          Effect.runCallbackWith(services)(call(providerOf(pools, worker), `${worker}-${nth}`), {
            onExit: (exit) => {
              if (!Exit.isSuccess(exit) || exit.value !== 200) failed++
              resume(Effect.void)
            }
          })
        pausers[worker]?.pause(ms, begin)
      })
    const all = <A>(each: (worker: number) => Effect.Effect<A>) =>
      Effect.forEach(pausers.keys(), each, { concurrency: "unbounded", discard: true })
    const times = Array.from({ length: Math.ceil(requests / workers) }, (_, nth) => nth)
    const byThemselves = all((worker) =>
      // They begin at different times.
      Effect.forEach(times, (nth) => one(worker, nth, nth === 0 ? Math.random() * thinkMs : about(thinkMs)), {
        discard: true
      })
    )
    const inRounds = Effect.forEach(times, (nth) => all((worker) => one(worker, nth, about(thinkMs))), {
      discard: true
    })

    const started = performance.now()
    yield* pools === "own" ? byThemselves : inRounds
    for (const { end } of pausers) end()
    return { stale, repaired, failed, failures, elapsedMs: performance.now() - started }
  })

const body = JSON.stringify({ model: "any", messages: [{ role: "user", content: "x".repeat(800) }] })

const about = (ms: number): number => ms - 5 + Math.random() * 10

const byTimer = { pause: (ms: number, then: () => void) => void setTimeout(then, ms), end: () => undefined }

/** A socket pair: a byte is written after the pause, and what follows happens where it is read. */
const byIo = async () => {
  const server = Net.createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const accepted = once(server, "connection")
  const near = Net.connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1")
  const [far] = (await accepted) as [Net.Socket]
  let next: (() => void) | undefined
  near.on("data", () => {
    const until = performance.now() + workMs
    while (performance.now() < until);
    next?.()
  })
  const pause = (ms: number, then: () => void) => {
    next = then
    setTimeout(() => far.write("x"), ms)
  }
  const end = () => {
    near.destroy()
    far.destroy()
    server.close()
  }
  return { pause, end }
}

const describe = (failure: Failure.Failure): string => {
  const { evidence, reason } = failure
  const how = "how" in reason ? ` by ${reason.how}` : ""
  if (evidence._tag === "Unknown") return `${reason._tag}${how}; evidence unknown; ${failure._tag}`
  const { bytesRead, bytesWritten, connection, phase } = evidence
  const kind = connection === undefined ? "not started" : connection.reused ? "reused" : "fresh"
  return `${reason._tag}${how}; ${kind}, ${phase}, written ${bytesWritten > 0 ? ">0" : "0"}, read ${bytesRead}; ${failure._tag}`
}
