/** The bench's command line. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CliError, Command, Flag } from "effect/cli"
import * as Arguments from "./arguments.ts"
import { names, namesIn } from "./contestants.ts"
import * as Cpu from "./cpu.ts"
import * as Heap from "./heap.ts"
import * as Imports from "./imports.ts"
import * as Report from "./report.ts"
import { workloads } from "./wire.ts"
import * as Streams from "./streams.ts"

// As many as an agent's process has on the way when it is busy.
const atOnce = 16

const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Prints the numbers as one JSON object, in a line"),
  Flag.withDefault(false)
)

const quick = Flag.Boolean("quick").pipe(
  Flag.withDescription("A short run, which shows that everything works and little more"),
  Flag.withDefault(false)
)

const only = Flag.String("only").pipe(
  Flag.withDescription(`Contestants, by comma: ${names.join(", ")}`),
  Flag.filterMap(namesIn, (text) => `Expected names out of ${names.join(", ")}, with commas between them; got ${text}`),
  Flag.optional
)

const number = (name: string, description: string) =>
  Flag.Int(name).pipe(
    Flag.withDescription(description),
    Flag.filter(
      (value) => value >= 1,
      () => "Expected a whole number from 1"
    ),
    Flag.optional
  )

const cpu = Command.make(
  "cpu",
  {
    json,
    quick,
    only,
    workload: Flag.Literals("workload", workloads).pipe(Flag.withDescription("One workload alone"), Flag.optional),
    profile: Flag.String("profile").pipe(
      Flag.withDescription("A folder for a CPU profile of one more round of each contestant"),
      Flag.optional
    ),
    processes: number("processes", "Processes each contestant gets, one after the other. Default 3"),
    rounds: number("rounds", "Rounds in each process; the median of all is reported. Default 9"),
    calls: number("calls", "POSTs a round; of streams a sixteenth, for slow contestants a quarter. Default 4000"),
    warmUp: number("warm-up", "POSTs before the first round, counted as --calls are. Default 32000")
  },
  ({ calls, json, only, processes, profile, quick, rounds, warmUp, workload }) =>
    measured("cpu", json, Report.cpu, () =>
      Cpu.run({
        processes: Option.getOrElse(processes, () => (quick ? 1 : 3)),
        rounds: Option.getOrElse(rounds, () => (quick ? 5 : 9)),
        calls: Option.getOrElse(calls, () => (quick ? 800 : 4000)),
        warmUpCalls: Option.getOrElse(warmUp, () => (quick ? 2400 : 32_000)),
        atOnce,
        names: Option.getOrElse(only, () => names),
        workloads: Option.match(workload, { onNone: () => workloads, onSome: (one) => [one] }),
        profile: Option.getOrUndefined(profile),
        onProgress
      })
    )
).pipe(Command.withDescription("CPU and wall time per call and per stream, beside undici.request"))

const heap = Command.make(
  "heap",
  { json, quick, only, calls: number("calls", "Calls of each contestant. Default 200000") },
  ({ calls, json, only, quick }) =>
    measured("heap", json, Report.heap, () =>
      Heap.run({
        calls: Option.getOrElse(calls, () => (quick ? 20_000 : 200_000)),
        atOnce,
        names: Option.getOrElse(only, () => Heap.defaultNames),
        onProgress
      })
    )
).pipe(Command.withDescription("How much the heap grows with calls, after full collections"))

const streams = Command.make(
  "streams",
  {
    json,
    quick,
    only,
    count: number("count", "Streams that are open at the same time. Default 5000"),
    seconds: number("seconds", "How long all of them are open. Default 60")
  },
  Effect.fnUntraced(function* ({ count, json, only, quick, seconds }) {
    const streams = Option.getOrElse(count, () => (quick ? 200 : 5000))
    const refusal = Streams.tooMany(streams)
    if (refusal !== undefined) return yield* new CliError.UserError({ cause: refusal })
    return yield* measured("streams", json, Report.streams, () =>
      Streams.run({
        count: streams,
        seconds: Option.getOrElse(seconds, () => (quick ? 5 : 60)),
        names: Option.getOrElse(only, () => Streams.defaultNames),
        onProgress
      })
    )
  })
).pipe(Command.withDescription("Many streams held open: memory of each, and whether all come to their end"))

const args = Command.make("arguments", { json, quick }, ({ json, quick }) =>
  measured("arguments", json, Report.args, () => Arguments.run({ rounds: quick ? 3 : 15, onProgress }))
).pipe(Command.withDescription("The arguments of a tool call that come in small pieces, from 12.5 to 100 KB"))

const imports = Command.make("imports", { json, quick }, ({ json, quick }) =>
  measured("imports", json, Report.imports, () => Imports.run({ rounds: quick ? 1 : 5, onProgress }))
).pipe(Command.withDescription("What importing one provider loads, and how long it takes"))

/** Measures and prints; progress goes to the terminal's other stream, so that the output is the report. */
const measured = <Row>(
  part: string,
  json: boolean,
  draw: (rows: ReadonlyArray<Row>) => string,
  run: () => Promise<ReadonlyArray<Row>>
): Effect.Effect<void> =>
  Effect.flatMap(Effect.promise(run), (rows) =>
    Console.log(json ? JSON.stringify({ part, node: process.version, rows }) : draw(rows))
  )

const onProgress = (what: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${what}`)
}

const bench = Command.make("bench").pipe(
  Command.withDescription("Measures Holdfast beside what is used without it, in one run against one server"),
  Command.withSubcommands([cpu, heap, streams, args, imports])
)

Command.run(bench, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
