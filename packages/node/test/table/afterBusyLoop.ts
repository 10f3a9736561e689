/** Attempts that are made when the event loop has stood still, while their connection was closed by the peer. */
import { existsSync, readFileSync } from "node:fs"
import type { Failure } from "@holdfast/core/Failure"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { busy, inCheckPhase, inIoCallback, inTimer } from "../support/eventLoop.ts"
import type { Answered, Stage } from "./row.ts"

/** How long a connection idles at the peer, in milliseconds. */
export const idleMs = 60
// How long this process does nothing else meanwhile, where it cannot ask the kernel whether the close has come.
const busyMs = 120
const longestMs = 5000
const connections = "/proc/net/tcp"

/** Where in a turn of the event loop an attempt is made. */
export interface Place {
  readonly says: string
  readonly within: (f: () => void) => Effect.Effect<void, never, Scope.Scope>
  /** Turns of the event loop that pass after it stood still. */
  readonly turns: number
}

export const places: ReadonlyArray<Place> = [
  { says: "a timer", within: inTimer, turns: 0 },
  { says: "the check phase", within: inCheckPhase, turns: 0 },
  { says: "an I/O callback", within: inIoCallback, turns: 0 },
  { says: "an I/O callback + 1 setImmediate", within: inIoCallback, turns: 1 },
  { says: "a timer + 1 setImmediate", within: inTimer, turns: 1 },
  { says: "an I/O callback + 2 setImmediates", within: inIoCallback, turns: 2 }
]

/** Makes the attempt from there. */
export const afterBusyLoop =
  ({ turns, within }: Place): NonNullable<Stage["attempt"]> =>
  ({ request, send }) =>
    Effect.gen(function* () {
      const context = yield* Effect.context<HttpTransport>()
      const { promise, resolve } = Promise.withResolvers<Fiber.Fiber<Answered, Failure | InvalidInput>>()
      yield* within(() => {
        standStill(Number(new URL(request.url).port))
        afterTurns(turns, () => resolve(Effect.runForkWith(context)(send)))
      })
      return yield* Fiber.join(yield* Effect.promise(() => promise))
    })

/** Until no connection to a port stands any more. */
const standStill = (port: number): void => {
  if (!existsSync(connections)) return busy(busyMs)
  const end = performance.now() + longestMs
  while (stands(port) && performance.now() < end) busy(1)
}

/** Fields 3 and 4 are the peer's address and the state; 01 is ESTABLISHED (kernel.org, networking/proc_net_tcp). */
const stands = (port: number): boolean => {
  const peer = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
  return readFileSync(connections, "latin1")
    .split("\n")
    .some((line) => {
      const [, , remote = "", state] = line.trim().split(/\s+/)
      return state === "01" && remote.endsWith(peer)
    })
}

const afterTurns = (turns: number, then: () => void): void => {
  if (turns === 0) then()
  else setImmediate(() => afterTurns(turns - 1, then))
}
