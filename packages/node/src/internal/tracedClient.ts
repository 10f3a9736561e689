/**
 * undici's `Client`, one connection at a time, with what evidence needs: which connection it has or is making, and which
 * attempts wait for it. Only public API: a subclass that overrides `dispatch` and wraps the connector it is given.
 */
import type { Client, Dispatcher } from "undici"
import type { Attempt } from "./attempt.ts"
import type { Connector } from "./connecting.ts"
import { Connecting } from "./connecting.ts"
import type { Observer, Site } from "./connection.ts"
import { Connection } from "./connection.ts"
import type { Undici } from "./undici.ts"

/** The key under which dispatch options carry the attempt they belong to. */
export const attemptKey = Symbol("@holdfast/node/attempt")

/** Dispatch options of ours. */
export interface TracedOptions extends Dispatcher.DispatchOptions {
  readonly [attemptKey]: Attempt
}

/** What is known of one client's connection. */
export class ClientTrace {
  connection: Connection | undefined
  connecting: Connecting | undefined
  /** Attempts handed to the client that have not started. */
  readonly waiting = new Set<Attempt>()
  private readonly undici: Undici
  private readonly site: Site
  private readonly observer: Observer

  constructor(undici: Undici, site: Site, observer: Observer) {
    this.undici = undici
    this.site = site
    this.observer = observer
  }

  /** Wraps a connector: every connection it makes is watched, and its making bounded by those who wait for it. */
  wrap(connector: Connector): Connector {
    return (options, callback) => {
      const connecting = new Connecting(this.observer.now, options.hostname, options.protocol === "https:")
      this.connecting = connecting
      for (const attempt of this.waiting) attempt.connecting = connecting
      const timer = this.bound(connecting)
      const settle = (...result: Result) => {
        clearTimeout(timer)
        this.connecting = undefined
        const [error, established] = result
        if (error === null) this.connection = new Connection(established, this.site, connecting.made, this.observer)
        callback(...unlessReconnecting(result))
      }
      try {
        // The type of connectors returns nothing; undici's own returns the socket.
        const socket: unknown = connector(options, settle)
        connecting.watch(socket)
      } catch (error) {
        // Options that `tls.connect` refuses.
        settle(error instanceof Error ? error : new Error("the connector failed", { cause: error }), null)
      }
    }
  }

  private bound(connecting: Connecting): NodeJS.Timeout | undefined {
    const limits = [...this.waiting].map((attempt) => attempt.limits.connectMs).filter((limitMs) => limitMs > 0)
    if (limits.length === 0) return undefined
    const expired = () => connecting.abandon(new this.undici.errors.ConnectTimeoutError())
    return setTimeout(expired, Math.min(...limits))
  }
}

type Result = Parameters<Parameters<Connector>[1]>

/**
 * A connector's error with one of these codes makes undici reconnect without end (measured), so it travels as the cause
 * of another.
 */
const unlessReconnecting = (result: Result): Result => {
  const [error] = result
  const code = error !== null && "code" in error ? error.code : undefined
  if (code !== "UND_ERR_SOCKET" && code !== "UND_ERR_INFO") return result
  return [Object.assign(new Error("the connection could not be made", { cause: error }), { code: "ECONNRESET" }), null]
}

/** Makes the class; undici is loaded when the first pool is. */
export const makeClass = (undici: Undici): new (origin: URL, options: Client.Options, trace: ClientTrace) => Client =>
  class TracedClient extends undici.Client {
    readonly trace: ClientTrace

    constructor(origin: URL, options: Client.Options, trace: ClientTrace) {
      super(origin, options)
      this.trace = trace
    }

    override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      if (isTraced(options)) {
        // Given up while it waited in the pool's queue, from which nothing can be taken.
        if (options[attemptKey].ending !== undefined) return true
        options[attemptKey].assign(this.trace)
      }
      return super.dispatch(options, handler)
    }
  }

const isTraced = (options: Dispatcher.DispatchOptions): options is TracedOptions => attemptKey in options
