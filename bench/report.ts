/** What was measured, as tables. */
import Table from "cli-table3"
import { contestants } from "./contestants.ts"
import * as Arguments from "./arguments.ts"
import type * as Cpu from "./cpu.ts"
import * as Heap from "./heap.ts"
import type * as Imports from "./imports.ts"
import type * as Streams from "./streams.ts"
import type { Workload } from "./wire.ts"
import { workloads } from "./wire.ts"

const titles: Record<Workload, string> = {
  post: "One POST with a small answer",
  stream1: "A stream of 200 events, one a write",
  stream10: "A stream of 200 events, ten a write"
}

/** CPU and wall time, a table for each workload. */
export const cpu = (rows: ReadonlyArray<Cpu.Row>): string =>
  workloads
    .filter((workload) => rows.some((row) => row.workload === workload))
    .map((workload) =>
      draw(
        [titles[workload], "CPU µs", "wall µs", "CPU ratio", "target"],
        rows
          .filter((row) => row.workload === workload)
          .map(({ cpuUs, name, ratio, targets, wallUs }) => [
            contestants[name].title,
            cpuUs.toFixed(1),
            wallUs.toFixed(1),
            ratio.toFixed(2),
            targets.map(targetText).join("\n")
          ])
      )
    )
    .join("\n")

const targetText = ({ met, of, ratio, times }: Cpu.TargetOutcome): string =>
  `${ratio.toFixed(2)} of ${contestants[of].title}, at most ${times.toFixed(2)}: ${met ? "met" : "NOT met"}`

/** The heap's growth. */
export const heap = (rows: ReadonlyArray<Heap.Row>): string =>
  draw(
    ["Heap after full collections", "calls", "first MB", "last MB", "bytes a call", "target"],
    rows.map(({ bytesPerCall, calls, firstBytes, lastBytes, met, name }) => [
      contestants[name].title,
      count(calls),
      mega(firstBytes),
      mega(lastBytes),
      bytesPerCall.toFixed(1),
      `below ${Heap.targetBytesPerCall}: ${met ? "met" : "NOT met"}`
    ])
  )

/** What streams held open cost. */
export const streams = (rows: ReadonlyArray<Streams.Row>): string =>
  draw(
    [
      "Streams held open",
      "streams",
      "all open for s",
      "heap KB each",
      "external KB each",
      "RSS KB each",
      "whole",
      "lost"
    ],
    rows.map(({ externalBytes, heapBytes, lost, name, openSeconds, rssBytes, why, ...row }) => [
      contestants[name].title,
      count(row.count),
      openSeconds.toFixed(0),
      kilo(heapBytes),
      kilo(externalBytes),
      kilo(rssBytes),
      count(row.whole),
      why === undefined ? count(lost) : `${count(lost)}: ${why}`
    ])
  )

/** What arguments in pieces cost by their size. */
export const args = (rows: ReadonlyArray<Arguments.Row>): string =>
  draw(
    ["A tool call's arguments, 12 characters an event", "KB", "CPU µs", "CPU a KB, to the smallest", "target"],
    rows.map(({ api, cpuUs, growth, kilobytes, met }) => [
      api,
      String(kilobytes),
      cpuUs.toFixed(0),
      growth.toFixed(2),
      `at most ${Arguments.targetGrowth.toFixed(2)}: ${met ? "met" : "NOT met"}`
    ])
  )

/** What importing a provider loads. */
export const imports = (rows: ReadonlyArray<Imports.Row>): string =>
  draw(
    ["Import", "ms", "own modules", "wire formats", "no other format"],
    rows.map(({ loaded, met, module, modules, ms }) => [
      module,
      ms.toFixed(0),
      count(modules),
      loaded.join("\n"),
      met === undefined ? "" : met ? "met" : "NOT met"
    ])
  )

const draw = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, index) => (index === 0 || index === head.length - 1 ? "left" : "right")),
    // Colours would be noise in a file.
    style: { head: [], border: [], compact: true }
  })
  for (const row of rows) table.push([...row])
  return table.toString()
}

const count = (value: number): string => value.toLocaleString("en-US")
const mega = (bytes: number): string => (bytes / 1e6).toFixed(2)
const kilo = (bytes: number): string => (bytes / 1e3).toFixed(1)
