import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import * as SwapRule from "@holdfast/core/SwapRule"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { gpt, opus, opusAtHome, opusOlder, opusOnBedrock } from "./fixtures.ts"

const chain = [opus, opusAtHome, opusOnBedrock, opusOlder, gpt]

/** How each of the chain is met in place of the first. */
const met = (policy: SwapRule.SwapPolicy) => chain.map((to) => SwapRule.meets(policy, opus, to))

const ask = () => Effect.succeed(true)

describe("closeness", () => {
  it("is other for two unknown models of two providers: what neither is known to be does not make them one", () => {
    const here: Candidate.Candidate = { provider: "here", model: "a" }
    const there: Candidate.Candidate = { provider: "there", model: "b" }
    assert.strictEqual(Candidate.closeness(here, there), "other")
  })

  it("is other for lines of one name by two makers", () => {
    const one = { provider: "here", model: "a", family: { maker: "one", line: "large" } }
    const two = { provider: "there", model: "b", family: { maker: "two", line: "large" } }
    assert.strictEqual(Candidate.closeness(one, two), "other")
  })
})

describe("meets", () => {
  it("allows or denies by a rule, and asks about nothing", () => {
    assert.deepStrictEqual(met("never"), ["yes", "no", "no", "no", "no"])
    assert.deepStrictEqual(met("same-model"), ["yes", "yes", "yes", "no", "no"])
    assert.deepStrictEqual(met("same-family"), ["yes", "yes", "yes", "yes", "no"])
    assert.deepStrictEqual(met("any"), ["yes", "yes", "yes", "yes", "yes"])
  })

  it("asks the app about every other model, and about no other host or credential of the same", () => {
    assert.deepStrictEqual(met({ ask }), ["yes", "yes", "yes", "ask", "ask"])
  })

  it("asks the app about models that are close enough alone", () => {
    assert.deepStrictEqual(met({ ask, within: "same-family" }), ["yes", "yes", "yes", "ask", "no"])
    assert.deepStrictEqual(met({ ask, within: "same-model" }), ["yes", "yes", "yes", "no", "no"])
    assert.deepStrictEqual(met({ ask, within: "any" }), ["yes", "yes", "yes", "ask", "ask"])
  })
})

const late = (ms: number) => `Nobody said within ${ms} ms whether the swap is wanted`

describe("an app that is asked", () => {
  const question = { from: opus, to: gpt, moment: "start", failure: undefined } as const

  const asking = (rule: SwapRule.Ask, leftMs?: number) =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const keep = Logger.make<unknown, void>(
        ({ message }) => void said.push(String(Array.isArray(message) ? message[0] : message))
      )
      const asked = yield* Effect.forkChild(Effect.provide(SwapRule.ask(rule, question, leftMs), Logger.layer([keep])))
      yield* TestClock.adjust("59999 millis")
      const isEarly = asked.pollUnsafe() !== undefined
      yield* TestClock.adjust("1 millis")
      return { wanted: yield* Fiber.join(asked), isEarly, said }
    })

  it.effect("says what it wants", () =>
    Effect.gen(function* () {
      for (const wanted of [true, false]) {
        assert.deepStrictEqual(yield* asking({ ask: () => Effect.succeed(wanted) }), {
          wanted,
          isEarly: true,
          said: []
        })
      }
    })
  )

  it.effect("wants nothing where it does not say so within a minute, its own limit or the call's time", () =>
    Effect.gen(function* () {
      const silent = { ask: () => Effect.never }
      assert.deepStrictEqual(yield* asking(silent), { wanted: false, isEarly: false, said: [late(60_000)] })
      assert.deepStrictEqual(yield* asking({ ...silent, limitMs: 500 }), {
        wanted: false,
        isEarly: true,
        said: [late(500)]
      })
      assert.deepStrictEqual(yield* asking({ ...silent, limitMs: 500 }, 400), {
        wanted: false,
        isEarly: true,
        said: [late(400)]
      })
    })
  )

  it.effect("wants nothing where it fails, dies or throws", () =>
    Effect.gen(function* () {
      const broken: ReadonlyArray<SwapRule.Ask["ask"]> = [
        () => Effect.fail("gone"),
        () => Effect.die("gone"),
        () => {
          throw new Error("gone")
        }
      ]
      for (const ask of broken) {
        assert.deepStrictEqual(yield* asking({ ask }), {
          wanted: false,
          isEarly: true,
          said: ["The app could not say whether the swap is wanted"]
        })
      }
    })
  )
})
