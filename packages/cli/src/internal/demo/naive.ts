/**
 * The naive run: an agent as they are written today, in plain promises.
 *
 * It calls undici's `fetch` with undici's own default pool, keep-alive on. A call that fails is filed as a timeout, and a
 * timeout means the next model: the conversation goes on there for the rest of the turn, and nobody is told. A call that
 * fails at the last model too ends the turn; no turn is run again, which spares it the side effects done twice.
 */
import * as Effect from "effect/Effect"
import { setTimeout as sleep } from "node:timers/promises"
import { fetch } from "undici"
import * as Ledger from "./ledger.ts"
import type { Found, Job } from "./message.ts"
import type { Message, Speaks } from "./naiveFormats.ts"
import { anthropic, openai } from "./naiveFormats.ts"
import type { Outcome, Watcher } from "./play.ts"
import { play } from "./play.ts"
import * as Scenario from "./scenario.ts"

/** A model, and where and how it is asked. */
interface Model {
  readonly speaks: Speaks
  readonly url: string
}

/** Plays the job's scenario the way agents do it today. */
export const run = (job: Job, watcher: Watcher): Effect.Effect<Found, Ledger.LedgerError> =>
  Effect.gen(function* () {
    const models: ReadonlyArray<Model> = [
      { speaks: anthropic, url: `${job.primary}/v1/messages` },
      { speaks: openai, url: `${job.fallback}/v1/chat/completions` }
    ]
    let socketErrors = 0
    const means: Means = {
      models,
      write: Ledger.open(job.control),
      onError: (error) => {
        if (isSocketError(error)) socketErrors++
      }
    }
    const agent = (turn: Scenario.Turn) =>
      Effect.tryPromise({
        try: () => converse(means, turn, { history: [{ role: "user", text: turn.text }], asked: 0, swapped: false }),
        catch: (cause) => (cause instanceof Ledger.LedgerError ? cause : new Ledger.LedgerError({ cause }))
      })
    const played = yield* play(job.scenario, agent, watcher)
    return { ...played, staleMet: socketErrors, staleRepaired: 0 }
  })

/** What a turn is made with. */
interface Means {
  readonly models: ReadonlyArray<Model>
  readonly write: Ledger.Write
  readonly onError: (error: unknown) => void
}

/** How far a turn has come; `asked` is the place of the model that has it now. */
interface State {
  readonly history: ReadonlyArray<Message>
  readonly asked: number
  readonly swapped: boolean
}

const converse = async (means: Means, turn: Scenario.Turn, state: State): Promise<Outcome> => {
  const { asked, history, swapped } = state
  const model = means.models[asked]
  if (model === undefined) return { completed: false, swapped, announced: false }
  const answer = await ask(model, history).catch(means.onError)
  if (answer === undefined) return converse(means, turn, { ...state, asked: asked + 1 })
  const now = { ...state, swapped: asked > 0 }
  if (answer.role === "assistant") return { completed: answer.text !== "", swapped: now.swapped, announced: false }
  await work(turn, answer.input.step, means.write)
  return converse(means, turn, {
    ...now,
    history: [...history, answer, { role: "tool", id: answer.id, text: "recorded" }]
  })
}

const ask = async ({ speaks, url }: Model, history: ReadonlyArray<Message>) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(speaks.encode(history))
  })
  if (!response.ok) throw new Error(`status ${response.status}`)
  return speaks.decode(await response.json())
}

/** The tool works for a while, then writes its line. */
const work = async (turn: Scenario.Turn, step: number, write: Ledger.Write): Promise<void> => {
  await sleep(Scenario.thinkMsAt(turn, step))
  await write(Scenario.effectKey(turn, step))
}

/** `fetch failed`, because the other side closed. */
const isSocketError = (error: unknown): boolean => {
  const cause = error instanceof TypeError ? error.cause : undefined
  return (
    cause instanceof Error && "code" in cause && ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(String(cause.code))
  )
}
