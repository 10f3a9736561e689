/**
 * Keeps the truth of one endpoint, from the moment its script was set. A new script gets a new recorder; what is still under way under an
 * old one is no longer seen.
 */
import type * as FaultTruth from "../FaultTruth.ts"
import * as Clock from "./clock.ts"

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

/** The record of a request while it is being received and answered. */
export type RequestRecord = Mutable<FaultTruth.Request>

/** The record of an open connection. */
export type ConnectionRecord = Mutable<Omit<FaultTruth.Connection, "requests">> & {
  readonly requests: Array<RequestRecord>
}

/** How much is kept. */
export type Keep = "full" | "counts" | "bytes"

/** Records one endpoint. */
export class Recorder {
  readonly runs = new Map<string, number>()
  readonly #keep: Keep
  readonly #connections: Array<ConnectionRecord> = []
  readonly #requestsOn = new WeakMap<ConnectionRecord, number>()
  readonly #faults = new Map<string, number>()
  #accepted = 0
  #requests = 0
  #complete = 0
  #ran = 0
  #duplicateRuns = 0
  #answered = { none: 0, partial: 0, full: 0 }
  #closedBy = { server: 0, client: 0 }
  #closedWhileIdle = 0

  constructor(keep: Keep) {
    this.#keep = keep
  }

  /** A connection that was accepted, or one that was open before and is used for the first time since. */
  connection(openedAtMs: number, survivor: boolean): ConnectionRecord {
    this.#accepted += 1
    const record: ConnectionRecord = {
      id: this.#accepted,
      openedAtMs,
      survivor,
      bytesReceived: 0,
      bytesSent: 0,
      requests: []
    }
    if (this.#keep !== "counts") this.#connections.push(record)
    return record
  }

  /** The first byte of a request. */
  request(connection: ConnectionRecord): RequestRecord {
    const index = (this.#requestsOn.get(connection) ?? 0) + 1
    this.#requestsOn.set(connection, index)
    this.#requests += 1
    this.#answered.none += 1
    const record: RequestRecord = {
      index,
      nth: this.#requests,
      tag: null,
      startedAtMs: Clock.now(),
      bytes: 0,
      ...(this.#keep === "bytes" && { text: "" }),
      complete: false,
      ran: false,
      runKey: null,
      api: null,
      stream: false,
      answered: "none"
    }
    if (this.#keep !== "counts") connection.requests.push(record)
    return record
  }

  struck(fault: string): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1)
  }

  complete(request: RequestRecord): void {
    request.complete = true
    this.#complete += 1
  }

  ran(request: RequestRecord, runKey: string): void {
    request.ran = true
    this.#ran += 1
    const before = this.runs.get(runKey) ?? 0
    if (before > 0) this.#duplicateRuns += 1
    this.runs.set(runKey, before + 1)
  }

  answered(request: RequestRecord, answered: "partial" | "full"): void {
    this.#answered[request.answered] -= 1
    this.#answered[answered] += 1
    request.answered = answered
  }

  /** Who speaks first closes; what comes later changes nothing. */
  closed(connection: ConnectionRecord, closed: FaultTruth.Closed): void {
    if (connection.closed !== undefined) return
    connection.closed = closed
    this.#closedBy[closed.by] += 1
    if (closed.by === "server" && closed.whileIdle) this.#closedWhileIdle += 1
  }

  /** `open` connections are open now; `refused` says that nothing listens. */
  snapshot(open: number, refused: boolean, storm: FaultTruth.StormState | undefined): FaultTruth.Endpoint {
    return {
      refused,
      counts: {
        connections: this.#accepted,
        open,
        requests: this.#requests,
        complete: this.#complete,
        ran: this.#ran,
        duplicateRuns: this.#duplicateRuns,
        answeredFull: this.#answered.full,
        answeredPartial: this.#answered.partial,
        answeredNone: this.#answered.none,
        closedByServer: this.#closedBy.server,
        closedByClient: this.#closedBy.client,
        closedWhileIdle: this.#closedWhileIdle,
        faults: Object.fromEntries(this.#faults)
      },
      connections: this.#connections,
      ...(storm !== undefined && { storm })
    }
  }
}

/** Counts keys; used for side effects. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    return count
  }

  clear(): void {
    this.#counts.clear()
  }

  list(): ReadonlyArray<FaultTruth.SideEffect> {
    return Array.from(this.#counts, ([key, count]) => ({ key, count }))
  }
}

/** Runs over several recorders: a key that ran at two endpoints has run twice. */
export const mergeRuns = (recorders: ReadonlyArray<Recorder>): FaultTruth.Truth["runs"] => {
  const merged = new Map<string, number>()
  let total = 0
  for (const recorder of recorders) {
    for (const [runKey, count] of recorder.runs) {
      merged.set(runKey, (merged.get(runKey) ?? 0) + count)
      total += count
    }
  }
  const duplicates = Array.from(merged, ([runKey, count]) => ({ runKey, count })).filter(({ count }) => count > 1)
  return { total, distinct: merged.size, duplicates }
}
