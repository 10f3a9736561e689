/**
 * A WHATWG `fetch` over Holdfast's transport, for vendors' SDKs and for plain code, with Effect or without.
 *
 * An answer is given whatever its status. A connection that dies before any byte of an answer is repaired once, on a
 * fresh connection, where the request may be sent twice; nothing else is sent again: no 421, no body after a redirect.
 * What fails is a `TypeError` as from the built-in `fetch`, with our failure as its cause.
 *
 * SDKs retry by themselves. Error answers tell them not to (`x-should-retry: false`), and a retry that says it is one
 * (`x-stainless-retry-count`) is refused unsent with the failure before it. The `ai` SDK does neither: set `maxRetries: 0`.
 */
import * as Client from "@holdfast/core/Client"
import type { Failure } from "@holdfast/core/Failure"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import { Telemetry } from "@holdfast/core/Telemetry"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { PoolOptions } from "./Dispatcher.ts"
import { layerPool } from "./Dispatcher.ts"
import * as Dispatchers from "./Dispatchers.ts"
import * as Fetch from "./internal/fetch/fetch.ts"
import * as NodeTransport from "./HttpTransport.ts"

export { fetch } from "./internal/fetch/fetch.ts"
export type { Options } from "./internal/fetch/fetch.ts"
export type { RawRequest } from "./internal/fetch/call.ts"

/** How a `fetch` with connections of its own is made. */
export interface MakeOptions extends Fetch.Options, PoolOptions {
  /** Whose connections they are, in failures and events: `openai`, `anthropic`, or a name of your own. */
  readonly provider: string
}

/** A `fetch` with connections of its own. */
export interface Made extends AsyncDisposable {
  readonly fetch: typeof globalThis.fetch
  /**
   * Closes the connections. Answers on the way have the `drain` time to finish; calls made afterwards are rejected. It
   * may be called more than once and never rejects.
   */
  readonly close: () => Promise<void>
}

/**
 * Makes a `fetch` with connections of its own, for programs without Effect. Rejects with `InvalidInput` where an option
 * cannot be.
 *
 * **Example**
 *
 * ```ts
 * import { Fetch } from "@holdfast/node"
 *
 * await using made = await Fetch.make({ provider: "openai" })
 * const error = await made.fetch("no URL").catch((error: unknown) => error)
 * String(error) // => "TypeError: fetch failed"
 * ```
 */
export const make = async (options: MakeOptions): Promise<Made> => {
  const problems = Fetch.problemsOf(options.provider, options)
  if (Arr.isArrayNonEmpty(problems)) throw new InvalidInput({ problems })
  const scope = Scope.makeUnsafe()
  const layer = NodeTransport.layer.pipe(
    Layer.provide(Dispatchers.swap(options.provider, layerPool(options))),
    Layer.provideMerge(Telemetry.layer)
  )
  const made = Layer.buildWithScope(layer, scope).pipe(
    Effect.flatMap((context) => Effect.provideContext(Fetch.fetch(options.provider, options), context)),
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
  const fetch = await Effect.runPromise(made)
  let closing: Promise<void> | undefined
  const close = () => (closing ??= Effect.runPromise(Scope.close(scope, Exit.void)))
  return { fetch, close, [Symbol.asyncDispose]: close }
}

/**
 * Our failure in what a call threw, through the errors that SDKs wrap around it: an `APIConnectionError` of OpenAI's or
 * Anthropic's, a `RetryError` of the `ai` SDK, the `TypeError` of this `fetch` itself.
 */
export const failureOf = (error: unknown): Failure | undefined => Client.failureOf(error)
