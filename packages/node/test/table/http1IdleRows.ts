/** HTTP/1.1: what a peer sends on a connection while it is idle, and how that meets the next request. */
import type { IdleHow } from "@holdfast/testing/FaultScript"
import * as FaultScript from "@holdfast/testing/FaultScript"
import { afterBusyLoop, idleMs, places } from "./afterBusyLoop.ts"
import type { Answers, Row } from "./row.ts"
import { cutShort, fresh, ranOnce, reused } from "./row.ts"
import type { Reply } from "./scenes.ts"
import { pieces, raw, scripted } from "./scenes.ts"

const whole: Answers = { status: 200, text: "whole", next: "reused" }

const arrivals: ReadonlyArray<readonly [string, IdleHow]> = [
  ["FIN", "fin"],
  ["FIN of a half-open server", "half-fin"],
  ["RST", "reset"],
  ["408+FIN", "408"],
  ["unsolicited 200", "200"]
]

/** A close that arrives while this process's event loop stands still, and the request from where it then goes on. */
const idle: ReadonlyArray<Row> = arrivals.flatMap(([what, how]) =>
  places.map((place): Row => ({
    says: `idle: ${what} during a busy loop, then the request from ${place.says}`,
    scene: scripted((_, before) => [FaultScript.on({ tag: before }, FaultScript.idleClose(how, idleMs))], {
      attempt: afterBusyLoop(place)
    }),
    cells: reused.filter(({ streaming }) => !streaming),
    starts: 1,
    expected: { ...whole, on: "fresh" },
    server: ranOnce
  }))
)

/** An answer that the server sends before it has the request. */
const unasked = (line: string): Reply => ({
  write: `HTTP/1.1 ${line}\r\ncontent-length: 4\r\n\r\nfine`,
  ends: "open",
  at: "head"
})

const crossing: ReadonlyArray<Row> = [
  {
    says: "408 that crosses a request on a reused connection",
    scene: raw(unasked("408 Request Timeout"), { asked: () => ({ body: pieces() }) }),
    cells: reused,
    starts: 1,
    expected: {
      reason: { _tag: "StaleConnection", how: "early-answer" },
      judged: "Ambiguous begun-not-exposed",
      phase: "responding",
      closed: "local-abort"
    },
    server: cutShort
  },
  {
    says: "408 to a request on a fresh connection",
    scene: raw(unasked("408 Request Timeout"), { asked: () => ({ body: pieces() }) }),
    cells: fresh,
    starts: 1,
    expected: { status: 408, text: "whole", judged: "Ambiguous answered-with-error", next: "fresh" },
    server: cutShort
  },
  {
    // The exception: without a round trip to measure by, nothing tells it from an early answer to this request.
    says: "unsolicited 200 that crosses a request on loopback is taken for its answer",
    scene: raw(unasked("200 OK"), { asked: () => ({ body: pieces() }) }),
    cells: reused,
    starts: 1,
    expected: { ...whole, next: "fresh" },
    server: cutShort
  }
]

export const rows: ReadonlyArray<Row> = [...idle, ...crossing]
