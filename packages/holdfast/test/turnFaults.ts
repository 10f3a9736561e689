/** Faults drawn by a seed, at every point that the fault server knows. */
import { FaultScript } from "@holdfast/testing"

/** A number from 0 to 1, always the same for the same numbers (the finalizer of MurmurHash3, 32 bit). */
export const drawn = (...numbers: ReadonlyArray<number>): number => {
  let hash = 0x9e3779b9
  for (const number of numbers) {
    hash = Math.imul(hash ^ number, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    hash ^= hash >>> 16
  }
  return (hash >>> 0) / 2 ** 32
}

/** One of a list, by a number from 0 to 1. */
export const pick = <A>(from: ReadonlyArray<A>, by: number): A => {
  const one = from[Math.floor(by * from.length)]
  if (one === undefined) throw new Error("nothing to pick from")
  return one
}

const { afterEvents, afterHead, afterHeadBytes, afterRequest, afterRequestBytes, cut, framing, status } = FaultScript

// A request here is between 700 and 3,000 bytes long, its head about 300.
const points = {
  "in the request": afterRequestBytes(650),
  "after the request": afterRequest,
  "in the status line": afterHeadBytes(9),
  "in the head": afterHeadBytes(60),
  "after the head": afterHead,
  "after event 1": afterEvents(1),
  "after event 3": afterEvents(3),
  "after event 5": afterEvents(5),
  "after event 7": afterEvents(7),
  "before the end marker": afterEvents(8),
  "after everything": afterEvents(1000)
}

const cuts = Object.entries(points).flatMap(([says, point]) =>
  (["fin", "half-fin", "reset"] as const).map((how) => [`${how} ${says}`, cut(how, point)] as const)
)

const silences = Object.entries(points)
  .filter(([says]) => !["in the head", "after event 3", "after event 7"].includes(says))
  .map(([says, point]) => [`silence ${says}`, cut("stall", point)] as const)

const statuses = [400, 401, 402, 403, 404, 408, 409, 413, 421, 424, 429, 499, 500, 502, 503, 504, 520, 529].map(
  (code) => [`${code}`, status(code)] as const
)

const proxies = ([429, 500, 502, 503, 529] as const).flatMap((code) =>
  (["html", "empty", "json-foreign"] as const).map((shape) => [`${code} ${shape}`, status(code, { shape })] as const)
)

// Not an unsolicited 200: one that crosses the request is its answer for all that a client on the same machine can tell.
const idles = (["fin", "half-fin", "reset", "408"] as const).flatMap((how) =>
  [0, 1, 3].map((ms) => [`${how} after ${ms} ms idle`, FaultScript.idleClose(how, ms)] as const)
)

const framings = FaultScript.FramingKind.literals.map((kind) => [kind, framing(kind)] as const)

const others: ReadonlyArray<readonly [string, FaultScript.Fault]> = [
  ["429 and ran", status(429, { ran: true, retryAfter: 0 })],
  ["500 and ran", status(500, { ran: true })],
  ["503, closing", status(503, { connectionClose: true })],
  ["429, at once", status(429, { retryAfter: 0 })],
  ["an error event first", FaultScript.inBandError(0)],
  ["an error event before content", FaultScript.inBandError(1)],
  ["an error event after content", FaultScript.inBandError(5)],
  ["an error event at the end", FaultScript.inBandError(8)],
  ["no end marker", FaultScript.noEndMarker()],
  ["a clean end before content", FaultScript.noEndMarker({ afterEvents: 1 })],
  ["a clean end after content", FaultScript.noEndMarker({ afterEvents: 5 })],
  ["a clean end after all content", FaultScript.noEndMarker({ afterEvents: 7 })],
  ["drip", FaultScript.drip(1)],
  ["an announced close", FaultScript.connectionClose],
  ["a cut of an announced close", cut("fin", afterEvents(5), { connectionClose: true })],
  ...([100, 101, 102, 103] as const).map((code) => [`${code}`, FaultScript.informational(code)] as const)
]

/** Every fault that a request can be marked with, by its tag. */
export const faults: ReadonlyArray<readonly [tag: string, fault: FaultScript.Fault]> = [
  ...cuts,
  // Once more each, because most of what can go wrong is a connection that ends.
  ...cuts.map(([tag, fault]) => [`${tag}, again`, fault] as const),
  ...silences,
  ...statuses,
  ...proxies,
  ...idles,
  ...framings,
  ...others
]

// One of so many requests meets a fault that no tag can name.
const untagged = 40

/**
 * The rules of an endpoint: by the tag of a request, and where that would come too late, in its first bytes or before any,
 * by numbers drawn among the first `requests` of the endpoint.
 */
export const scriptOf = (seed: number, requests: number): FaultScript.Script => {
  const ways = ["fin", "half-fin", "reset"] as const
  const early = Array.from({ length: requests / untagged }, (_, i) =>
    FaultScript.on(
      { nth: 1 + Math.floor(drawn(seed, 1, i) * requests) },
      cut(pick(ways, drawn(seed, 2, i)), afterRequestBytes(1 + Math.floor(drawn(seed, 3, i) * 400)))
    )
  )
  const accepted = Array.from({ length: requests / untagged }, (_, i) =>
    FaultScript.on(
      { connection: 1 + Math.floor(drawn(seed, 4, i) * (requests / 4)) },
      cut(pick([...ways, "stall"] as const, drawn(seed, 5, i)), FaultScript.atAccept)
    )
  )
  return [...accepted, ...early, ...faults.map(([tag, fault]) => FaultScript.on({ tag }, fault))]
}

/** The tag of an attempt, or none, by the share of attempts that meet a fault. */
export const tagOf = (share: number, ...numbers: ReadonlyArray<number>): string | undefined => {
  const by = drawn(...numbers)
  return by < share ? pick(faults, by / share)[0] : undefined
}
