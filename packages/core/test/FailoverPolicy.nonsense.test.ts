/** Policies that TypeScript refuses, as an app in JavaScript or a file may hold them. */
import { assert, describe, it } from "@effect/vitest"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Hold from "@holdfast/core/Hold"
import { Failover } from "@holdfast/core/Failover"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { answers, fails, layer, script } from "./failoverScript.ts"
import { opus, overloaded } from "./fixtures.ts"

const problemsOf = (overrides: unknown) =>
  // What the types promise is what these tests break.
  Result.match(FailoverPolicy.check(overrides as FailoverPolicy.Overrides), {
    onSuccess: () => [],
    onFailure: ({ problems }) => problems
  })

const foundIn = (overrides: unknown): ReadonlyArray<string> =>
  problemsOf(overrides).map(({ expected, found, place }) => `${place}: expected ${expected}, found ${found}`)

const ask = () => Effect.succeed(true)

const closeness = 'one of "never", "same-model", "same-family", "any"'
const holds = 'one of "first-content", "tool-call", "whole", { parts } and { bytes }'

// Objects, so that a word of the types that is missing here does not compile.
const rotations: Record<FailoverPolicy.Policy["rotation"], true> = { "in-order": true, "least-recently-used": true }

const sames: Record<FailoverPolicy.Row["same"], true> = {
  reach: true,
  connection: true,
  response: true,
  capacity: true,
  refresh: true,
  never: true
}

const onwards: Record<FailoverPolicy.Row["onward"], true> = {
  next: true,
  "outside-scope": true,
  "next-if-proven": true,
  surface: true
}

const undefinedOf = (part: object) => Object.fromEntries(Object.keys(part).map((name) => [name, undefined]))

describe("check", () => {
  it("tells all that is no part of a policy at once, each with its place, what was expected and what was found", () => {
    const problems = problemsOf({
      swap: { start: "sometimes", midTurn: 1 },
      maxAttempts: "3",
      retry: { capacity: 3 },
      longestRetryAfterMs: "5",
      table: { Overloaded: { same: "twice", onward: "home" } },
      chains: { ContextOverflow: "openai/gpt-5.5" },
      hold: "nonsense",
      hedge: 5,
      rotation: "random",
      decide: 5
    })
    assert.deepStrictEqual(
      problems.map(({ expected, found, place }) => [place, expected, found]),
      [
        ["policy.maxAttempts", "a whole number from 1", '"3"'],
        ["policy.longestRetryAfterMs", "milliseconds from 0 to 86400000, a day", '"5"'],
        ["policy.swap.start", `${closeness}, or { ask }`, '"sometimes"'],
        ["policy.swap.midTurn", `${closeness}, or { ask }`, "1"],
        ["policy.retry.capacity", "a Schedule", "3"],
        [
          "policy.table.Overloaded.same",
          'one of "reach", "connection", "response", "capacity", "refresh", "never"',
          '"twice"'
        ],
        ["policy.table.Overloaded.onward", 'one of "next", "outside-scope", "next-if-proven", "surface"', '"home"'],
        ["policy.chains.ContextOverflow", "a list", '"openai/gpt-5.5"'],
        ["policy.hold", holds, '"nonsense"'],
        ["policy.hedge", "{ after }", "5"],
        ["policy.rotation", 'one of "in-order", "least-recently-used"', '"random"'],
        ["policy.decide", "a function", "5"]
      ]
    )
    assert.isTrue(problems.every(({ kind }) => kind === "InvalidOption"))
  })

  it("wants an object where parts are, whatever else is there", () => {
    for (const [found, shown] of [
      [null, "null"],
      ["never", '"never"'],
      [5, "5"],
      [[], "a list"],
      [ask, "a function"]
    ] as const) {
      assert.deepStrictEqual(foundIn(found), [`policy: expected an object, found ${shown}`])
      for (const part of ["swap", "retry", "table", "chains"]) {
        assert.deepStrictEqual(foundIn({ [part]: found }), [`policy.${part}: expected an object, found ${shown}`])
      }
      assert.deepStrictEqual(foundIn({ hedge: found }), [`policy.hedge: expected { after }, found ${shown}`])
      assert.deepStrictEqual(foundIn({ hold: found }), [`policy.hold: expected ${holds}, found ${shown}`])
    }
    assert.deepStrictEqual(foundIn({ table: { Overloaded: null } }), [
      "policy.table.Overloaded: expected an object, found null"
    ])
  })

  it("does not take null for what was left out", () => {
    for (const part of ["maxAttempts", "longestRetryAfterMs", "hold", "hedge", "rotation", "decide"]) {
      const [problem, ...further] = problemsOf({ [part]: null })
      assert.deepInclude(problem, { place: `policy.${part}`, found: "null" })
      assert.deepStrictEqual(further, [])
    }
  })

  it("tells what nobody reads", () => {
    const reasons = Object.keys(FailoverPolicy.defaults.table).toSorted()
    const row = { same: "never", onward: "next" }
    const parts = "maxAttempts, longestRetryAfterMs, swap, retry, table, chains, hold, hedge, rotation, decide"
    const [first, second, third, ...further] = problemsOf({
      retry: { socket: Schedule.recurs(1) },
      table: { Timeout: row, Overloaded: row },
      maxAttempt: 3
    })
    assert.deepStrictEqual(first, {
      kind: "UnknownOption",
      place: "policy.retry.socket",
      expected: "one of the keys reach, connection, response, capacity",
      found: '"socket"'
    })
    assert.deepInclude(second, { kind: "UnknownOption", place: "policy.table.Timeout", found: '"Timeout"' })
    const named = second?.expected.replace("one of the keys ", "").split(", ").toSorted()
    assert.deepStrictEqual(named, reasons)
    assert.deepStrictEqual(third, {
      kind: "UnknownOption",
      place: "policy.maxAttempt",
      expected: `one of the keys ${parts}`,
      found: '"maxAttempt"'
    })
    assert.deepStrictEqual(further, [])
  })

  it("wants both halves of a row, and what an app's own word on swaps is made of", () => {
    assert.deepStrictEqual(
      problemsOf({ table: { Overloaded: {} } }).map(({ found, place }) => [place, found]),
      [
        ["policy.table.Overloaded.same", "undefined"],
        ["policy.table.Overloaded.onward", "undefined"]
      ]
    )
    assert.deepStrictEqual(foundIn({ swap: { start: { ask: "yes", within: "near", limitMs: "5" }, midTurn: {} } }), [
      'policy.swap.start.ask: expected a function, found "yes"',
      `policy.swap.start.within: expected ${closeness}, found "near"`,
      'policy.swap.start.limitMs: expected milliseconds above 0, found "5"',
      "policy.swap.midTurn.ask: expected a function, found undefined"
    ])
  })

  it("names the place in a list", () => {
    assert.deepStrictEqual(foundIn({ chains: { ModelNotFound: ["openai/gpt-5.5", 5] } }), [
      "policy.chains.ModelNotFound[1]: expected a text, found 5"
    ])
  })

  it("wants one amount to hold, and no other", () => {
    for (const hold of [{}, { bits: 5 }, { parts: 20, bytes: 4096 }]) {
      assert.deepStrictEqual(foundIn({ hold }), [`policy.hold: expected ${holds}, found an object`])
    }
    for (const [parts, shown] of [
      [Number.NaN, "NaN"],
      ["20", '"20"'],
      [undefined, "undefined"],
      [[20], "a list"]
    ] as const) {
      assert.deepStrictEqual(foundIn({ hold: { parts } }), [
        `policy.hold.parts: expected a whole number from 1 to ${Hold.longestParts}, found ${shown}`
      ])
    }
    assert.deepStrictEqual(foundIn({ hold: { bytes: null } }), [
      `policy.hold.bytes: expected a whole number from 1 to ${Hold.longestBytes}, found null`
    ])
  })

  it("repeats no key that was pasted into the wrong place", () => {
    const key = `sk-ant-api03-${"k".repeat(40)}`
    const problems = problemsOf({
      rotation: key,
      [key]: 1,
      decide: { apiKey: key },
      chains: { ModelNotFound: [{ key }] }
    })
    assert.deepStrictEqual(
      problems.map(({ found, place }) => [place, found]),
      [
        ["policy.chains.ModelNotFound[0]", "an object"],
        ["policy.rotation", "a text that may be a key"],
        ["policy.decide", "an object"],
        ["policy, id 2", "a text that may be a key"]
      ]
    )
    assert.notInclude(JSON.stringify(problems), key)
  })

  it("takes every word that there is", () => {
    const swaps = ["never", "same-model", "same-family", "any", { ask }, { ask, within: "same-family" }] as const
    for (const start of swaps) assert.deepStrictEqual(foundIn({ swap: { start, midTurn: start } }), [])
    for (const hold of ["first-content", "tool-call", "whole", { parts: 1 }, { bytes: 1 }]) {
      assert.deepStrictEqual(foundIn({ hold }), [])
    }
    for (const rotation of Object.keys(rotations)) assert.deepStrictEqual(foundIn({ rotation }), [])
    for (const same of Object.keys(sames)) {
      for (const onward of Object.keys(onwards)) {
        assert.deepStrictEqual(foundIn({ table: { Unclassified: { same, onward } } }), [])
      }
    }
    assert.deepStrictEqual(foundIn({ chains: { ContentRefused: [], ModelNotFound: ["openai/gpt-5.5"] } }), [])
    assert.deepStrictEqual(foundIn(FailoverPolicy.defaults), [])
    assert.deepStrictEqual(foundIn({ ...FailoverPolicy.defaults, typo: undefined }), [])
    assert.deepStrictEqual(foundIn(undefined), [])
  })
})

describe("make", () => {
  it("takes the parts that are no numbers as they are given", () => {
    const given = { hold: "whole", hedge: { after: "p95" }, rotation: "least-recently-used" } as const
    assert.deepInclude(FailoverPolicy.make(given), given)
  })
})

describe("a part that is undefined", () => {
  const everywhere = {
    ...undefinedOf(FailoverPolicy.defaults),
    swap: undefinedOf(FailoverPolicy.defaults.swap),
    retry: undefinedOf(FailoverPolicy.defaults.retry),
    table: undefinedOf(FailoverPolicy.defaults.table),
    chains: { ContextOverflow: undefined }
    // With `exactOptionalPropertyTypes` nobody may write it; without, and in JavaScript, everybody may.
  } as unknown as FailoverPolicy.Overrides

  it("stays what it is by default", () => {
    assert.deepStrictEqual(FailoverPolicy.make(everywhere), FailoverPolicy.defaults)
    assert.deepStrictEqual(
      FailoverPolicy.make(undefinedOf(FailoverPolicy.defaults) as FailoverPolicy.Overrides),
      FailoverPolicy.defaults
    )
    assert.deepStrictEqual(Result.getOrThrow(FailoverPolicy.check(everywhere)), FailoverPolicy.defaults)
  })

  it.effect("does not break the first call whose provider is overloaded", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(fails(overloaded), answers("never"))
      yield* Effect.flip(failover.run({ chain: [opus], attempt }))
      assert.lengthOf(made, 1)
    }).pipe(Effect.provide(layer({ ...everywhere, maxAttempts: 1 })))
  )
})
