/** One contestant, as a process of its own: plays rounds and says what they took. */
/* oxlint-disable no-await-in-loop -- one after the other, so that nothing is measured beside another */
import { mkdir, writeFile } from "node:fs/promises"
import { Session } from "node:inspector/promises"
import { dirname } from "node:path"
import { serve } from "./child.ts"
import { askedOf } from "./contestant.ts"
import type { Name } from "./contestants.ts"
import { contestants } from "./contestants.ts"
import type { Hold, Workload } from "./wire.ts"
import { expected } from "./wire.ts"

/** A round to be played. */
export interface RoundAsked {
  readonly workload: Workload
  readonly calls: number
  readonly atOnce: number
}

/** What a round took of this process, in microseconds, all calls together. */
export interface Took {
  /** User and system time of all threads, the collector's among them. */
  readonly cpuUs: number
  readonly wallUs: number
}

/** What became of held streams. */
export interface Held {
  /** Delivered whole. */
  readonly whole: number
  readonly lost: number
  /** How the first of those that were lost ended. */
  readonly why?: string
}

/** Memory after two full collections, in bytes. */
export interface Memory {
  readonly heapBytes: number
  readonly externalBytes: number
  readonly rssBytes: number
}

const [name = "", origin = ""] = process.argv.slice(2)
const client = await (await contestants[name as Name].load())()

const round = async ({ atOnce, calls, workload }: RoundAsked): Promise<Took> => {
  const play = client.round(askedOf(origin, workload))
  const before = process.cpuUsage()
  const begun = process.hrtime.bigint()
  const counted = await play(calls, atOnce)
  const wallUs = Number(process.hrtime.bigint() - begun) / 1000
  const { system, user } = process.cpuUsage(before)
  const wanted = calls * expected(workload, client.counted)
  if (counted !== wanted) throw new Error(`${name} read ${counted} of ${workload}'s ${wanted}`)
  return { cpuUs: user + system, wallUs }
}

/** A round that is looked into. */
const profile = async ({ path, ...asked }: RoundAsked & { readonly path: string }): Promise<void> => {
  const session = new Session()
  session.connect()
  await session.post("Profiler.enable")
  await session.post("Profiler.setSamplingInterval", { interval: 100 })
  await session.post("Profiler.start")
  await round(asked)
  const { profile } = await session.post("Profiler.stop")
  session.disconnect()
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, JSON.stringify(profile))
}

const hold = async ({ count, ...asked }: Hold & { readonly count: number }): Promise<Held> => {
  const play = client.round(askedOf(origin, asked))
  const wanted = expected(asked, client.counted)
  const one = async () => {
    const counted = await play(1, 1)
    if (counted !== wanted) throw new Error(`read ${counted} of ${wanted}`)
  }
  const ends = await Promise.allSettled(Array.from({ length: count }, one))
  const failed = ends.filter((end) => end.status === "rejected")
  const [first] = failed
  return {
    whole: count - failed.length,
    lost: failed.length,
    ...(first !== undefined && { why: String(first.reason) })
  }
}

const memory = async (): Promise<Memory> => {
  for (let collection = 0; collection < 2; collection++) {
    // Callbacks of what has ended run first, and let go of what they hold.
    await new Promise((resolve) => setTimeout(resolve, 50))
    globalThis.gc?.()
  }
  const { external, heapUsed, rss } = process.memoryUsage()
  return { heapBytes: heapUsed, externalBytes: external, rssBytes: rss }
}

const questions = { round, profile, hold, memory, close: () => client.close() }

/** What a contestant's process can be asked. */
export type Questions = typeof questions

serve(questions)
