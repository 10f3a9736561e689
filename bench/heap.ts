/** Whether memory grows with calls: the heap after full collections, over many calls. */
/* oxlint-disable no-await-in-loop -- one after the other, so that nothing is measured beside another */
import type { Name } from "./contestants.ts"
import { baseline } from "./contestants.ts"
import { Field } from "./field.ts"
import { slope } from "./statistics.ts"

/** Who is looked at unless told otherwise; the baseline's own slope tells what the machine's noise is. */
export const defaultNames: ReadonlyArray<Name> = [baseline, "send", "client", "fetch", "failover"]

/** How much is measured. */
export interface Options {
  readonly calls: number
  readonly atOnce: number
  readonly names: ReadonlyArray<Name>
  readonly onProgress: (what: string) => void
}

/** How one contestant's heap grew. */
export interface Row {
  readonly name: Name
  readonly calls: number
  readonly firstBytes: number
  readonly lastBytes: number
  readonly bytesPerCall: number
  readonly met: boolean
}

/** The most that the heap may grow, in bytes a call. */
export const targetBytesPerCall = 50

const samples = 20
// Code is compiled and connections are opened in the first calls.
const warmUpSamples = 4

/** Measures one contestant after the other, each in a process of its own. */
export const run = async ({ atOnce, calls, names, onProgress }: Options): Promise<ReadonlyArray<Row>> => {
  await using field = new Field()
  const rows: Array<Row> = []
  const each = Math.ceil(calls / samples)
  for (const name of names) {
    const client = await field.start(name)
    const heap: Array<number> = []
    for (let sample = 0; sample < samples + warmUpSamples; sample++) {
      onProgress(`${name}: ${sample * each} calls`)
      await client.ask("round", { workload: "post", calls: each, atOnce })
      const { heapBytes } = await client.ask("memory")
      if (sample >= warmUpSamples) heap.push(heapBytes)
    }
    await field.end(client)
    rows.push(rowOf(name, heap, each))
  }
  return rows
}

const rowOf = (name: Name, heap: ReadonlyArray<number>, callsBetween: number): Row => {
  const bytesPerCall = slope(heap) / callsBetween
  return {
    name,
    calls: heap.length * callsBetween,
    firstBytes: heap[0] ?? Number.NaN,
    lastBytes: heap.at(-1) ?? Number.NaN,
    bytesPerCall,
    met: bytesPerCall < targetBytesPerCall
  }
}
