/**
 * One endpoint: a listener on a loopback port, its connections, and the script they live under.
 */
import * as Net from "node:net"
import type * as Tls from "node:tls"
import type * as FaultConfig from "../FaultConfig.ts"
import type * as FaultScript from "../FaultScript.ts"
import type * as FaultTruth from "../FaultTruth.ts"
import * as Clock from "./clock.ts"
import type { Host } from "./connection.ts"
import { Connection } from "./connection.ts"
import type { Replier } from "./reply.ts"
import { makeReplier } from "./reply.ts"
import { Rules } from "./rules.ts"
import { plain, secure } from "./socket.ts"
import type { IdleLimit } from "./storm.ts"
import { Storm } from "./storm.ts"
import type { Keep } from "./truth.ts"
import { Recorder } from "./truth.ts"

/** What an endpoint is made from besides its configuration. */
export interface Surroundings {
  readonly keep: Keep
  /** Numbers the responses of the process. */
  readonly nextSerial: () => number
  /** Present on a TLS endpoint. */
  readonly secureContext: Tls.SecureContext | undefined
}

/** @see module documentation */
export class Endpoint implements Host {
  readonly config: FaultConfig.Endpoint
  readonly replier: Replier
  recorder: Recorder
  rules: Rules
  readonly #surroundings: Surroundings
  readonly #connections = new Set<Connection>()
  #storm: Storm | undefined

  constructor(config: FaultConfig.Endpoint, surroundings: Surroundings) {
    this.config = config
    this.#surroundings = surroundings
    this.replier = makeReplier(config, surroundings.nextSerial)
    this.recorder = new Recorder(surroundings.keep)
    this.rules = new Rules(config.script ?? [])
  }

  /** Listens, or holds a port without listening. `failed` gets what goes wrong at start. */
  listen(ready: (port: number) => void, failed: (cause: Error) => void): void {
    if (this.config.refuse === true) return holdPort(ready, failed)
    const server = Net.createServer({ allowHalfOpen: true, noDelay: true }, (raw) => this.#accept(raw))
    server.once("error", failed)
    server.listen({ port: this.config.port ?? 0, host: loopback, backlog: 1024 }, () => ready(portOf(server)))
  }

  /** Replaces the rules and begins a new truth; connections stay as they are. */
  setScript(script: FaultScript.Script): void {
    this.rules = new Rules(script)
    this.recorder = new Recorder(this.#surroundings.keep)
  }

  /** Back to the configuration: its script, a new truth, no storm; what is under way is cut with RST. */
  reset(): void {
    this.calm()
    for (const connection of this.#connections) connection.abort()
    this.setScript(this.config.script ?? [])
  }

  /** Begins a storm, from its first period. */
  arm(options: FaultConfig.Storm): void {
    this.calm()
    this.#storm = new Storm(options)
  }

  /** Ends the storm; limits that were dealt hold. */
  calm(): void {
    this.#storm?.stop()
    this.#storm = undefined
  }

  /** Closes every idle connection; `done` gets their number once every close has been handed to the kernel. */
  closeIdle(how: FaultScript.IdleHow, done: (closed: number) => void): void {
    const idle = Array.from(this.#connections).filter((connection) => connection.idle)
    let left = idle.length
    if (left === 0) return done(0)
    for (const connection of idle) {
      connection.closeIdle(how, () => {
        left -= 1
        if (left === 0) done(idle.length)
      })
    }
  }

  truth(): FaultTruth.Endpoint {
    return this.recorder.snapshot(this.#connections.size, this.config.refuse === true, this.#storm?.state())
  }

  idleLimit = (): IdleLimit | undefined => this.#storm?.deal()

  gone = (connection: Connection): void => {
    this.#connections.delete(connection)
  }

  #accept(raw: Net.Socket): void {
    const { secureContext } = this.#surroundings
    const record = this.recorder.connection(Clock.now(), false)
    const cut = this.rules.atAccept(record.id)
    const socket = secureContext === undefined || cut !== undefined ? plain(raw) : secure(raw, secureContext)
    const connection = new Connection(this, socket, record)
    this.#connections.add(connection)
    if (cut === undefined) return
    this.recorder.struck(cut._tag)
    connection.cut(cut.how)
    // A half-closed connection runs what still arrives, but without TLS nothing that arrives here can be read.
    if (secureContext !== undefined) connection.ignoreInput()
  }
}

/** The only address that anything here listens on. */
export const loopback = "127.0.0.1"

/** The port of a listening server. */
export const portOf = (server: Net.Server): number => {
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}

/**
 * Finds a port that refuses connections and keeps it that way: a connection of our own is bound to it, so that no other listener can be
 * given it, and it cannot happen that a client's own socket is given the port and connects to itself.
 */
const holdPort = (ready: (port: number) => void, failed: (cause: Error) => void): void => {
  const anchor = Net.createServer((socket) => socket.on("error", failed).resume())
  anchor.once("error", failed)
  anchor.listen({ port: 0, host: loopback }, () => {
    const holder = Net.connect({ port: portOf(anchor), host: loopback }, () => ready(holder.localPort ?? 0))
    holder.on("error", failed)
  })
}
