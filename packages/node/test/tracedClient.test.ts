import { EventEmitter } from "node:events"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Undici from "undici"
import { vi } from "vitest"
import { Attempt } from "../src/internal/attempt.ts"
import type { Connector } from "../src/internal/connecting.ts"
import { newSite } from "../src/internal/connection.ts"
import { ClientTrace } from "../src/internal/tracedClient.ts"

const observer = { now: () => 0, opened: () => undefined, closed: () => undefined }
const options = { hostname: "api.example.com", protocol: "https:", port: "" }

const limits = (connect: "3 seconds" | "5 seconds" | false): TimeLimits.Resolved => TimeLimits.resolve({ connect })

const traced = () => new ClientTrace(Undici, newSite("https://api.example.com", observer), observer)

/** Connects through a connector, and gives what undici is told. */
const connect = (trace: ClientTrace, connector: Connector): Promise<Error | Net.Socket> =>
  new Promise((resolve) => {
    trace.wrap(connector)(options, (...[error, socket]) => resolve(error ?? socket ?? new Error("neither")))
  })

/** An attempt whose connection is being made over a socket that a test drives. */
const making = () => {
  const trace = traced()
  const attempt = new Attempt(limits(false), observer.now, true)
  const socket = new Net.Socket()
  const phase = () => {
    const evidence = attempt.evidence()
    return evidence._tag === "Observed" ? evidence.phase : undefined
  }
  const before = phase()
  attempt.assign(trace)
  void connect(trace, (() => socket) as unknown as Connector)
  return { before, phase, socket }
}

describe("the connector of a client", () => {
  it.each(["UND_ERR_SOCKET", "UND_ERR_INFO"])(
    "hides the code %s, at which undici would connect again without end",
    async (code) => {
      const original = Object.assign(new Error("x"), { code })
      const error = await connect(traced(), (_, callback) => callback(original, null))
      assert.propertyVal(error, "code", "ECONNRESET")
      assert.propertyVal(error, "cause", original)
    }
  )

  it("passes any other error on as it is", async () => {
    const original = Object.assign(new Error("x"), { code: "ECONNREFUSED" })
    assert.strictEqual(await connect(traced(), (_, callback) => callback(original, null)), original)
  })

  it("turns what throws into an error of the connection, and leaves no timer", async () => {
    vi.useFakeTimers()
    const trace = traced()
    new Attempt(limits("3 seconds"), observer.now, true).assign(trace)
    const error = await connect(trace, () => {
      throw new TypeError("no such option")
    })
    assert.instanceOf(error, TypeError)
    assert.strictEqual(vi.getTimerCount(), 0)
    assert.isUndefined(trace.connecting)
    vi.useRealTimers()
  })

  it("is bounded by the shortest limit of those who wait, and by none where none has one", async () => {
    vi.useFakeTimers()
    const trace = traced()
    const socket = new Net.Socket()
    const silent = (_: unknown, callback: (error: Error, socket: null) => void): Net.Socket => {
      socket.on("error", (error) => callback(error, null))
      return socket
    }
    for (const limit of ["5 seconds", "3 seconds", false] as const) {
      new Attempt(limits(limit), observer.now, true).assign(trace)
    }
    const ended = connect(trace, silent as unknown as Connector)
    await vi.advanceTimersByTimeAsync(2999)
    assert.isFalse(socket.destroyed)
    await vi.advanceTimersByTimeAsync(1)
    assert.instanceOf(await ended, Undici.errors.ConnectTimeoutError)

    const free = traced()
    new Attempt(limits(false), observer.now, true).assign(free)
    void connect(free, () => undefined)
    assert.strictEqual(vi.getTimerCount(), 0)
    vi.useRealTimers()
  })

  it("follows look-up, connect and handshake", () => {
    const { before, phase, socket } = making()
    assert.strictEqual(before, "queued")
    assert.strictEqual(phase(), "resolving")
    socket.emit("lookup", null, "192.0.2.1", 4, "api.example.com")
    assert.strictEqual(phase(), "connecting")
    socket.emit("connect")
    assert.strictEqual(phase(), "securing")
  })

  it("is still resolving where the look-up failed", () => {
    const { phase, socket } = making()
    socket.emit("lookup", new Error("not found"))
    assert.strictEqual(phase(), "resolving")
  })

  it("is still resolving, for all that is known, where it gives no socket to follow", () => {
    const trace = traced()
    const attempt = new Attempt(limits(false), observer.now, true)
    attempt.assign(trace)
    void connect(trace, (() => new EventEmitter()) as unknown as Connector)
    assert.deepInclude(attempt.evidence(), { phase: "resolving" })
  })

  it("is given up with the last attempt that waits for it", async () => {
    const trace = traced()
    const [first, second] = [0, 1].map(() => new Attempt(limits(false), observer.now, true))
    if (first === undefined || second === undefined) return
    first.assign(trace)
    second.assign(trace)
    const socket = new Net.Socket().on("error", () => undefined)
    void connect(trace, (() => socket) as unknown as Connector)
    first.abort(new Error("first"))
    assert.isFalse(socket.destroyed)
    second.abort(new Error("second"))
    assert.isTrue(socket.destroyed)
    assert.deepInclude(second.evidence(), { phase: "resolving" })
  })
})
