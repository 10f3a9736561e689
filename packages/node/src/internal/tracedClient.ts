/**
 * undici's `Client`, one connection at a time, with what evidence needs: which connection it has or is making, and which
 * attempts wait for it. Only public API: a subclass that overrides `dispatch` and wraps the connector it is given.
 */
import type { Client, Dispatcher } from "undici"
import type { Attempt } from "./attempt.ts"
import type { Place } from "./carrier.ts"
import { codeOf } from "./codeOf.ts"
import type { Connector, TellingConnector } from "./connecting.ts"
import { Connecting } from "./connecting.ts"
import type { Observer, Site } from "./connection.ts"
import { Connection } from "./connection.ts"
import type { Sent } from "./pool.ts"
import type { Undici } from "./undici.ts"

/** The key under which dispatch options carry the attempt they belong to. */
export const attemptKey = Symbol("@holdfast/node/attempt")

/** Dispatch options of ours. */
export interface TracedOptions extends Dispatcher.DispatchOptions {
  readonly [attemptKey]: Attempt
}

/** Marks a request with the attempt it belongs to. What else is in it, undici does not read. */
export const trace = (sent: Sent, attempt: Attempt): TracedOptions => {
  sent[attemptKey] = attempt
  return sent as Sent & TracedOptions
}

/** What is known of one client's connection. */
export class ClientTrace implements Place {
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
  wrap(connector: TellingConnector): Connector {
    return (options, callback) => {
      const connecting = new Connecting(this.observer.now, options.hostname, options.protocol === "https:")
      this.connecting = connecting
      for (const attempt of this.waiting) attempt.connecting = connecting
      connecting.limitMs = this.limitMs()
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
        const socket: unknown = connector(options, settle, connecting)
        connecting.watch(socket)
      } catch (error) {
        // Options that `tls.connect` refuses.
        settle(error instanceof Error ? error : new Error("the connector failed", { cause: error }), null)
      }
    }
  }

  /** @see Place */
  enter(attempt: Attempt): void {
    this.waiting.add(attempt)
  }

  /** A connection that nobody else waits for need not be made. */
  leave(attempt: Attempt, error?: Error): void {
    this.waiting.delete(attempt)
    if (this.waiting.size === 0 && error !== undefined) this.connecting?.abandon(error)
  }

  private limitMs(): number | undefined {
    const limits = [...this.waiting].map((attempt) => attempt.limits.connectMs).filter((limitMs) => limitMs > 0)
    return limits.length === 0 ? undefined : Math.min(...limits)
  }

  private bound(connecting: Connecting): NodeJS.Timeout | undefined {
    if (connecting.limitMs === undefined) return undefined
    const expired = () => connecting.abandon(new this.undici.errors.ConnectTimeoutError())
    return setTimeout(expired, connecting.limitMs)
  }
}

type Result = Parameters<Parameters<Connector>[1]>

/**
 * A connector's error with one of these codes makes undici reconnect without end (measured), so it travels as the cause
 * of another.
 */
const unlessReconnecting = (result: Result): Result => {
  const [error] = result
  const code = codeOf(error)
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
        this.trace.connection?.prepare()
        options[attemptKey].assign(this.trace)
      }
      return super.dispatch(options, handler)
    }
  }

const isTraced = (options: Dispatcher.DispatchOptions): options is TracedOptions => attemptKey in options
