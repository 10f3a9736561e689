/**
 * CPU and wall time per call and per stream: one process a contestant, all of one server, rounds in turn. Only one plays
 * at a time.
 */
/* oxlint-disable no-await-in-loop -- one after the other, so that nothing is measured beside another */
import type { Took } from "./client.ts"
import type { Name } from "./contestants.ts"
import { baseline, contestants } from "./contestants.ts"
import type { Client } from "./field.ts"
import { Field } from "./field.ts"
import { median, medianRatio, rotated } from "./statistics.ts"
import type { Workload } from "./wire.ts"

/** How much is measured. */
export interface Options {
  /** How many processes each contestant gets, one after the other: the compiler and the collector find other ways in each. */
  readonly processes: number
  /** Rounds in each process. */
  readonly rounds: number
  /** POSTs a round; of streams, which take about as much time as 16 of them, a sixteenth. */
  readonly calls: number
  /** POSTs before the first round, counted in the same way. */
  readonly warmUpCalls: number
  readonly atOnce: number
  readonly names: ReadonlyArray<Name>
  readonly workloads: ReadonlyArray<Workload>
  /** A folder for a CPU profile of each contestant's last round, which does not count. */
  readonly profile: string | undefined
  readonly onProgress: (what: string) => void
}

/** What one contestant took for one workload. */
export interface Row {
  readonly name: Name
  readonly workload: Workload
  /** Microseconds per call: the median of the rounds. */
  readonly cpuUs: number
  readonly wallUs: number
  /** CPU, times the baseline's of the same round: the median of the rounds. */
  readonly ratio: number
  readonly targets: ReadonlyArray<TargetOutcome>
}

/** Whether a target was met. */
export interface TargetOutcome {
  readonly times: number
  readonly of: Name
  readonly ratio: number
  readonly met: boolean
}

/** Measures. */
export const run = async (options: Options): Promise<ReadonlyArray<Row>> => {
  const names = withOpponents(options.names)
  await using field = new Field()
  const played = new Map(options.workloads.map((workload) => [workload, emptyRounds(names)] as const))
  for (let pass = 1; pass <= options.processes; pass++) {
    const onProgress = (what: string) => options.onProgress(`process ${pass} of ${options.processes}, ${what}`)
    const clients = new Map(await Promise.all(names.map(async (name) => [name, await field.start(name)] as const)))
    for (const [workload, rounds] of played) await play(workload, clients, rounds, { ...options, onProgress })
    await Promise.all([...clients.values()].map((client) => field.end(client)))
  }
  return [...played].flatMap(([workload, rounds]) => names.map((name) => rowOf(name, workload, rounds)))
}

const opponentsOf = (name: Name): ReadonlyArray<Name> => (contestants[name].targets ?? []).map(({ of }) => of)

const emptyRounds = (names: ReadonlyArray<Name>): Rounds => new Map(names.map((name) => [name, []]))

/** Ratios and targets need those they are measured against. */
const withOpponents = (names: ReadonlyArray<Name>): ReadonlyArray<Name> => [
  ...new Set<Name>([baseline, ...names.flatMap(opponentsOf), ...names])
]

// The compiler goes on for thousands of streams, and connections are to be opened.
const warmUpRoundsOf = ({ calls, warmUpCalls }: Options): number => Math.max(1, Math.ceil(warmUpCalls / calls))

/** What each round took per call. */
type Rounds = ReadonlyMap<Name, Array<Took>>

const play = async (
  workload: Workload,
  clients: ReadonlyMap<Name, Client>,
  played: Rounds,
  options: Options
): Promise<void> => {
  const { atOnce, calls, onProgress, profile, rounds } = options
  const warmUpRounds = warmUpRoundsOf(options)
  for (let round = 1 - warmUpRounds; round <= rounds; round++) {
    onProgress(`${workload}: ${round < 1 ? "warming up" : `round ${round} of ${rounds}`}`)
    for (const [name, client] of rotated([...clients], round + warmUpRounds)) {
      const asked = {
        workload,
        atOnce,
        calls: round < 1 ? wholeRoundOf(workload, calls) : callsOf(name, workload, calls)
      }
      const { cpuUs, wallUs } = await client.ask("round", asked)
      if (round > 0) played.get(name)?.push({ cpuUs: cpuUs / asked.calls, wallUs: wallUs / asked.calls })
    }
  }
  if (profile !== undefined) {
    for (const [name, client] of clients) {
      const path = `${profile}/${name}.${workload}.cpuprofile`
      await client.ask("profile", { workload, atOnce, calls: callsOf(name, workload, calls), path })
    }
  }
}

const wholeRoundOf = (workload: Workload, calls: number): number => Math.ceil(calls / (workload === "post" ? 1 : 16))

const callsOf = (name: Name, workload: Workload, calls: number): number =>
  Math.ceil(wholeRoundOf(workload, calls) / (contestants[name].slow === true ? 4 : 1))

const rowOf = (name: Name, workload: Workload, played: Rounds): Row => {
  const cpu = cpuOf(played, name)
  const targets = (contestants[name].targets ?? []).filter(({ streams }) => streams !== true || workload !== "post")
  return {
    name,
    workload,
    cpuUs: median(cpu),
    wallUs: median((played.get(name) ?? []).map(({ wallUs }) => wallUs)),
    ratio: medianRatio(cpu, cpuOf(played, baseline)),
    targets: targets.map((target) => outcomeOf(target, cpu, played))
  }
}

const outcomeOf = (
  { of, times }: Pick<TargetOutcome, "of" | "times">,
  cpu: ReadonlyArray<number>,
  played: Rounds
): TargetOutcome => {
  const ratio = medianRatio(cpu, cpuOf(played, of))
  return { times, of, ratio, met: ratio <= times }
}

const cpuOf = (played: Rounds, name: Name): ReadonlyArray<number> => (played.get(name) ?? []).map(({ cpuUs }) => cpuUs)
