/**
 * One piece of agent work: the calls it makes and the tools it runs between them.
 *
 * Two things are asked of a turn. May the *turn* be run again? Not once a side effect ran, and that sticks. Which model
 * has answered so far? A swap in the middle of a turn is held to a narrower rule than one at its start. A turn is made
 * explicit with {@link run}; without it the prompt tells, see {@link fromPrompt}. There is no default turn: a shared
 * one would let one agent's side effect bind every other's.
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as ModelRef from "./ModelRef.ts"

/** Why a turn may not be run again. */
export interface ReplayInvalid {
  readonly why: string
}

/** A turn in progress. Read it with {@link state}; change it with the functions of this module. */
export interface Turn {
  readonly id: string
  readonly parent: Turn | undefined
  /** @internal */
  readonly cell: Cell
}

interface Cell {
  sideEffects: number
  replayInvalid: ReplayInvalid | undefined
  answered: ModelRef.ModelRef | undefined
}

/** A turn as it stands. */
export interface State {
  readonly id: string
  /** Side effects begun, those of child turns included. One that was interrupted counts. */
  readonly sideEffects: number
  /** Why the turn may not be run again, once it may not. */
  readonly replayInvalid: ReplayInvalid | undefined
  /** The model that answered the latest call of this turn; a child's answers are its own. */
  readonly answered: ModelRef.ModelRef | undefined
}

/** The turn that the current fiber works for, if the app made one explicit. */
export const Current: Context.Reference<Turn | undefined> = Context.Reference<Turn | undefined>(
  "@holdfast/core/Turn/Current",
  { defaultValue: () => undefined }
)

/**
 * Runs an effect as one turn. Within another turn it becomes its child: side effects go up to the parent, the model
 * that answered does not.
 *
 * **Example**
 *
 * ```ts
 * import { Turn } from "@holdfast/core"
 * import * as Effect from "effect/Effect"
 *
 * const turn = Turn.run(
 *   Effect.gen(function* () {
 *     yield* Turn.sideEffect(Effect.succeed("mail sent"))
 *     return yield* Turn.mayRunAgain
 *   })
 * )
 * await Effect.runPromise(turn) // => false
 * ```
 */
export const run = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options?: { readonly id?: string }
): Effect.Effect<A, E, R> => Effect.flatMap(make(options), (turn) => Effect.provideService(effect, Current, turn))

/** Makes a turn, a child of the current one if there is one, for apps that carry it by hand. */
export const make = (options?: { readonly id?: string }): Effect.Effect<Turn> =>
  Effect.gen(function* () {
    const parent = yield* Current
    const id = options?.id ?? `turn-${(yield* Random.nextIntBetween(0, 0x7fffffff)).toString(36)}`
    return { id, parent, cell: { sideEffects: 0, replayInvalid: undefined, answered: undefined } }
  })

/** The state of the current turn, if there is one. */
export const state: Effect.Effect<Option.Option<State>> = Effect.map(Current, (turn) =>
  turn === undefined ? Option.none() : Option.some(snapshot(turn))
)

/** A turn as it stands now. */
export const snapshot = (turn: Turn): State => ({ id: turn.id, ...turn.cell })

/** Whether the current turn may be run again. Without an explicit turn nothing is known, so it may not. */
export const mayRunAgain: Effect.Effect<boolean> = Effect.map(
  Current,
  (turn) => turn !== undefined && turn.cell.replayInvalid === undefined
)

/**
 * Runs an effect that changes the world outside, and records it in the current turn and its parents *before* it starts,
 * so that one which is interrupted counts as run.
 */
export const sideEffect = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Current, (turn) => {
    for (let each = turn; each !== undefined; each = each.parent) {
      each.cell.sideEffects++
      each.cell.replayInvalid ??= { why: "a side effect ran" }
    }
    return effect
  })

/** Marks the current turn, and its parents, as not to be run again. The first reason given stays. */
export const markReplayInvalid = (why: string): Effect.Effect<void> =>
  Effect.map(Current, (turn) => {
    for (let each = turn; each !== undefined; each = each.parent) each.cell.replayInvalid ??= { why }
  })

/** Records which model answered the latest call of a turn; `Failover` does it for every answer. */
export const recordAnswer = (turn: Turn, answered: ModelRef.ModelRef): void => {
  turn.cell.answered = answered
}

/** Where in a turn a call stands, as far as swaps are concerned. */
export interface Moment {
  /** `start`: no model has answered in this turn. `mid`: one has, or tools have run. */
  readonly at: "start" | "mid"
  /** The model that answered so far, where it is known. */
  readonly answered: ModelRef.ModelRef | undefined
}

/** The start of a turn in which nothing has happened. */
export const atStart: Moment = { at: "start", answered: undefined }

/** The moment that a turn's own record gives. */
export const momentOf = (turn: Turn): Moment =>
  turn.cell.answered === undefined ? atStart : { at: "mid", answered: turn.cell.answered }

/**
 * The moment that a prompt tells of itself: it is in the middle of a turn if it ends in tool results, and the assistant
 * parts before them say in `options.holdfast.answered` which model that was.
 */
export const fromPrompt = (prompt: Prompt.Prompt): Moment => {
  const last = prompt.content.at(-1)
  if (last?.role !== "tool") return atStart
  for (let i = prompt.content.length - 1; i >= 0; i--) {
    const message = prompt.content[i]
    if (message?.role === "user") break
    if (message?.role !== "assistant") continue
    const answered = message.content.map(answeredBy).find(Predicate.isNotUndefined)
    if (answered !== undefined) return { at: "mid", answered }
  }
  return { at: "mid", answered: undefined }
}

const answeredBy = (part: Prompt.AssistantMessagePart): ModelRef.ModelRef | undefined => {
  const holdfast = part.options["holdfast"]
  if (!Predicate.hasProperty(holdfast, "answered") || !Predicate.isString(holdfast.answered)) return undefined
  return Result.getOrUndefined(ModelRef.parse(holdfast.answered))
}
