/**
 * What Holdfast's events tell of stale connections: how many were met, avoided and repaired.
 */
import * as ModelRef from "@holdfast/core/ModelRef"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"

/** @see module documentation */
export interface Stale {
  /** Attempts that failed because the connection they were put on was closed. */
  readonly met: number
  /** Idle connections that the provider closed and that were seen closed before a request was put on them. */
  readonly avoided: number
  /** Attempts of `met` whose call the same candidate answered after all. */
  readonly repaired: number
}

/** Counts from events. */
export class StaleCount implements Stale {
  met = 0
  avoided = 0
  repaired = 0
  readonly #met = new Map<string, Array<ModelRef.ModelRef>>()

  readonly listen = (event: TelemetryEvent): void => {
    switch (event._tag) {
      case "AttemptFailed": {
        if (!isStale(event)) return
        this.met++
        this.#met.set(event.call, [...(this.#met.get(event.call) ?? []), event.candidate])
        return
      }
      case "CallSucceeded": {
        const met = this.#met.get(event.call) ?? []
        this.repaired += met.filter((candidate) => ModelRef.equals(candidate, event.answered)).length
        this.#met.delete(event.call)
        return
      }
      case "CallFailed": {
        this.#met.delete(event.call)
        return
      }
      case "ConnectionClosed": {
        if (event.idle && (event.closed === "peer-fin" || event.closed === "peer-reset")) this.avoided++
        return
      }
      default:
        return
    }
  }
}

const isStale = ({ evidence, reason }: Extract<TelemetryEvent, { readonly _tag: "AttemptFailed" }>): boolean =>
  reason === "StaleConnection" ||
  (reason === "ConnectionLost" && evidence._tag === "Observed" && evidence.connection?.reused === true)
