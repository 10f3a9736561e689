/** Many streams held open at the same time: what each costs in memory, and whether all come to their end. */
/* oxlint-disable no-await-in-loop -- one after the other, so that nothing is measured beside another */
import { execFileSync } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"
import type { Memory } from "./client.ts"
import type { Name } from "./contestants.ts"
import { baseline } from "./contestants.ts"
import type { Client } from "./field.ts"
import { Field } from "./field.ts"

/** Who holds streams unless told otherwise. */
export const defaultNames: ReadonlyArray<Name> = [baseline, "send"]

/** How much is measured. */
export interface Options {
  readonly count: number
  /** For how long all of them are open, from when the last has begun. */
  readonly seconds: number
  readonly names: ReadonlyArray<Name>
  readonly onProgress: (what: string) => void
}

/** What one contestant's streams took. */
export interface Row {
  readonly name: Name
  readonly count: number
  readonly whole: number
  readonly lost: number
  readonly why?: string
  /** For how long all of them were open, in seconds. */
  readonly openSeconds: number
  /** Memory per stream, in bytes, over what the process took before. */
  readonly heapBytes: number
  readonly externalBytes: number
  readonly rssBytes: number
}

const everySeconds = 3
// In which all streams begin.
const openingSeconds = 9
// What a process has open besides.
const otherFiles = 100

/** More streams than this process may have files, or nothing. */
export const tooMany = (count: number): string | undefined => {
  const limit = Number(execFileSync("/bin/sh", ["-c", "ulimit -n"], { encoding: "utf8" }))
  // "unlimited" is no number.
  if (Number.isNaN(limit) || count + otherFiles <= limit) return undefined
  return `${count} streams need ${count + otherFiles} file descriptors and ${limit} are allowed: raise the hard limit (ulimit -Hn) or ask for fewer with --count`
}

/** Measures one contestant after the other, each in a process of its own. */
export const run = async (options: Options): Promise<ReadonlyArray<Row>> => {
  await using field = new Field()
  const rows: Array<Row> = []
  for (const name of options.names) {
    const client = await field.start(name)
    rows.push(await hold(name, client, field, options))
    await field.end(client)
  }
  return rows
}

const hold = async (
  name: Name,
  client: Client,
  { server }: Field,
  { count, onProgress, seconds }: Options
): Promise<Row> => {
  await client.ask("round", { workload: "stream1", calls: 500, atOnce: 50 })
  const before = await client.ask("memory")
  onProgress(`${name}: opening ${count} streams`)
  const ended = client.ask("hold", { count, seconds: openingSeconds + seconds + everySeconds, everySeconds })
  await Promise.race([ended, untilHeld(server, count)])
  const allOpen = performance.now()
  onProgress(`${name}: ${count} streams are open for ${seconds} s`)
  await Promise.race([ended, sleep(seconds * 1000)])
  const open = (await server.ask("held")) === count
  const openSeconds = open ? (performance.now() - allOpen) / 1000 : 0
  const after = await client.ask("memory")
  return { name, count, ...(await ended), openSeconds, ...perStream(before, after, count) }
}

const untilHeld = async (server: Field["server"], count: number): Promise<void> => {
  while ((await server.ask("held")) < count) await sleep(100)
}

const perStream = (before: Memory, after: Memory, count: number): Memory => ({
  heapBytes: (after.heapBytes - before.heapBytes) / count,
  externalBytes: (after.externalBytes - before.externalBytes) / count,
  rssBytes: (after.rssBytes - before.rssBytes) / count
})
