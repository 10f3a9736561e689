/** Turns what is asked into a chain: names first, then the keys that its models need. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Asked, Resolution } from "@holdfast/core/ProviderRegistry"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Entry } from "./entry.ts"
import type { Keyring } from "./keyring.ts"
import { bounded } from "./memo.ts"
import type { Models } from "./models.ts"
import type { Plan } from "./plan.ts"
import type { Slot } from "./slot.ts"

/** Resolves what is asked; what could be resolved once is not looked at again. */
export interface Resolver {
  readonly resolve: (asked: Asked) => Effect.Effect<Resolution, InvalidInput>
  /** Forgets what was resolved: a key that was wrong is right now. */
  readonly forget: () => void
}

/** What was resolved. */
interface Known {
  readonly answer: Effect.Effect<Resolution>
  /** When the keys of what was left out are looked for again, in milliseconds; nothing where all is there. */
  againAt: number | undefined
}

// A key that is put right is found this soon; a command that prints none is not run for every call.
const againAfterMs = 30_000

/** A resolver of plans. */
export const make = (
  entries: ReadonlyMap<string, Entry>,
  models: Models,
  keyring: Keyring,
  planOf: (asked: Asked) => Plan
): Resolver => {
  const resolutions = bounded<Known>()
  const said = new Set<string>()

  /** The keys that a plan needs and that have not been read, or were wrong when they were. */
  const unread = ({ steps }: Plan): ReadonlyMap<Slot, Entry> => {
    const slots = new Map<Slot, Entry>()
    for (const step of steps) {
      const entry = Result.isSuccess(step) ? entries.get(step.success.provider) : undefined
      if (entry === undefined) continue
      for (const slot of entry.slots) {
        if (slot.settled === undefined || slot.settled.problem !== undefined) slots.set(slot, entry)
      }
    }
    return slots
  }

  /** The chain of a plan whose keys have been read. A fallback without a usable key is left out; the first is not. */
  const chainOf = ({ agent, steps, strict, suppressedDuplicates }: Plan): Result.Result<Resolution, InvalidInput> => {
    const chain: Array<Candidate> = []
    const problems: Array<Problem> = []
    let isFirstUsable = false
    let isSound = true
    for (const [index, step] of steps.entries()) {
      const entry = Result.isSuccess(step) ? entries.get(step.success.provider) : undefined
      if (Result.isFailure(step)) {
        problems.push(step.failure)
        isSound = false
      } else if (entry !== undefined) {
        for (const slot of entry.slots) {
          if (slot.settled?.problem !== undefined) problems.push(slot.settled.problem)
          else chain.push(models.candidateOf(entry, step.success, slot))
        }
      }
      if (index === 0) isFirstUsable = chain.length > 0
    }
    const all = once(problems)
    if (!(isSound && isFirstUsable) && Arr.isArrayNonEmpty(all)) return Result.fail(new InvalidInput({ problems: all }))
    if (!Arr.isArrayNonEmpty(chain)) return Result.fail(InvalidInput.of(noModel))
    return Result.succeed({
      chain,
      suppressedDuplicates,
      strict,
      ...(agent === undefined ? undefined : { agent }),
      ...(all.length === 0 ? undefined : { leftOut: all })
    })
  }

  const warn = ({ leftOut = [] }: Resolution): Effect.Effect<void> => {
    const unsaid = leftOut.filter(({ place }) => !said.has(place))
    if (!Arr.isReadonlyArrayNonEmpty(unsaid)) return Effect.void
    for (const { place } of unsaid) said.add(place)
    const { message } = new InvalidInput({ problems: unsaid })
    return Effect.logWarning(`Candidates are left out, because their keys cannot be used:\n${message}`)
  }

  const fresh = (key: string, asked: Asked, againAt: number): Effect.Effect<Resolution, InvalidInput> => {
    const plan = planOf(asked)
    return Effect.forEach(unread(plan), ([slot, entry]) => keyring.settle(entry, slot), { discard: true }).pipe(
      Effect.andThen(Effect.suspend(() => Effect.fromResult(chainOf(plan)))),
      Effect.tap((resolution) => {
        const isWhole = resolution.leftOut === undefined
        resolutions.set(key, { answer: Effect.succeed(resolution), againAt: isWhole ? undefined : againAt })
        return warn(resolution)
      })
    )
  }

  return {
    resolve: (asked) =>
      Effect.suspend(() => {
        const key = keyOf(asked)
        const known = resolutions.peek(key)
        if (known !== undefined && known.againAt === undefined) return known.answer
        return Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const againAt = now + againAfterMs
          if (known?.againAt !== undefined) {
            if (now < known.againAt) return known.answer
            // One call looks for the keys; what else is asked meanwhile does not wait for it.
            known.againAt = againAt
          }
          return fresh(key, asked, againAt)
        })
      }),
    forget: resolutions.clear
  }
}

/** What is asked, as a text: mostly a model alone, for which it is made quickly. */
const keyOf = ({ agent, fallbacks, model }: Asked): string =>
  agent === undefined && fallbacks === undefined && model !== undefined
    ? `model ${model}`
    : JSON.stringify([model, agent, fallbacks])

/** Several models of one provider lack one key. */
const once = (problems: ReadonlyArray<Problem>): Array<Problem> =>
  Arr.dedupeWith(problems, (a, b) => a.place === b.place && a.kind === b.kind)

const noModel: Problem = { kind: "EmptyChain", place: "model", expected: "at least one model", found: "none" }
