import { EventEmitter } from "node:events"
import type * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Undici from "undici"
import type { Ended, Observer } from "../src/internal/connection.ts"
import { Connection, newSite } from "../src/internal/connection.ts"

/** A socket that does nothing but emit. */
const fakeSocket = (remoteAddress = "203.0.113.7") =>
  Object.assign(new EventEmitter(), { remoteAddress }) as unknown as Net.Socket

const watched = (remoteAddress?: string) => {
  const clock = { now: 1000 }
  const closed: Array<{ readonly ended: Ended | undefined; readonly wasIdle: boolean }> = []
  const observer: Observer = {
    now: () => clock.now,
    opened: () => undefined,
    closed: ({ ended, wasIdle }) => closed.push({ ended, wasIdle })
  }
  const site = newSite("https://api.example.com", observer)
  const connection = new Connection(fakeSocket(remoteAddress), site, { connectMs: 60, handshakeMs: 30 }, observer)
  return { clock, closed, connection, site }
}

const coded = (code: string): Error => Object.assign(new Error("x"), { code })

describe("a connection", () => {
  it.each([
    ["a FIN", [["end"]], "peer-fin"],
    ["a FIN, upon which undici destroys it", [["end"], ["error", new Undici.errors.SocketError("closed")]], "peer-fin"],
    ["a reset", [["error", coded("ECONNRESET")]], "peer-reset"],
    ["a write to a peer that is gone", [["error", coded("EPIPE")]], "peer-reset"],
    ["a network that gave up", [["error", coded("ETIMEDOUT")]], "peer-reset"],
    ["the limit for the head", [["error", new Undici.errors.HeadersTimeoutError()]], "local-limit"],
    ["the limit for the body", [["error", new Undici.errors.BodyTimeoutError()]], "local-limit"],
    ["the limit for idling", [["error", new Undici.errors.InformationalError("socket idle timeout")]], "local-limit"],
    ["an answer with connection: close", [["error", new Undici.errors.InformationalError("reset")]], "agreed"],
    ["our abort", [["error", new Undici.errors.InformationalError("aborted")]], "local-abort"],
    ["bytes that nobody asked for", [["error", new Undici.errors.SocketError("bad response")]], "local-abort"],
    ["an answer that cannot be read", [["error", new Undici.errors.HTTPParserError("x")]], "local-abort"],
    ["a close without a word", [], "local-abort"],
    ["a reset after a FIN", [["end"], ["error", coded("ECONNRESET")]], "peer-fin"]
  ] as const)("is ended by who came first: %s", (_, events, ended) => {
    const { closed, connection } = watched()
    for (const [event, ...args] of events) connection.socket.emit(event, ...args)
    connection.socket.emit("close")
    assert.deepStrictEqual(closed, [{ ended, wasIdle: false }])
  })

  it("is idle between requests that were answered, and its site counts it", () => {
    const { clock, closed, connection, site } = watched()
    assert.strictEqual(site.idle, 0)
    connection.start(1000, 0)
    clock.now = 1500
    connection.finish(true)
    assert.deepStrictEqual([site.idle, connection.requestsServed, connection.idleSince], [1, 1, 1500])
    connection.start(1000, 0)
    assert.strictEqual(site.idle, 0)
    connection.finish(true)
    connection.socket.emit("end")
    connection.socket.emit("close")
    assert.deepStrictEqual(closed, [{ ended: "peer-fin", wasIdle: true }])
    assert.strictEqual(site.idle, 0)
  })

  it("is not idle after a request that broke, for it goes with it", () => {
    const { closed, connection, site } = watched()
    connection.start(1000, 0)
    connection.finish(false)
    assert.deepStrictEqual([site.idle, connection.requestsServed], [0, 0])
    connection.socket.emit("close")
    assert.deepStrictEqual(closed, [{ ended: "local-abort", wasIdle: false }])
  })

  it("is not idle where its answer ended with it", () => {
    const { connection, site } = watched()
    connection.start(1000, 0)
    connection.socket.emit("close")
    connection.finish(true)
    assert.strictEqual(site.idle, 0)
  })

  it("tells its site the shortest handshake, which on this machine tells nothing", () => {
    const { site } = watched()
    assert.strictEqual(site.roundTripMs, 30)
    for (const address of ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"]) {
      assert.strictEqual(watched(address).site.roundTripMs, 0)
    }
    const observer = { now: () => 0, opened: () => undefined, closed: () => undefined }
    for (const handshakeMs of [50, 20, 40])
      void new Connection(fakeSocket(), site, { connectMs: 0, handshakeMs }, observer)
    assert.strictEqual(site.roundTripMs, 20)
  })
})
