import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Demo from "../src/Demo.ts"
import { DemoReport } from "../src/DemoReport.ts"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

const start = (...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, ["--conditions=@holdfast/source", bin, ...args])
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  const ended = once(child, "close").then(([code]: Array<unknown>) => ({ code, stdout, stderr }))
  return { child, ended, stderr: () => stderr }
}

const command = (...args: ReadonlyArray<string>) => Effect.promise(() => start(...args).ended)

const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1) ?? ""

/** Whether a process of this id lives. */
const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe("holdfast demo", () => {
  it.live("prints one object with the same numbers for both runs, the naive one swapped and Holdfast not", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* command("demo", "--json", "--turns", "300", "--seed", "5")
      assert.strictEqual(code, 0, stderr)
      const report = yield* Schema.decodeEffect(Schema.fromJsonString(DemoReport))(lastLine(stdout))
      const { holdfast, naive } = report
      assert.deepInclude(report, { turns: 300, seed: 5 })
      const raw = JSON.parse(lastLine(stdout))
      assert.deepStrictEqual(Object.keys(raw.naive), Object.keys(raw.holdfast))
      assert.deepStrictEqual(Object.keys(raw.holdfast), [
        "completed",
        "swapped",
        "announcedSwaps",
        "duplicateRuns",
        "duplicateSideEffects",
        "staleMet",
        "staleAvoided",
        "staleRepaired",
        "p50Ms",
        "p99Ms"
      ])
      assert.strictEqual(naive.completed, 300)
      assert.isAbove(naive.swapped, 0)
      assert.isAtLeast(naive.staleMet, naive.swapped)
      assert.strictEqual(naive.announcedSwaps, 0)
      assert.deepInclude(holdfast, { completed: 300, swapped: 0, announcedSwaps: 0, duplicateSideEffects: 0 })
      assert.strictEqual(holdfast.staleRepaired, holdfast.staleMet)
      for (const { p50Ms, p99Ms } of [naive, holdfast]) assert.isTrue(0 < p50Ms && p50Ms < p99Ms)
      // No terminal: plain lines.
      assert.include(stderr, "Holdfast: 300 of 300 turns\n")
      assert.notInclude(stderr, "\u001b")
    })
  )

  it.live("prints a table and what it means", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* command("demo", "--turns", "1")
      assert.strictEqual(code, 0)
      assert.match(stdout, /│ turns completed +│ +1 │ +1 │/)
      // A single turn is over before the first burst.
      assert.include(stdout, "this run proves nothing")
      assert.include(stdout, "no side effect ran twice")
    })
  )

  it.live.each([
    ["--turns", "0", "Expected a whole number from 1 to 100000"],
    ["--turns", "-1", "Expected a whole number from 1 to 100000"],
    ["--turns", "100001", "Expected a whole number from 1 to 100000"],
    ["--turns", "1.5", "--turns"],
    ["--turns", "many", "--turns"],
    ["--seed", "1e30", "--seed"],
    ["--sed", "1", "Unrecognized flag: --sed"]
  ] as const)("refuses %s %s and says why", ([flag, value, why]) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* command("demo", flag, value)
      assert.strictEqual(code, 1)
      assert.include(stderr, why)
    })
  )

  it.live("stops its processes when it is interrupted", () =>
    Effect.gen(function* () {
      const demo = start("demo", "--turns", "100000")
      yield* Effect.promise(() => once(demo.child.stderr, "data"))
      const children = yield* Effect.promise(() => childrenOf(demo.child.pid))
      assert.strictEqual(children.length, 2)
      demo.child.kill("SIGINT")
      const { code } = yield* Effect.promise(() => demo.ended)
      assert.strictEqual(code, 130)
      assert.deepStrictEqual(
        children.filter(({ pid }) => lives(pid)),
        []
      )
    })
  )

  it.live.each([
    ["naive", "naiveProcess"],
    ["holdfast", "holdfastProcess"]
  ] as const)("fails where the %s run breaks off", ([name, program]) =>
    Effect.gen(function* () {
      const kill = Effect.promise(async () => {
        const own = (await childrenOf(process.pid)).find(({ args }) => args.includes(program))
        if (own !== undefined) process.kill(own.pid, "SIGKILL")
      })
      const onProgress = (run: string) => (run === name ? kill : Effect.void)
      const error = yield* Effect.flip(Demo.run({ turns: 100, seed: 1, onProgress }))
      assert.strictEqual(error._tag, "DemoFailed")
      assert.strictEqual(
        error.message,
        `the ${name} run broke off: its process ended by a signal before it had finished`
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

interface Process {
  readonly pid: number
  readonly args: string
}

/** The processes that a process started. */
const childrenOf = async (parent: number | undefined): Promise<ReadonlyArray<Process>> => {
  const { stdout } = await promisify(execFile)("ps", ["-Ao", "pid=,ppid=,args="])
  return stdout.split("\n").flatMap((line) => {
    const [, pid, ppid, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return Number(ppid) === parent && args !== undefined && !args.startsWith("ps ") ? [{ pid: Number(pid), args }] : []
  })
}
