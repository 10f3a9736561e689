import { EventEmitter } from "node:events"
import type * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Undici from "undici"
import type { Dispatcher } from "undici"
import { vi } from "vitest"
import { Attempt, wholeLimit } from "../src/internal/attempt.ts"
import { Connection, newSite } from "../src/internal/connection.ts"
import { ClientTrace } from "../src/internal/tracedClient.ts"

/** What undici gives a handler, as far as an attempt uses it. */
const fakeController = () => {
  const controller = {
    paused: false,
    reasons: [] as Array<Error>,
    pause: () => {
      controller.paused = true
    },
    resume: () => {
      controller.paused = false
    },
    abort: (reason: Error) => {
      controller.reasons.push(reason)
    }
  }
  return controller
}

const asController = (controller: ReturnType<typeof fakeController>) =>
  controller as unknown as Dispatcher.DispatchController

interface Setting {
  readonly requestsServed?: number
  readonly handshakeMs?: number
}

/** An attempt that has started on a connection to a peer some way off. */
const started = ({ handshakeMs = 40, requestsServed = 0 }: Setting = {}) => {
  const clock = { now: 0 }
  const observer = { now: () => clock.now, opened: () => undefined, closed: () => undefined }
  const socket = Object.assign(new EventEmitter(), {
    remoteAddress: "203.0.113.7",
    bytesWritten: 1000,
    bytesRead: 2000,
    writableLength: 0,
    writableNeedDrain: false,
    destroyed: false
  })
  const site = newSite("https://api.example.com", observer)
  const connection = new Connection(socket as unknown as Net.Socket, site, { connectMs: 90, handshakeMs }, observer)
  connection.requestsServed = requestsServed
  const trace = new ClientTrace(Undici, site, observer)
  trace.connection = connection
  const attempt = new Attempt(TimeLimits.defaults, observer.now, true)
  const controller = fakeController()
  attempt.assign(trace)
  clock.now = 500
  attempt.onRequestStart(asController(controller))
  return { attempt, clock, connection, controller, socket, respond: respondOn(attempt, controller) }
}

const respondOn = (attempt: Attempt, controller: ReturnType<typeof fakeController>) => ({
  head: (status: number) => attempt.onResponseStart(asController(controller), status, {}),
  data: (bytes: number) => attempt.onResponseData(asController(controller), Buffer.alloc(bytes))
})

describe("an attempt on a connection", () => {
  it.each([200, 503])("takes a %d sooner than the way there and back for none of its own", (status) => {
    const { attempt, clock, controller, respond } = started({ requestsServed: 1 })
    clock.now += 19
    respond.head(status)
    assert.isTrue(attempt.answeredEarly)
    assert.isUndefined(attempt.status)
    assert.strictEqual(controller.reasons.length, 1)
    assert.deepInclude(attempt.evidence(), { closed: "local-abort" })
  })

  it("takes one that comes later, or that comes on a fresh connection, for its own", () => {
    for (const [requestsServed, afterMs] of [
      [1, 20],
      [0, 0]
    ] as const) {
      const { attempt, clock, controller, respond } = started({ requestsServed })
      clock.now += afterMs
      respond.head(200)
      assert.isFalse(attempt.answeredEarly)
      assert.strictEqual(attempt.status, 200)
      assert.deepStrictEqual(controller.reasons, [])
    }
  })

  it("is not sent a second time, whoever means to", () => {
    const { attempt, controller } = started()
    const again = fakeController()
    attempt.onRequestStart(asController(again))
    assert.strictEqual(again.reasons.length, 1)
    assert.deepStrictEqual(controller.reasons, [])
  })

  it("is not sent at all once it was given up", () => {
    const attempt = new Attempt(TimeLimits.defaults, () => 0, true)
    const reason = new Error("interrupted")
    attempt.abort(reason)
    assert.throws(() => attempt.onRequestStart(asController(fakeController())), reason.message)
    assert.deepStrictEqual(attempt.ending, { _tag: "Broken", error: reason })
  })

  it("knows how long its connection had idled, even where it never started on it", () => {
    const { attempt, clock, connection } = started({ requestsServed: 1 })
    assert.strictEqual(attempt.idleMs, 500)
    connection.finish(true)
    const trace = new ClientTrace(Undici, connection.site, {
      now: () => 0,
      opened: () => undefined,
      closed: () => undefined
    })
    trace.connection = connection
    const waiting = new Attempt(TimeLimits.defaults, () => clock.now + 700, true)
    assert.strictEqual(waiting.idleMs, 0)
    waiting.assign(trace)
    assert.strictEqual(waiting.idleMs, 700)
    assert.notProperty(waiting.evidence(), "connection")
  })

  it("sends until its socket has passed everything on", async () => {
    const { attempt, socket } = started()
    assert.deepInclude(attempt.evidence(), { phase: "sending" })
    Object.assign(socket, { writableLength: 5_000_000, writableNeedDrain: true })
    attempt.onRequestSent()
    assert.deepInclude(attempt.evidence(), { phase: "sending" })
    Object.assign(socket, { writableLength: 0, writableNeedDrain: false })
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepInclude(attempt.evidence(), { phase: "waiting" })
  })

  it("was still sending, for all that is known, when its socket died with something in it", () => {
    const { attempt, controller, socket } = started()
    Object.assign(socket, { writableLength: 5_000_000, writableNeedDrain: true })
    attempt.onRequestSent()
    Object.assign(socket, { writableLength: 0, destroyed: true })
    attempt.onResponseError(asController(controller), new Error("reset"))
    socket.emit("drain")
    assert.deepInclude(attempt.evidence(), { phase: "sending" })
  })

  it.each([
    ["kept where only the news of it was late", 0, undefined],
    ["not used again where it is still to be written", 700, "local-abort"]
  ] as const)("whose answer came before its request was written has its connection %s", async (_, left, ended) => {
    const { attempt, connection, controller, respond, socket } = started()
    let destroyed = 0
    Object.assign(socket, { destroy: () => destroyed++, writableLength: 700 })
    respond.head(200)
    attempt.onResponseEnd()
    assert.isUndefined(connection.ended)
    socket.writableLength = left
    await new Promise((resolve) => setImmediate(resolve))
    assert.strictEqual(connection.ended, ended)
    assert.strictEqual(destroyed, ended === undefined ? 0 : 1)
    assert.deepStrictEqual(controller.reasons, [])
  })

  it("counts its own bytes, and stops when it ends", () => {
    const { attempt, connection, respond, socket } = started({ requestsServed: 3, handshakeMs: 1 })
    Object.assign(socket, { bytesWritten: 1300, bytesRead: 2070 })
    respond.head(200)
    attempt.onResponseEnd()
    Object.assign(socket, { bytesWritten: 9000, bytesRead: 9000 })
    assert.deepInclude(attempt.evidence(), { bytesWritten: 300, bytesRead: 70, phase: "responding", status: 200 })
    assert.strictEqual(connection.requestsServed, 4)
  })

  it("holds the socket back above 64 KiB that nobody has taken, and not where the whole is wanted", () => {
    const { attempt, controller, respond } = started()
    respond.head(200)
    respond.data(64 * 1024)
    assert.isFalse(controller.paused)
    respond.data(1)
    assert.isTrue(controller.paused)
    assert.strictEqual(attempt.take().length, 2)
    assert.isFalse(controller.paused)
    respond.data(65 * 1024)
    assert.isTrue(controller.paused)
    attempt.collect()
    assert.isFalse(controller.paused)
    respond.data(1024 * 1024)
    assert.isFalse(controller.paused)
  })

  it("keeps an answer that is wanted whole up to 64 MiB, and ends one that goes on with nothing kept", () => {
    assert.strictEqual(wholeLimit, 64 * 1024 * 1024)
    const { attempt, connection, controller, respond } = started()
    respond.head(200)
    respond.data(1024)
    attempt.collect()
    respond.data(wholeLimit - 1024)
    assert.deepStrictEqual(controller.reasons, [])
    assert.isFalse(attempt.oversized)
    respond.data(1)
    assert.isTrue(attempt.oversized)
    assert.strictEqual(controller.reasons.length, 1)
    assert.strictEqual(connection.ended, "local-abort")
    assert.deepStrictEqual(attempt.take(), [])
  })

  it("reads what is left of a discarded answer for nothing, up to a size and a time", () => {
    vi.useFakeTimers()
    const long = started()
    long.respond.head(200)
    long.attempt.discard()
    long.attempt.release()
    long.respond.data(64 * 1024)
    assert.deepStrictEqual(long.controller.reasons, [])
    assert.deepStrictEqual(long.attempt.take(), [])
    long.respond.data(1)
    assert.strictEqual(long.controller.reasons.length, 1)

    const slow = started()
    slow.respond.head(200)
    slow.attempt.discard()
    vi.advanceTimersByTime(999)
    assert.deepStrictEqual(slow.controller.reasons, [])
    vi.advanceTimersByTime(1)
    assert.strictEqual(slow.controller.reasons.length, 1)

    const short = started()
    short.respond.head(200)
    short.attempt.discard()
    short.attempt.onResponseEnd()
    vi.advanceTimersByTime(2000)
    assert.deepStrictEqual(short.controller.reasons, [])
    vi.useRealTimers()
  })

  it("is ended on the wire by its scope where nobody discarded it", () => {
    const { attempt, connection, controller, respond } = started()
    respond.head(200)
    attempt.release()
    assert.strictEqual(controller.reasons.length, 1)
    assert.strictEqual(connection.ended, "local-abort")
  })

  it("says nothing but its status where the dispatcher is not watched", () => {
    const attempt = new Attempt(TimeLimits.defaults, () => 0, false)
    const controller = fakeController()
    assert.deepStrictEqual(attempt.evidence(), { _tag: "Unknown" })
    attempt.onRequestStart(asController(controller))
    attempt.onRequestSent()
    respondOn(attempt, controller).head(200)
    assert.deepStrictEqual(attempt.evidence(), { _tag: "Unknown", status: 200 })
  })
})
