/** Connections that were made for HTTP/2 and speak HTTP/1.1: undici's next client for their origin takes them. */
import type { Connector } from "../connecting.ts"
import type { Connection } from "../connection.ts"
import type { ClientTrace } from "../tracedClient.ts"

// More than a client takes that is made for a request at hand.
const untakenMs = 1000

/** Connections that wait for a client. */
export class HandOver {
  private readonly waiting = new Map<Connection, NodeJS.Timeout>()

  put(connection: Connection): void {
    const timer = setTimeout(() => this.drop(connection), untakenMs).unref()
    this.waiting.set(connection, timer)
    connection.socket.once("close", () => this.drop(connection))
  }

  /** A connector that takes what waits for the origin before it makes another. */
  before(connector: Connector, origin: string, trace: ClientTrace): Connector {
    return (options, callback) => {
      const ready = this.take(origin)
      if (ready === undefined) return connector(options, callback)
      queueMicrotask(() => {
        if (ready.ended !== undefined || ready.socket.destroyed) return connector(options, callback)
        trace.connection = ready
        callback(null, ready.socket)
      })
    }
  }

  /** Closes what nobody took. */
  close(): void {
    for (const connection of this.waiting.keys()) this.drop(connection)
  }

  private take(origin: string): Connection | undefined {
    for (const [connection, timer] of this.waiting) {
      if (connection.site.origin !== origin) continue
      clearTimeout(timer)
      this.waiting.delete(connection)
      if (connection.ended === undefined && !connection.socket.destroyed) return connection
    }
    return undefined
  }

  private drop(connection: Connection): void {
    if (!this.waiting.has(connection)) return
    clearTimeout(this.waiting.get(connection))
    this.waiting.delete(connection)
    connection.note("local-abort")
    connection.socket.destroy()
  }
}
