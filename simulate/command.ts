/** The simulation's command line. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { CliError, Command, Flag } from "effect/cli"
import * as Outcome from "./outcome.ts"
import * as Report from "./report.ts"
import type { Progress } from "./simulation.ts"
import * as Simulation from "./simulation.ts"

// More is more than the memory of one process holds.
const mostAgents = 100_000
const mostHours = 720

const wholeFrom1 = (name: string, most: number, description: string) =>
  Flag.Int(name).pipe(
    Flag.withDescription(description),
    Flag.filter(
      (value) => value >= 1 && value <= most,
      (value) => `Expected a whole number from 1 to ${most}, got ${value}`
    )
  )

const agents = wholeFrom1(
  "agents",
  mostAgents,
  "Agents of the fleet; those it is compared with are a tenth. Default 1000"
).pipe(Flag.withDefault(1000))

const hours = Flag.Finite("hours").pipe(
  Flag.withDescription("Simulated hours. Default 24"),
  Flag.filter(
    (value) => value > 0 && value <= mostHours,
    (value) => `Expected a number above 0 and up to ${mostHours}, got ${value}`
  ),
  Flag.withDefault(24)
)

const seed = wholeFrom1("seed", Number.MAX_SAFE_INTEGER, "The same seed gives the same report. Default 1").pipe(
  Flag.withDefault(1)
)

const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Prints lines of JSON: a line for each fleet, then the numbers of all"),
  Flag.withDefault(false)
)

/** `./scripts/simulate`: `told` hears where it stands, as a line of text. */
export const make = (told: (line: string) => void) =>
  Command.make(
    "simulate",
    { agents, hours, seed, json },
    Effect.fnUntraced(function* ({ agents, hours, json, seed }) {
      const startedAt = yield* Clock.currentTimeMillis
      const clock = yield* Clock.Clock
      const report = yield* Effect.orDie(
        Simulation.run({ agents, hours, seed }, (progress) =>
          told(lineOf(progress, hours, clock.currentTimeMillisUnsafe() - startedAt))
        )
      )
      told("")
      yield* Console.log(json ? Report.json(report) : Report.tables(report))
      const broken = Outcome.broken(report.holdfast)
      if (broken.length > 0) return yield* new CliError.UserError({ cause: `broken: ${broken.join("; ")}` })
    })
  ).pipe(Command.withDescription("A fleet of agents through a day of outages, beside fleets without Holdfast"))

const lineOf = ({ agents, calls, fleet, simulatedMs }: Progress, hours: number, elapsedMs: number): string =>
  [
    `${fleet}, ${agents} agents`,
    `${(simulatedMs / 3_600_000).toFixed(1)} of ${hours} h`,
    `${calls.toLocaleString("en-US")} calls`,
    `${(elapsedMs / 1000).toFixed(0)} s`
  ].join(", ")
