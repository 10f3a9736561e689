/**
 * How many attempts beyond the first a provider is asked for, over all calls and layers of the process: a share of the
 * calls addressed to it, plus a floor.
 *
 * A limit per call does not bound a fleet: when a provider fails, every call retries, and it gets several times its load
 * at the moment when it can bear least. A budget counts retries against calls instead (Finagle's `RetryBudget`), so that a
 * provider that is down is asked 1.2 times as often as calls come, plus the floor, however patient each call is.
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { Problem } from "./InvalidInput.ts"
import { InvalidInput } from "./InvalidInput.ts"
import { CallWindow } from "./internal/callWindow.ts"

/** The numbers of a budget. */
export interface Options {
  /** Further attempts per call, 0.2 being one for every five calls. Default 0.2. */
  readonly ratio?: number
  /** Further attempts a second that are granted without any call. They may be taken in a burst. Default 10. */
  readonly floorPerSecond?: number
  /** How long a call and a further attempt are counted, in milliseconds. Default 10 s. */
  readonly windowMs?: number
}

/**
 * The numbers of Finagle's `RetryBudget`, which linkerd and tower took over: 20% of calls plus 10 a second, within 10 s.
 *
 * The floor is what a small program lives on. 100 within 10 s let every agent of a large process repair its connection
 * when all of them went stale at once; a repair that is refused costs a swap. A provider that is down hardly notices it.
 */
export const defaults: Required<Options> = { ratio: 0.2, floorPerSecond: 10, windowMs: 10_000 }

/** What a budget holds for one provider. */
export interface Reading {
  readonly provider: string
  /** Calls addressed to it within the window. */
  readonly calls: number
  /** Further attempts granted within the window. */
  readonly taken: number
  /** Further attempts that would be granted now. */
  readonly left: number
}

// More than any app has; beyond it nothing is remembered, so nothing is granted.
const mostProviders = 1024

/** {@link Options} with the defaults filled in, or all that is wrong with them. */
export const check = (options: Options = {}): Result.Result<Required<Options>, InvalidInput> => {
  const numbers = { ...defaults, ...options }
  const wrong = problems(numbers)
  return Arr.isArrayNonEmpty(wrong) ? Result.fail(new InvalidInput({ problems: wrong })) : Result.succeed(numbers)
}

// Longer than any retry is waited for; shorter, clocks are too coarse.
const shortestMs = 100
const longestMs = 3_600_000

const problems = ({ floorPerSecond, ratio, windowMs }: Required<Options>): Array<Problem> => {
  const wrong: Array<Problem> = []
  if (!(ratio >= 0 && ratio <= 10)) wrong.push(invalid("ratio", "further attempts per call, from 0 to 10", ratio))
  if (!(floorPerSecond >= 0 && floorPerSecond <= 1e6)) {
    wrong.push(invalid("floorPerSecond", "further attempts a second, from 0 to 1000000", floorPerSecond))
  }
  if (!(Number.isSafeInteger(windowMs) && windowMs >= shortestMs && windowMs <= longestMs)) {
    wrong.push(invalid("windowMs", `whole milliseconds from ${shortestMs} to ${longestMs}, an hour`, windowMs))
  }
  // Asked for a floor, it would never grant anything.
  if (wrong.length === 0 && ratio === 0 && floorPerSecond > 0 && floorPerSecond * windowMs < 1000) {
    wrong.push({
      ...invalid("floorPerSecond", "at least one attempt within windowMs, or 0 for none", floorPerSecond),
      fix: `set it to ${1000 / windowMs}, or give a ratio`
    })
  }
  return wrong
}

const invalid = (name: string, expected: string, found: unknown): Problem => ({
  kind: "InvalidOption",
  place: `budget.${name}`,
  expected,
  found: String(found)
})

const make = ({ floorPerSecond, ratio, windowMs }: Required<Options>, clock: Clock.Clock): RetryBudget["Service"] => {
  const windows = new Map<string, CallWindow>()
  const floor = (floorPerSecond * windowMs) / 1000
  const now = () => clock.currentTimeMillisUnsafe()
  let sweptAt = Number.NEGATIVE_INFINITY

  // The sum of decimals falls short of what it stands for: 0.29 * 100 is 28.999999999999996.
  const leftIn = ({ calls, taken }: CallWindow): number => Math.max(0, Math.floor(ratio * calls + floor + 1e-9) - taken)

  /** The window of a provider at this moment; absent where there are too many. */
  const windowOf = (provider: string, at: number): CallWindow | undefined => {
    const known = windows.get(provider)
    if (known !== undefined) {
      known.advance(at)
      return known
    }
    if (windows.size >= mostProviders && !sweep(at)) return undefined
    const window = new CallWindow(windowMs, at)
    windows.set(provider, window)
    return window
  }

  /** Forgets providers of which the window holds nothing, and says whether there is room for another. */
  const sweep = (at: number): boolean => {
    if (Math.abs(at - sweptAt) < windowMs) return false
    sweptAt = at
    for (const [provider, window] of windows) {
      window.advance(at)
      if (window.isEmpty()) windows.delete(provider)
    }
    return windows.size < mostProviders
  }

  return {
    called(provider) {
      windowOf(provider, now())?.addCall()
    },
    take(provider) {
      const window = windowOf(provider, now())
      if (window === undefined || leftIn(window) === 0) return false
      window.addTaken()
      return true
    },
    left(provider) {
      const window = windows.get(provider)
      if (window === undefined) return windows.size < mostProviders ? Math.floor(floor + 1e-9) : 0
      window.advance(now())
      return leftIn(window)
    },
    snapshot() {
      const at = now()
      return Array.from(windows, ([provider, window]): Reading => {
        window.advance(at)
        return { provider, calls: window.calls, taken: window.taken, left: leftIn(window) }
      }).filter(({ calls, taken }) => calls + taken > 0)
    }
  }
}

/**
 * The retry budgets of all providers, one each.
 *
 * **Details**
 *
 * Whatever the order of calls, takes and steps of time: of the takes granted within any `windowMs`, the number is at most
 * `ratio * C + floorPerSecond * windowMs / 1000`, where `C` is the number of calls within the `windowMs` before the last
 * of them. What is granted is decided at once, in memory, without an effect.
 *
 * **Example**
 *
 * ```ts
 * import { RetryBudget } from "@holdfast/core"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const budget = yield* RetryBudget.RetryBudget
 *   for (let call = 0; call < 5; call++) budget.called("anthropic")
 *   return [budget.take("anthropic"), budget.take("anthropic"), budget.take("anthropic")]
 * }).pipe(Effect.provide(RetryBudget.RetryBudget.layer({ floorPerSecond: 0.1 })))
 *
 * await Effect.runPromise(program) // => [true, true, false]
 * ```
 */
export class RetryBudget extends Context.Service<
  RetryBudget,
  {
    /** A call is addressed to the provider: its first attempt there. */
    readonly called: (provider: string) => void
    /** Takes another attempt of a call at the same provider. `false`: the budget is spent, and nothing is taken. */
    readonly take: (provider: string) => boolean
    /** How many takes would be granted now. */
    readonly left: (provider: string) => number
    /** The providers that were called, or retried, within the window. */
    readonly snapshot: () => ReadonlyArray<Reading>
  }
>()("@holdfast/core/RetryBudget") {
  /** No budget: calls are bounded by their policy alone. */
  static readonly layerOff: Layer.Layer<RetryBudget> = Layer.succeed(this, {
    called: () => {},
    take: () => true,
    left: () => Number.POSITIVE_INFINITY,
    snapshot: () => []
  })

  /** Budgets of these numbers; fails with `InvalidInput`, all that is wrong with them at once. */
  static layer(options?: Options): Layer.Layer<RetryBudget, InvalidInput> {
    return Layer.effect(
      RetryBudget,
      Effect.gen(function* () {
        const numbers = yield* Effect.fromResult(check(options))
        return make(numbers, yield* Clock.Clock)
      })
    )
  }
}
