/** The making of one connection for HTTP/2: up to the peer's settings, before which no request is put on it. */
import type { Connecting, TellingConnector } from "../connecting.ts"
import type { Connection, Observer, Site } from "../connection.ts"
import { ClientTrace } from "../tracedClient.ts"
import type { Undici } from "../undici.ts"
import { unusable } from "./failure.ts"
import type { Keeper } from "./session.ts"
import { Session } from "./session.ts"

/** How connections are made. */
export interface Dialling {
  readonly undici: Undici
  readonly connector: TellingConnector
  readonly site: Site
  readonly observer: Observer
  readonly keeper: Omit<Keeper, "ready">
}

/** What becomes of it. */
export interface Outcome {
  readonly session: (session: Session) => void
  /** The peer speaks HTTP/1.1, on this connection too. */
  readonly http1: (connection: Connection) => void
  readonly failed: (error: Error) => void
}

/** A connection in the making. */
export class Dial {
  readonly connecting: Connecting | undefined
  private readonly dialling: Dialling
  private readonly outcome: Outcome
  private session: Session | undefined
  private over = false

  constructor(dialling: Dialling, limitMs: number | undefined, outcome: Outcome) {
    this.dialling = dialling
    this.outcome = outcome
    const { connector, observer, site, undici } = dialling
    const trace = new ClientTrace(undici, site, observer)
    const { host, hostname, port, protocol } = new URL(site.origin)
    const options = { host, hostname: hostname.replace(/^\[|\]$/g, ""), port, protocol }
    const telling: TellingConnector = (options, callback, connecting) => {
      // Each of those who wait has a limit of its own; the connector is to know how long it may try each address.
      connecting.limitMs = limitMs
      return connector(options, callback, connecting)
    }
    trace.wrap(telling)(options, (...[error]) => {
      if (error !== null || trace.connection === undefined) return this.fail(error ?? unusable(undefined))
      this.onConnection(trace.connection)
    })
    this.connecting = trace.connecting
  }

  /** Nobody waits for it any more. */
  abandon(error: Error): void {
    if (this.over) return
    this.connecting?.abandon(error)
    this.session?.destroy("local-abort", error)
  }

  private onConnection(connection: Connection): void {
    const { keeper, site } = this.dialling
    const { socket } = connection
    if (!("alpnProtocol" in socket) || socket.alpnProtocol !== "h2") {
      this.over = true
      return this.outcome.http1(connection)
    }
    const ready = (session: Session) => {
      this.over = true
      this.outcome.session(session)
    }
    const leaving = (session: Session) => {
      keeper.leaving(session)
      if (!this.over) session.destroy("local-abort", unusable(session.error))
    }
    const gone = (session: Session) => {
      keeper.gone(session)
      this.fail(unusable(session.error))
    }
    this.session = new Session(site.origin, connection, { ...keeper, ready, leaving, gone })
  }

  private fail(error: Error): void {
    if (this.over) return
    this.over = true
    this.outcome.failed(error)
  }
}
