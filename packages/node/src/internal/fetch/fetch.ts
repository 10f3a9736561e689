/** A WHATWG `fetch` over a transport. */
import type { Declaration } from "@holdfast/core/Declaration"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import { mayBeKey } from "@holdfast/core/Preview"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Answer from "./answer.ts"
import type { Broken, Gathered } from "./body.ts"
import { Bytes } from "./body.ts"
import type { BodyReader } from "./bodyReader.ts"
import type { Manner, RawRequest, Target } from "./call.ts"
import type { Shared, Waiting } from "./exchange.ts"
import { Exchange } from "./exchange.ts"
import type { Outgoing } from "./outgoing.ts"
import * as Outgoings from "./outgoing.ts"
import { Refusals } from "./refusals.ts"

/** How a `fetch` behaves. */
export interface Options {
  /**
   * Time limits of each call. `headers` holds for streaming requests only: those with `"stream": true` in their JSON or
   * an `accept` of event streams. `firstContent` and `stall` need to know content and do nothing here.
   */
  readonly limits?: TimeLimits.TimeLimits
  /**
   * The app's word whether a request may be sent twice; `undefined` leaves it to what is known of generation endpoints.
   * It is asked when a request has failed, and before anything else that would tell.
   */
  readonly declare?: (request: RawRequest) => Declaration | undefined
  /**
   * Whether the provider honours `idempotency-key`, so that a request which has one may be sent twice. Default `false`:
   * a provider that ignores the header would run it twice.
   */
  readonly idempotencyKeys?: boolean
  /** The model that failures and events name. Default: `model` in the JSON body, else `unknown`. */
  readonly model?: string
}

/**
 * Makes a `fetch` that sends through the transport, as a provider.
 *
 * Its calls run with the services of the place where it was made. It is used up with the transport: calls after the
 * transport's scope has closed are rejected.
 */
export const fetch = (
  provider: string,
  options: Options = {}
): Effect.Effect<typeof globalThis.fetch, InvalidInput, HttpTransport> =>
  Effect.gen(function* () {
    const problems = problemsOf(provider, options)
    if (Arr.isArrayNonEmpty(problems)) return yield* new InvalidInput({ problems })
    const context = yield* Effect.context<HttpTransport>()
    const { send } = yield* HttpTransport
    const clock = yield* Clock.Clock
    const manner: Manner = {
      provider,
      model: options.model,
      limits: TimeLimits.resolve(options.limits),
      idempotencyKeys: options.idempotencyKeys === true,
      declare: options.declare
    }
    const shared: Shared = {
      send,
      run: Effect.runForkWith(context),
      now: () => clock.currentTimeMillisUnsafe(),
      manner,
      refusals: new Refusals(),
      answers: Answer.make(),
      unread: new FinalizationRegistry<BodyReader>((reader) => reader.leave())
    }
    return over(shared)
  })

const over = (shared: Shared): typeof globalThis.fetch => {
  // Streams that have been sent. A generator that is spent looks like an empty one.
  const spent = new WeakSet<object>()

  const streamed = (source: AsyncIterable<unknown>, broken: Broken): AsyncIterable<Uint8Array> => {
    if (spent.has(source)) throw Outgoings.used()
    spent.add(source)
    return new Bytes(source, broken)
  }

  return (input, init) =>
    new Promise((resolve, reject) => {
      const waiting: Waiting = { resolve, reject }
      try {
        const outgoing = Outgoings.read(input, init)
        const { body, signal } = outgoing
        if (signal?.aborted === true) return reject(signal.reason)
        const broken: Broken = { error: undefined }
        const start = (body: Target["body"], headers = outgoing.headers): void =>
          new Exchange(shared, { ...outgoing, headers, body }, outgoing.redirect, broken, waiting).start(signal)
        switch (body?._tag) {
          case undefined:
            return start(undefined)
          case "AtHand":
            return start(body.bytes)
          case "Streamed":
            return start(streamed(body.source, broken))
          case "Gathered":
            return void gather(body.gather, outgoing, waiting, (gathered) =>
              gathered.body instanceof Uint8Array
                ? start(gathered.body, headersWith(outgoing, gathered))
                : start(streamed(gathered.body, broken), headersWith(outgoing, gathered))
            )
        }
      } catch (error) {
        return reject(new TypeError("fetch failed", { cause: error }))
      }
    })
}

/** Gathers a body before it is sent; who aborts meanwhile need not wait for that. */
const gather = async (
  start: () => Promise<Gathered>,
  { signal }: Outgoing,
  { reject }: Waiting,
  then: (gathered: Gathered) => void
): Promise<void> => {
  const onAbort = () => reject(signal?.reason)
  signal?.addEventListener("abort", onAbort, { once: true })
  try {
    const gathered = await start()
    if (signal?.aborted !== true) then(gathered)
  } catch (error) {
    reject(new TypeError("fetch failed", { cause: error }))
  } finally {
    signal?.removeEventListener("abort", onAbort)
  }
}

const headersWith = ({ headers }: Outgoing, { length, type }: Gathered): Record<string, string> => ({
  ...(type === undefined ? undefined : { "content-type": type }),
  ...headers,
  ...(length === undefined ? undefined : { "content-length": String(length) })
})

/** All that is wrong with options that somebody wrote. */
export const problemsOf = (provider: unknown, options: Options): Array<Problem> => {
  const problems = [...TimeLimits.problems(options.limits)]
  const wrong = (place: string, expected: string, value: unknown): void => {
    const found = Predicate.isString(value) && !mayBeKey(value) ? JSON.stringify(value.slice(0, 40)) : typeof value
    problems.push({ kind: "InvalidOption", place, expected, found })
  }
  if (!Predicate.isString(provider) || !ModelRef.isProvider(provider)) {
    wrong("provider", "a provider's id of letters, digits, dots, dashes and underscores", provider)
  }
  const { declare, idempotencyKeys, model } = options
  if (model !== undefined && !(Predicate.isString(model) && ModelRef.isModel(model)))
    wrong("model", "a model's id", model)
  if (declare !== undefined && typeof declare !== "function") wrong("declare", "a function", declare)
  if (idempotencyKeys !== undefined && typeof idempotencyKeys !== "boolean") {
    wrong("idempotencyKeys", "true or false", idempotencyKeys)
  }
  return problems
}
