import { EventEmitter } from "node:events"
import type * as Net from "node:net"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as Undici from "undici"
import { vi } from "vitest"
import type { Observer, Site } from "../src/internal/connection.ts"
import { Connection, newSite } from "../src/internal/connection.ts"
import type { InForce } from "../src/internal/idle/idling.ts"

const minute = 60_000

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTime(ms)

/** A socket that does nothing but count and close. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress = "127.0.0.1"
  bytesRead = 0
  destroyed = false

  destroy(): void {
    this.destroyed = true
    this.emit("close")
  }
}

interface Opened {
  readonly connection: Connection
  readonly socket: FakeSocket
}

const serve = ({ connection, socket }: Opened): void => {
  connection.start(Date.now(), socket.bytesRead)
  socket.bytesRead += 100
  connection.finish(true)
}

const origin = (keeping: { readonly keepAliveMs?: number; readonly learnIdleLimit?: boolean } = {}) => {
  const changes: Array<readonly [before: number | undefined, after: number | undefined]> = []
  const observer: Observer = {
    now: () => Date.now(),
    opened: () => undefined,
    closed: () => undefined,
    idleLimit: (_: Site, limit: InForce | undefined, before: InForce | undefined) =>
      changes.push([before?.limitMs, limit?.limitMs])
  }
  const site = newSite("https://api.example.com", observer, { keepAliveMs: 60_000, learnIdleLimit: true, ...keeping })
  const open = (): Opened => {
    const socket = new FakeSocket()
    const made = { connectMs: 0, handshakeMs: 0 }
    return { connection: new Connection(socket as unknown as Net.Socket, site, made, observer), socket }
  }
  /** A connection that has served a request. */
  const used = (): Opened => {
    const opened = open()
    serve(opened)
    return opened
  }
  /** The server closes a connection that has been idle. */
  const closedAfter = (idleMs: number, how: (socket: FakeSocket) => void = fin): void => {
    const { socket } = used()
    pass(idleMs)
    how(socket)
  }
  const learn = (limitMs: number) => {
    for (const _ of [1, 2, 3]) closedAfter(limitMs)
  }
  return { changes, closedAfter, learn, open, site, used, limit: () => site.idling.learnt?.limitMs }
}

const fin = (socket: FakeSocket): void => {
  socket.emit("end")
  socket.destroy()
}

const finAndError = (socket: FakeSocket): void => {
  socket.emit("end")
  socket.emit("error", new Undici.errors.SocketError("other side closed"))
  socket.destroy()
}

const reset = (socket: FakeSocket): void => {
  socket.emit("error", Object.assign(new Error("x"), { code: "ECONNRESET" }))
  socket.destroy()
}

describe("an origin's connections", () => {
  it("are closed before the server closes them, once it has been seen to three times", () => {
    const { changes, closedAfter, limit, used } = origin()
    closedAfter(1000)
    closedAfter(1001, reset)
    assert.isUndefined(limit())
    closedAfter(1004)
    assert.strictEqual(limit(), 1000)
    assert.deepStrictEqual(changes, [[undefined, 1000]])
    const { connection, socket } = used()
    pass(900)
    assert.isFalse(socket.destroyed)
    pass(2)
    assert.isTrue(socket.destroyed)
    assert.deepInclude(connection, { ended: "local-limit", wasIdle: false })
  })

  it("are closed too where they were idle when the limit was learnt", () => {
    const { closedAfter, used } = origin()
    closedAfter(1000)
    closedAfter(1000)
    const { socket } = used()
    const other = used()
    pass(1000)
    fin(socket)
    assert.isFalse(other.socket.destroyed)
    pass(1)
    assert.isTrue(other.socket.destroyed)
  })

  it("have no timer before there is a limit, and after that one each, however many requests they serve", () => {
    const { learn, used } = origin()
    const first = used()
    assert.strictEqual(vi.getTimerCount(), 0)
    fin(first.socket)
    learn(1000)
    const setting = vi.spyOn(globalThis, "setTimeout")
    const opened = used()
    for (let n = 0; n < 100; n++) serve(opened)
    assert.deepStrictEqual([vi.getTimerCount(), setting.mock.calls.length], [1, 1])
    pass(500)
    serve(opened)
    // The timer comes, finds it was used, and is set for the rest.
    pass(402)
    assert.isFalse(opened.socket.destroyed)
    assert.strictEqual(setting.mock.calls.length, 2)
    pass(498)
    assert.isFalse(opened.socket.destroyed)
    pass(2)
    assert.isTrue(opened.socket.destroyed)
    assert.strictEqual(vi.getTimerCount(), 0)
  })

  it("are not closed with a request on them", () => {
    const { learn, open } = origin()
    learn(1000)
    const { connection, socket } = open()
    connection.start(Date.now(), 0)
    connection.finish(true)
    pass(500)
    connection.start(Date.now(), 0)
    pass(5000)
    assert.isFalse(socket.destroyed)
    assert.strictEqual(vi.getTimerCount(), 0)
    connection.finish(true)
    pass(902)
    assert.isTrue(socket.destroyed)
  })

  it("are closed before a request would go on one that is over the limit, be the timer late", () => {
    const { learn, used } = origin()
    learn(1000)
    const { connection, socket } = used()
    vi.setSystemTime(Date.now() + 900)
    connection.prepare()
    assert.isFalse(socket.destroyed)
    vi.setSystemTime(Date.now() + 1)
    connection.prepare()
    assert.isTrue(socket.destroyed)
    assert.strictEqual(connection.ended, "local-limit")
    assert.strictEqual(vi.getTimerCount(), 0)
  })

  it("are never kept longer than the pool's own limit", () => {
    const { learn, used } = origin({ keepAliveMs: 500 })
    const before = used()
    pass(501)
    before.connection.prepare()
    assert.isTrue(before.socket.destroyed)
    learn(2000)
    const { connection, socket } = used()
    pass(500)
    connection.prepare()
    assert.isFalse(socket.destroyed)
    pass(1)
    connection.prepare()
    assert.isTrue(socket.destroyed)
  })

  it("are left alone where nothing is to be learnt", () => {
    const { learn, limit } = origin({ learnIdleLimit: false })
    learn(1000)
    assert.isUndefined(limit())
  })
})

/** Three of them in about the same way. */
const after = (close: (made: ReturnType<typeof origin>) => void): number | undefined => {
  const made = origin()
  for (const _ of [1, 2, 3]) {
    close(made)
    pass(500)
  }
  return made.limit()
}

describe("a close is seen", () => {
  it("where a request was put on the connection at the same time, and nothing came back", () => {
    for (const how of [fin, reset]) {
      const limit = after(({ used }) => {
        const { connection, socket } = used()
        pass(1000)
        connection.start(Date.now(), socket.bytesRead)
        pass(20)
        how(socket)
        connection.finish(false)
      })
      assert.strictEqual(limit, 1000)
    }
  })

  it("where bytes came that nobody had asked for, as a 408 that announces the close", () => {
    const limit = after(({ used }) => {
      const { socket } = used()
      pass(1000)
      socket.emit("error", new Undici.errors.SocketError("bad response"))
      socket.destroy()
    })
    assert.strictEqual(limit, 1000)
  })

  it("once, where an error follows a FIN", () => {
    const { closedAfter, site } = origin()
    for (const _ of [1, 2, 3]) closedAfter(1000, finAndError)
    assert.strictEqual(site.idling.learnt?.observed, 3)
  })

  it("not within a request that was answered in part, nor in one that was long on its way", () => {
    for (const [bytes, laterMs] of [
      [1, 20],
      [0, 251]
    ] as const) {
      const limit = after(({ used }) => {
        const { connection, socket } = used()
        pass(1000)
        connection.start(Date.now(), socket.bytesRead)
        socket.bytesRead += bytes
        pass(laterMs)
        fin(socket)
        connection.finish(false)
      })
      assert.isUndefined(limit)
    }
  })

  it("not on a connection that has served nothing", () => {
    const limit = after(({ open }) => {
      const { connection, socket } = open()
      pass(1000)
      connection.start(Date.now(), 0)
      fin(socket)
      connection.finish(false)
    })
    assert.isUndefined(limit)
  })

  it("not where the server says how long it keeps connections", () => {
    const limit = after(({ used }) => {
      const { connection, socket } = used()
      connection.hinted = true
      pass(1000)
      fin(socket)
    })
    assert.isUndefined(limit)
  })

  it.each(["local-abort", "local-limit", "agreed"] as const)("not where it was no doing of the peer's: %s", (how) => {
    const limit = after(({ used }) => {
      const { connection, socket } = used()
      pass(1000)
      connection.note(how)
      socket.destroy()
    })
    assert.isUndefined(limit)
  })
})

const unconfirmed = (limitMs = 1000) => {
  const made = origin()
  made.learn(limitMs)
  pass(5 * minute + 1)
  return made
}

describe("a limit that has not been confirmed for long", () => {
  it("is outlived by one connection at a time, on which nothing is sent any more", () => {
    const { used } = unconfirmed()
    const [one, other] = [used(), used()]
    pass(1000)
    assert.deepStrictEqual([one.socket.destroyed, other.socket.destroyed], [false, true])
    one.connection.prepare()
    assert.isTrue(one.socket.destroyed)
    assert.strictEqual(vi.getTimerCount(), 0)
    // The next is let outlive it instead.
    const next = used()
    pass(1000)
    assert.isFalse(next.socket.destroyed)
  })

  it("is confirmed where the server closes that one", () => {
    const { changes, used, site } = unconfirmed()
    const { socket } = used()
    pass(1010)
    fin(socket)
    assert.strictEqual(site.idling.learnt?.observed, 4)
    const next = used()
    pass(902)
    assert.isTrue(next.socket.destroyed)
    assert.strictEqual(changes.length, 1)
  })

  it("is refuted where that one stays open, and forgotten", () => {
    const { changes, used, limit } = unconfirmed()
    const { connection, socket } = used()
    pass(1102)
    assert.isFalse(socket.destroyed)
    vi.advanceTimersToNextTimer()
    assert.isTrue(socket.destroyed)
    assert.strictEqual(connection.ended, "local-limit")
    assert.isUndefined(limit())
    assert.deepStrictEqual(changes, [
      [undefined, 1000],
      [1000, undefined]
    ])
  })

  it("is not refuted by a close that has arrived but is heard after the timer", () => {
    const { used, site } = unconfirmed()
    const { socket } = used()
    pass(1102)
    fin(socket)
    vi.runAllTimers()
    assert.deepInclude(site.idling.learnt, { limitMs: 1000, observed: 3 })
  })

  it("is forgotten after half an hour", () => {
    const { changes, limit, learn, used } = origin()
    learn(1000)
    pass(30 * minute - 3001)
    assert.strictEqual(limit(), 1000)
    pass(3001)
    const { connection, socket } = used()
    pass(2000)
    connection.prepare()
    assert.isFalse(socket.destroyed)
    assert.isUndefined(limit())
    assert.deepStrictEqual(changes[1], [1000, undefined])
  })
})

describe("a change of the limit", () => {
  it("is told of where it is more than closes of one limit differ by", () => {
    const { changes, closedAfter, learn, limit } = origin()
    learn(1000)
    pass(5 * minute + 1)
    closedAfter(960)
    assert.strictEqual(limit(), 960)
    for (const _ of [1, 2, 3]) closedAfter(400)
    assert.deepStrictEqual(changes, [
      [undefined, 1000],
      [960, 400]
    ])
  })
})
