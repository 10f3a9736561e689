/** What a connection through a proxy failed with, as the reason that it is. */
import * as Reason from "@holdfast/core/Reason"
import { codeOf } from "../codeOf.ts"
import type { Proxy } from "./proxy.ts"
import { nameOf } from "./proxy.ts"

/** Where a proxy failed. */
export type Step = NonNullable<Reason.ProxyFailure["step"]>

/** What a proxy said no with, or how it failed while it was asked. */
export interface Refusal {
  readonly code: string
  readonly status?: number
  readonly cause?: Error
}

/**
 * The error of a connection that a proxy did not let come about. It has no code of its own, on some of which undici would
 * connect again without end.
 */
export class ProxyError extends Error {
  readonly reason: Reason.ProxyFailure

  constructor(proxy: Proxy, step: Step, { cause, code, status }: Refusal) {
    const reason = new Reason.ProxyFailure({
      code,
      proxy: nameOf(proxy),
      step,
      ...(status === undefined ? undefined : { status })
    })
    super(reason.message, cause === undefined ? undefined : { cause })
    this.reason = reason
  }
}

/** An error of the network, of TLS or of the parser, by its own code. */
export const refusalOf = (error: Error): Refusal => {
  // Every address failed, some at the system's own limit: undici's name for it is that of a limit of ours.
  const original = error.cause instanceof AggregateError ? "ETIMEDOUT" : undefined
  return { code: original ?? codeOf(error) ?? error.name, cause: error }
}

/** The proxy ended the conversation before it was over. */
export const closed: Refusal = { code: "PROXY_CLOSED" }
