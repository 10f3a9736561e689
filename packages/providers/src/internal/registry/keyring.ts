/** Reads keys: each when it is first needed, and anew when somebody asks for that. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { textOfKey } from "../settings.ts"
import { formats } from "./definitions.ts"
import type { Entry } from "./entry.ts"
import { keyProblem } from "./keyProblem.ts"
import type { Means, Settled, Slot } from "./slot.ts"
import { read } from "./slot.ts"

/** Reads keys. */
export interface Keyring {
  /** Reads a key, once for all who wait for it. */
  readonly settle: (entry: Entry, slot: Slot) => Effect.Effect<Settled>
  /** Reads a key again. Whether it is another than before; one that cannot be does not take its place. */
  readonly reread: (entry: Entry, slot: Slot) => Effect.Effect<boolean, InvalidInput>
}

/** A keyring. */
export const make = (means: Means): Keyring => {
  // A command that asks its user for something must not ask twice at a time, and a slow one must not hold up other keys.
  const readings = new WeakMap<Slot, Semaphore.Semaphore>()
  const readingOf = (slot: Slot): Semaphore.Semaphore => {
    const known = readings.get(slot)
    if (known !== undefined) return known
    const made = Semaphore.makeUnsafe(1)
    readings.set(slot, made)
    return made
  }

  const settle = (entry: Entry, slot: Slot): Effect.Effect<Settled> =>
    Effect.suspend(() => {
      const before = slot.settled
      const anew = Effect.suspend(() =>
        slot.settled !== undefined && slot.settled !== before
          ? Effect.succeed(slot.settled)
          : Effect.map(read(slot, entry.definition, means), (found) => {
              const settled = Result.match(found, {
                onFailure: (problem) => settledBy(entry, undefined, problem),
                onSuccess: (key) => settledBy(entry, key)
              })
              slot.settled = settled
              return settled
            })
      )
      return readingOf(slot).withPermit(anew)
    })

  // Of each, how often it was begun to be read again, and which of these was the last that came to its end.
  const rereads = new WeakMap<Slot, { readonly begun: number; readonly ended: number }>()
  const readsOf = (slot: Slot) => rereads.get(slot) ?? { begun: 0, ended: 0 }

  const reread = (entry: Entry, slot: Slot): Effect.Effect<boolean, InvalidInput> =>
    Effect.suspend(() => {
      const before = slot.settled
      const asked = readsOf(slot).begun
      const anew = Effect.suspend(() => {
        const { ended, begun: last } = readsOf(slot)
        // Many calls may be refused at one moment; what was read after that holds for all of them.
        if (ended > asked) return Effect.succeed(slot.settled !== before)
        const begun = last + 1
        rereads.set(slot, { begun, ended })
        return Effect.flatMap(read(slot, entry.definition, means), (found) => {
          rereads.set(slot, { begun, ended: begun })
          if (Result.isFailure(found)) return Effect.fail(InvalidInput.of(found.failure))
          const { settled } = slot
          if (settled !== undefined && isSame(settled.key, found.success)) return Effect.succeed(settled !== before)
          const fresh = settledBy(entry, found.success)
          if (fresh.problem !== undefined) return Effect.fail(InvalidInput.of(fresh.problem))
          slot.settled = fresh
          return Effect.succeed(true)
        })
      })
      return readingOf(slot).withPermit(anew)
    })

  return { settle, reread }
}

const settledBy = (entry: Entry, key: Settled["key"], problem?: Problem): Settled => ({
  key,
  problem: problem ?? keyProblem(entry.definition, entry.place, key, entry.isAtHome ? formats : []),
  provider: Effect.succeed(entry.withKey(key))
})

const isSame = (a: Settled["key"], b: Settled["key"]): boolean =>
  a === b || (a !== undefined && b !== undefined && textOfKey(a) === textOfKey(b))
