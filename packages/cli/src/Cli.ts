/** The `holdfast` command and its subcommands. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Command, Flag } from "effect/cli"
import * as Demo from "./Demo.ts"
import * as Progress from "./internal/demo/progress.ts"
import { draw } from "./internal/demo/table.ts"
import { intro, summary } from "./internal/demo/words.ts"

const mostTurns = 100_000

const demo = Command.make(
  "demo",
  {
    turns: Flag.Int("turns").pipe(
      Flag.withDescription(`How many turns each run plays, from 1 to ${mostTurns}`),
      Flag.withDefault(600),
      Flag.filter(
        (turns) => turns >= 1 && turns <= mostTurns,
        () => `Expected a whole number from 1 to ${mostTurns}`
      )
    ),
    seed: Flag.Int("seed").pipe(
      Flag.withDescription("Draws think times and storm; the same seed gives the same ones"),
      Flag.withDefault(1)
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Prints the numbers as one JSON object on the last line of the output"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ json, seed, turns }) {
    const progress = yield* Progress.make(turns)
    const report = yield* Effect.ensuring(Demo.run({ turns, seed, onProgress: progress.turns }), progress.over)
    if (json) return yield* Console.log(JSON.stringify(report))
    yield* Console.log([intro(report), draw(report), summary(report)].join("\n"))
  })
).pipe(
  Command.withDescription(
    "Plays agent turns through a storm of closing connections, once as agents do it today and once through Holdfast"
  ),
  Command.withExamples([
    { command: "holdfast demo", description: "600 turns a run, in less than half a minute" },
    { command: "holdfast demo --turns 200 --seed 7 --json", description: "A short run, for a program to read" }
  ])
)

/** The command. */
export const holdfast = Command.make("holdfast").pipe(
  Command.withDescription("Keeps an AI agent on its model"),
  Command.withSubcommands([demo])
)
