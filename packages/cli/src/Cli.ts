/** The `holdfast` command and its subcommands. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Argument, Command, Flag } from "effect/cli"
import * as Ask from "./Ask.ts"
import * as Demo from "./Demo.ts"
import * as Question from "./internal/ask/question.ts"
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

const ask = Command.make(
  "ask",
  {
    prompt: Argument.String("prompt").pipe(
      Argument.withDescription("What is asked; read from the standard input where it is absent or -"),
      Argument.optional
    ),
    model: Flag.String("model").pipe(
      Flag.withAlias("m"),
      Flag.withDescription(
        'Whom to ask: an agent or alias of the configuration, or "provider/model". Default: the default agent; where none is configured, a model on this machine, which only repeats the question'
      ),
      Flag.optional
    ),
    config: Flag.String("config").pipe(
      Flag.withDescription("A configuration file, in place of the one that is found"),
      Flag.optional
    ),
    system: Flag.String("system").pipe(Flag.withDescription("What the model is told to be"), Flag.optional),
    reasoning: Flag.Boolean("reasoning").pipe(
      Flag.withDescription("Prints what the model thought, too, on the standard error"),
      Flag.withDefault(false)
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Prints the whole answer as one JSON object in a line"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ config, json, model, prompt, reasoning, system }) {
    const question = {
      prompt: yield* Question.read(prompt),
      model: Option.getOrUndefined(model),
      config: Option.getOrUndefined(config),
      system: Option.getOrUndefined(system),
      reasoning
    }
    if (json) return yield* Console.log(JSON.stringify(yield* Ask.collect(question)))
    yield* Ask.print(question)
  })
).pipe(
  Command.withDescription("Asks a model one question, and prints the answer as it comes"),
  Command.withExamples([
    { command: 'holdfast ask "Say hello."', description: "The model on this machine, which needs no key" },
    {
      command: 'holdfast ask "Say hello." --model anthropic/claude-opus-4-7',
      description: "A provider, with the key from ANTHROPIC_API_KEY"
    }
  ])
)

/** The command. */
export const holdfast = Command.make("holdfast").pipe(
  Command.withDescription("Keeps an AI agent on its model"),
  Command.withSubcommands([ask, demo])
)
