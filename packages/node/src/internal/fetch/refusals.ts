/**
 * Retries of a vendor's SDK, which are refused unsent.
 *
 * SDKs send a request again whatever their `fetch` threw, and cannot be told otherwise. They say which retry it is in
 * `x-stainless-retry-count`; the failure of the request before is what such a retry gets.
 */
import { createHash } from "node:crypto"
import * as Evidence from "@holdfast/core/Evidence"
import type { Failure } from "@holdfast/core/Failure"
import * as Failures from "@holdfast/core/Failure"
import * as Reason from "@holdfast/core/Reason"
import type { Call } from "./call.ts"

/** Failures that are remembered, the oldest forgotten first. Enough for the calls under way; the number is ours. */
const remembered = 64

/** Remembers how requests failed. */
export class Refusals {
  private readonly failures = new Map<string, Failure>()

  /** Whether a request is an SDK's retry. */
  refuses(headers: Readonly<Record<string, string>>): boolean {
    const count = headers["x-stainless-retry-count"]
    return count !== undefined && Number(count) > 0
  }

  /** What a retry gets: the failure before it, or one that claims nothing where none is known. */
  failureFor(call: Call): Failure {
    const key = keyOf(call)
    return (
      (key === undefined ? undefined : this.failures.get(key)) ??
      Failures.make({
        reason: new Reason.Unclassified({ rule: "sdk-retry" }),
        evidence: Evidence.unknown,
        declaration: call.declaration,
        candidate: call.candidate,
        thrown: new Error("a retry of an SDK's own, which was not sent")
      })
    )
  }

  /** A request failed. */
  remember(call: Call, failure: Failure): void {
    const key = keyOf(call)
    if (key === undefined) return
    this.failures.delete(key)
    this.failures.set(key, failure)
    const [oldest] = this.failures.keys()
    if (this.failures.size > remembered && oldest !== undefined) this.failures.delete(oldest)
  }

  /** What became of a request is not known any more: its caller gave it up. */
  forget(call: Call): void {
    const key = this.failures.size === 0 ? undefined : keyOf(call)
    if (key !== undefined) this.failures.delete(key)
  }
}

/** Names a request without keeping it. A body that comes as it is made is not at hand to be compared. */
const keyOf = (call: Call): string | undefined => {
  const { body, method, url } = call
  if (call.isStreamed) return undefined
  return createHash("sha256")
    .update(`${method} ${url}\n`)
    .update(body ?? "")
    .digest("base64")
}
