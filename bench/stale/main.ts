/**
 * How many requests meet a stale socket: real nginx and haproxy that close idle connections after 1 s, and calls that come
 * 1 s ± 5 ms after one another, with and without each of the three means against it.
 *
 *     node --conditions=@holdfast/source bench/stale/main.ts [--requests N] [--workers N] [--jobs N] [--pools own|shared]
 *       [--only text] [--json]
 *
 * Each case runs in a process of its own. `--only nginx/io` runs the cases whose name has this in it.
 */
import type { ExecFileException } from "node:child_process"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { parseArgs, promisify } from "node:util"
import * as Program from "@holdfast/testing/Program"
import * as Effect from "effect/Effect"
import { extraTurns } from "../../packages/node/src/internal/turns.ts"
import type { Case, Result } from "./case.ts"

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "5000" },
    workers: { type: "string", default: "50" },
    jobs: { type: "string", default: "4" },
    pools: { type: "string", default: "own" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false }
  }
})
const numberOf = (option: "requests" | "workers" | "jobs"): number => {
  const number = Number(values[option])
  if (Number.isInteger(number) && number > 0) return number
  process.stderr.write(`--${option} ${values[option]}: expected a whole number above 0\n`)
  return process.exit(2)
}
const requests = numberOf("requests")
const workers = numberOf("workers")
const jobs = numberOf("jobs")

const pools = values.pools === "shared" ? "shared" : "own"

const means = [0, extraTurns].flatMap((turns) =>
  (["default", "below"] as const).flatMap((keepAlive) => [false, true].map((learn) => ({ turns, keepAlive, learn })))
)
// What one turn more or less does, by itself.
const alone = [1, 2]
  .filter((turns) => turns !== extraTurns)
  .map((turns) => ({ turns, keepAlive: "default" as const, learn: false }))

const cases: ReadonlyArray<Case> = (["nginx", "haproxy"] as const).flatMap((server) =>
  (["timer", "io"] as const).flatMap((shape) =>
    [...alone, ...means].map(({ keepAlive, learn, turns }) => ({
      server,
      shape,
      pools,
      turns,
      keepAlive,
      learn,
      requests,
      workers
    }))
  )
)

const nameOf = ({ keepAlive, learn, server, shape, turns }: Case): string =>
  [
    server,
    shape,
    `turns ${turns}`,
    keepAlive === "below" ? "limit" : "no limit",
    learn ? "learning" : "not learning"
  ].join("/")

interface Measured {
  readonly case: Case
  readonly result: Result
}

/** Runs a case; one that breaks is told of and left out. */
const run = (given: Case): Effect.Effect<ReadonlyArray<Measured>> =>
  Effect.tryPromise(async () => {
    const file = fileURLToPath(new URL("./case.ts", import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--conditions=@holdfast/source",
      "--no-warnings",
      file,
      JSON.stringify(given)
    ])
    return [{ case: given, result: JSON.parse(stdout) as Result }]
  }).pipe(
    Effect.catch(({ cause }) =>
      Effect.sync(() => {
        const { code, signal, stdout } = cause as ExecFileException
        process.stderr.write(`${nameOf(given)} broke: ${signal ?? `exit ${code}`} ${stdout ?? ""}\n`)
        process.exitCode = 1
        return []
      })
    )
  )

const columns = (given: Case, result: Result): ReadonlyArray<string> => [
  given.server,
  given.shape,
  String(given.turns),
  given.keepAlive === "below" ? "600 ms" : "-",
  given.learn ? "on" : "off",
  String(result.stale),
  String(result.repaired),
  String(result.failed),
  String(result.staleArrived),
  String(result.twice),
  String(result.opened),
  result.learnt === undefined ? "-" : `${result.learnt.least}-${result.learnt.most} ms`
]

const heading = [
  "server",
  "shape",
  "turns",
  "limit",
  "learning",
  "stale",
  "repaired",
  "failed",
  "stale arrived",
  "run twice",
  "connections",
  "learnt"
]

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = heading.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const missing = ["nginx", "haproxy"].filter((program) => Program.find(program) === undefined)
const chosen = cases.filter((given) => nameOf(given).includes(values.only) && !missing.includes(given.server))
for (const program of missing) process.stderr.write(`this machine has no ${program}: its cases are left out\n`)
const least = Math.ceil((chosen.length / jobs) * ((requests / workers) * 1.02 + 3))
process.stderr.write(`${chosen.length} cases of ${requests} requests, about ${least} s\n`)

const results = (await Effect.runPromise(Effect.forEach(chosen, run, { concurrency: jobs }))).flat()
if (values.json) {
  process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`)
} else {
  const rows = results.map((each) => columns(each.case, each.result))
  process.stdout.write(
    `per ${requests} requests, pools: ${pools}\n${table([heading, ...rows])}\n\nfailures of attempts, all cases\n`
  )
  const failures = new Map<string, number>()
  for (const { result } of results) {
    for (const [seen, times] of Object.entries(result.failures)) failures.set(seen, (failures.get(seen) ?? 0) + times)
  }
  for (const [seen, times] of failures) process.stdout.write(`${String(times).padStart(6)}  ${seen}\n`)
}
