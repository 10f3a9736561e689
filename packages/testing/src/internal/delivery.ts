/**
 * Writes a plan to a socket: one write after the other, each after its delay.
 */
import type * as Net from "node:net"
import * as Clock from "./clock.ts"
import type { Plan, Write } from "./plan.ts"

/** What a delivery reports. */
export interface Delivered {
  /** The bytes of a write have been handed to the kernel. */
  readonly sent: (write: Write, last: boolean) => void
  readonly finished: () => void
}

/** Begins a delivery and returns what stops it. A write that fails ends it silently: the socket then closes anyway. */
export const deliver = (stream: Net.Socket, { writes }: Plan, { finished, sent }: Delivered): (() => void) => {
  let timer: Clock.Timer | undefined
  let stopped = false
  const step = (index: number): void => {
    const write = writes[index]
    if (write === undefined) return finished()
    const send = (): void => {
      stream.write(write.text, "latin1", (error) => {
        if (error || stopped) return
        sent(write, index === writes.length - 1)
        step(index + 1)
      })
    }
    if (write.afterMs === 0) send()
    else timer = Clock.after(write.afterMs, send)
  }
  step(0)
  return () => {
    stopped = true
    Clock.cancel(timer)
  }
}
