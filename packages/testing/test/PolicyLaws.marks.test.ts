/** What failed at candidates that were left, in the calls that the laws of policies are tried on. */
import { assert, describe, it } from "@effect/vitest"
import type { Decision } from "@holdfast/core/Decision"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import type { Situation, World as AWorld } from "../src/internal/laws/policyWorld.ts"
import { candidates, situationIn, size, World } from "../src/internal/laws/policyWorld.ts"

/** The calls that a law is tried on by default. */
const tried = (policy: FailoverPolicy.Policy, look: (situation: Situation) => void, seed: string | number) =>
  Arbitrary.checkEffect(
    Arbitrary.schema(World),
    (world: AWorld) => {
      look(situationIn(world, policy, candidates))
      return true
    },
    { runs: 2000, seed, size }
  )

describe("in the calls that laws are tried on", () => {
  it.effect("there is what failed of every scope that others share, told with its reason and without", () =>
    Effect.gen(function* () {
      const seen = new Map<string, number>()
      const note = (word: string) => seen.set(word, (seen.get(word) ?? 0) + 1)
      const policy = FailoverPolicy.make()
      yield* tried(
        policy,
        ({ state }) => {
          note(state.failed === undefined ? "nothing" : "something")
          for (const { reason, scope } of state.failed ?? []) {
            note(scope)
            note(reason === undefined ? "untold" : "told")
          }
        },
        "holdfast"
      )
      assert.sameMembers(
        [...seen.keys()],
        ["nothing", "something", "credential", "endpoint", "model", "provider", "told", "untold"]
      )
      for (const [word, times] of seen) assert.isAtLeast(times, 50, word)
    })
  )

  it.effect("it failed at who was left, at each once, and of what the table sends calls outside of", () =>
    Effect.gen(function* () {
      const { ModelNotFound, Overloaded, RateLimited } = FailoverPolicy.defaults.table
      const few = FailoverPolicy.make({
        table: {
          ...surfacing(),
          ModelNotFound,
          Overloaded,
          RateLimited,
          // It is about the request, which nobody shares.
          ContextOverflow: { same: "never", onward: "outside-scope" }
        }
      })
      const scopes = new Set<string>()
      yield* tried(
        few,
        ({ state }) => {
          const places = (state.failed ?? []).map(({ index }) => index)
          assert.includeMembers([...state.left], places)
          assert.strictEqual(new Set(places).size, places.length)
          assert.notInclude(state.left, state.index)
          assert.strictEqual(new Set(state.left).size, state.left.length)
          for (const { reason, scope } of state.failed ?? []) {
            if (reason !== undefined) scopes.add(`${reason}, ${scope}`)
          }
        },
        "holdfast"
      )
      assert.sameMembers(
        [...scopes],
        [
          "ModelNotFound, model",
          "Overloaded, model",
          "RateLimited, model",
          "RateLimited, credential",
          "RateLimited, provider"
        ]
      )
      yield* tried(
        FailoverPolicy.make({ table: surfacing() }),
        ({ state }) => assert.notProperty(state, "failed"),
        "holdfast"
      )
    })
  )

  it.effect("it often decides who is asked next, under every seed", () =>
    Effect.gen(function* () {
      const policy = FailoverPolicy.make()
      for (const seed of ["holdfast", 1, 2, 3]) {
        let times = 0
        yield* tried(
          policy,
          ({ failure, state }) => {
            const [decision, blind] = [state, { ...state, failed: [] }].map((each) =>
              FailoverPolicy.decide(policy, each, failure)
            )
            if (asked(decision) !== asked(blind)) times++
          },
          seed
        )
        assert.isAtLeast(times, 5, `seed ${seed}`)
      }
    })
  )
})

const asked = (decision: Decision | undefined): number | undefined =>
  decision !== undefined && "index" in decision ? decision.index : undefined

/** A table that sends no call anywhere. */
const surfacing = (): FailoverPolicy.Policy["table"] =>
  Record.map(FailoverPolicy.defaults.table, (): FailoverPolicy.Row => ({ same: "never", onward: "surface" }))
