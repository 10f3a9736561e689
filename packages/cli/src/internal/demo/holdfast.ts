/**
 * The Holdfast run: an agent written against `effect/ai`, over Holdfast as an app installs it, with its defaults.
 */
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { Telemetry } from "@holdfast/core/Telemetry"
import * as Turn from "@holdfast/core/Turn"
import { Answers, Holdfast } from "holdfast"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { LanguageModel } from "effect/ai"
import { Chat, Tool, Toolkit } from "effect/ai"
import * as Ledger from "./ledger.ts"
import type { Found, Job } from "./message.ts"
import type { Outcome, Watcher } from "./play.ts"
import { play } from "./play.ts"
import * as Scenario from "./scenario.ts"
import { StaleCount } from "./stale.ts"

const primary = `anthropic/${Scenario.models.primary}`
const fallback = `openai/${Scenario.models.fallback}`

/** The agent's tool could not do its work. */
export class ToolFailed extends Schema.TaggedError<ToolFailed>()("ToolFailed", { why: Schema.String }) {
  override get message(): string {
    return this.why
  }
}

const toolkit = Toolkit.make(
  Tool.make(Scenario.tool.name, {
    description: Scenario.tool.description,
    parameters: Schema.Struct({ turn: Schema.String, step: Schema.Finite }),
    success: Schema.String,
    failure: ToolFailed
  })
)

/** Plays the job's scenario through Holdfast. */
export const run = (job: Job, watcher: Watcher): Effect.Effect<Found, ToolFailed | InvalidInput> => {
  const announced = new Set<string>()
  const model = Holdfast.model(primary, {
    fallbacks: [fallback],
    onSwap: () => Effect.map(Turn.state, (turn) => void Option.map(turn, ({ id }) => announced.add(id)))
  })
  return Effect.gen(function* () {
    const stale = new StaleCount()
    const telemetry = yield* Telemetry
    yield* telemetry.listen(stale.listen)
    const tools = yield* toolkit
    const agent = (turn: Scenario.Turn) =>
      Effect.map(Turn.run(converse(turn, tools), { id: turn.text }), (seen): Outcome => ({
        ...seen,
        announced: announced.has(turn.text)
      }))
    const played = yield* play(job.scenario, agent, watcher)
    return { ...played, staleMet: stale.met, staleAvoided: stale.avoided, staleRepaired: stale.repaired }
  }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(Layer.merge(model, handlers(job)), holdfast(job))))
}

const holdfast = ({ fallback, primary }: Job) =>
  Holdfast.layer({
    providers: {
      anthropic: { baseUrl: primary, apiKey: Redacted.make("none-is-asked-for") },
      openai: { api: "openai-completions", baseUrl: `${fallback}/v1`, apiKey: Redacted.make("none-is-asked-for") }
    }
  })

/** The tool works for a while, then writes its line. A line that was written must not be written again. */
const handlers = ({ control, scenario }: Job) =>
  toolkit.toLayer(
    Effect.gen(function* () {
      const all = [...Scenario.warmUpOf(scenario), ...(yield* Scenario.turnsOf(scenario))]
      const turns = new Map(all.map((turn) => [turn.text, turn]))
      const write = Ledger.open(control)
      return toolkit.of({
        record: Effect.fnUntraced(function* ({ step, turn: text }) {
          const turn = turns.get(text)
          if (turn === undefined) return yield* new ToolFailed({ why: `the model named no turn of the demo: ${text}` })
          yield* Effect.sleep(Scenario.thinkMsAt(turn, step))
          const written = Effect.tryPromise({
            try: () => write(Scenario.effectKey(turn, step)),
            catch: (cause) => new ToolFailed({ why: cause instanceof Error ? cause.message : String(cause) })
          })
          yield* Turn.sideEffect(written)
          return "recorded"
        })
      })
    })
  )

type Handled = Effect.Success<typeof toolkit>

type Seen = Omit<Outcome, "announced">

/** A turn: the model is asked until it has no more use for the tool. */
const converse = (
  turn: Scenario.Turn,
  toolkit: Handled
): Effect.Effect<Seen, ToolFailed, LanguageModel.LanguageModel> =>
  Effect.suspend(() => {
    let swapped = false
    return Effect.gen(function* () {
      const chat = yield* Chat.empty
      let answer = yield* chat.generateText({ prompt: turn.text, toolkit })
      swapped = isSwapped(answer)
      while (answer.toolCalls.length > 0) {
        answer = yield* chat.generateText({ prompt: [], toolkit })
        swapped ||= isSwapped(answer)
      }
      return { completed: answer.text !== "", swapped }
    }).pipe(Effect.catchTag("AiError", () => Effect.succeed({ completed: false, swapped })))
  })

const isSwapped = (answer: Answers.Response): boolean => Answers.of(answer)?.swap !== undefined
