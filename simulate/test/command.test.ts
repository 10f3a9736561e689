import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Command } from "effect/cli"
import * as Simulate from "../command.ts"

const to =
  (lines: Array<string>) =>
  (...texts: ReadonlyArray<unknown>) =>
    void lines.push(texts.join(" "))

/** Runs the command line, and gives what it printed and whether it was taken. */
const simulate = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const out: Array<string> = []
  const err: Array<string> = []
  const told: Array<string> = []
  const printer: Console.Console = { ...console, log: to(out), error: to(err) }
  const exit = yield* Command.runWith(
    Simulate.make((line) => told.push(line)),
    { version: "0.0.0" }
  )(args).pipe(Effect.provideService(Console.Console, printer), Effect.provide(NodeServices.layer), Effect.exit)
  return { taken: exit._tag === "Success", out: out.join("\n"), err: err.join("\n"), told }
})

const keys = [
  "turns",
  "completed",
  "swaps",
  "silentSwaps",
  "duplicateSideEffects",
  "calls",
  "attempts",
  "peakAttemptsRatioWhileDown"
]

describe("simulate", () => {
  it.live("prints the numbers of all fleets in the last line of --json", () =>
    Effect.gen(function* () {
      const { out, taken, told } = yield* simulate("--agents", "10", "--hours", "0.5", "--seed", "3", "--json")
      assert.isTrue(taken)
      const lines = out.split("\n").map((line): unknown => JSON.parse(line))
      const last = lines.at(-1) as Record<string, Record<string, number>>
      assert.deepStrictEqual(Object.keys(last), ["holdfast", "naive", "sdk"])
      for (const numbers of Object.values(last)) {
        assert.deepStrictEqual(Object.keys(numbers), keys)
        for (const number of Object.values(numbers)) assert.isTrue(Number.isFinite(number))
      }
      assert.isAbove(last["holdfast"]?.["calls"] ?? 0, 0)
      assert.match(told[0] ?? "", /^holdfast, 10 agents, 0\.0 of 0\.5 h, \d+ calls, \d+ s$/)
      assert.strictEqual(told.at(-1), "")
    })
  )

  it.live("prints tables without --json", () =>
    Effect.gen(function* () {
      const { out } = yield* simulate("--agents", "10", "--hours", "0.2")
      assert.match(out, /duplicate side effects/)
      assert.match(out, /anthropic/)
    })
  )

  for (const [flag, value, expected] of [
    ["--agents", "0", /whole number from 1 to 100000/],
    ["--agents", "-5", /whole number from 1 to 100000/],
    ["--agents", "1.5", /Expected/],
    ["--agents", "NaN", /Expected/],
    ["--agents", "100001", /whole number from 1 to 100000/],
    ["--hours", "0", /above 0 and up to 720/],
    ["--hours", "-1", /above 0 and up to 720/],
    ["--hours", "NaN", /Expected/],
    ["--hours", "Infinity", /Expected/],
    ["--hours", "721", /above 0 and up to 720/],
    ["--seed", "0", /whole number from 1/],
    ["--seed", "-1", /whole number from 1/],
    ["--seed", "x", /Expected/]
  ] as const) {
    it.live(`refuses ${flag} ${value}, and says what it expects`, () =>
      Effect.gen(function* () {
        const { err, out, taken } = yield* simulate(flag, value)
        assert.isFalse(taken)
        assert.match(err + out, expected)
        assert.include(err + out, flag.slice(2))
      })
    )
  }
})
