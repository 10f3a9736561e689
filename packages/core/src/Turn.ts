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
}

interface Cell {
  sideEffects: number
  replayInvalid: ReplayInvalid | undefined
  /** Who answered last, by who was asked: a helper on another model answers for itself alone. */
  readonly answered: Map<string, ModelRef.ModelRef>
  latest: ModelRef.ModelRef | undefined
}

const cells = new WeakMap<Turn, Cell>()

const cellOf = (turn: Turn): Cell => {
  const known = cells.get(turn)
  if (known !== undefined) return known
  const cell: Cell = { sideEffects: 0, replayInvalid: undefined, answered: new Map(), latest: undefined }
  cells.set(turn, cell)
  return cell
}

interface Model {
  readonly provider: string
  readonly model: string
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
    return { id, parent }
  })

/** The state of the current turn, if there is one. */
export const state: Effect.Effect<Option.Option<State>> = Effect.map(Current, (turn) =>
  turn === undefined ? Option.none() : Option.some(snapshot(turn))
)

/** A turn as it stands now. */
export const snapshot = (turn: Turn): State => {
  const { latest, replayInvalid, sideEffects } = cellOf(turn)
  return { id: turn.id, sideEffects, replayInvalid, answered: latest }
}

/** Whether the current turn may be run again. Without an explicit turn nothing is known, so it may not. */
export const mayRunAgain: Effect.Effect<boolean> = Effect.map(
  Current,
  (turn) => turn !== undefined && cellOf(turn).replayInvalid === undefined
)

/**
 * Runs an effect that changes the world outside, and records it in the current turn and its parents *before* it starts,
 * so that one which is interrupted counts as run.
 */
export const sideEffect = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Current, (turn) => {
    for (let each = turn; each !== undefined; each = each.parent) {
      const cell = cellOf(each)
      cell.sideEffects++
      cell.replayInvalid ??= { why: "a side effect ran" }
    }
    return effect
  })

/** Marks the current turn, and its parents, as not to be run again. The first reason given stays. */
export const markReplayInvalid = (why: string): Effect.Effect<void> =>
  Effect.map(Current, (turn) => {
    for (let each = turn; each !== undefined; each = each.parent) cellOf(each).replayInvalid ??= { why }
  })

/** Records which model answered a turn's call for a model; `Failover` does it for every answer. */
export const recordAnswer = (turn: Turn, requested: Model, answered: ModelRef.ModelRef): void => {
  const cell = cellOf(turn)
  cell.answered.set(ModelRef.format(requested), answered)
  cell.latest = answered
}

/** Where in a turn a call stands, as far as swaps are concerned. */
export interface Moment {
  /** `start`: no model has answered in this turn. `mid`: one has, or tools have run. */
  readonly at: "start" | "mid"
  /** The model that has answered for the requested one so far, where it is known. */
  readonly answered: ModelRef.ModelRef | undefined
}

/** The start of a turn in which nothing has happened. */
export const atStart: Moment = { at: "start", answered: undefined }

/** The moment that a turn's own record gives to a call for a model. */
export const momentOf = (turn: Turn, requested: Model): Moment => {
  const { answered, latest, sideEffects } = cellOf(turn)
  if (latest === undefined && sideEffects === 0) return atStart
  return { at: "mid", answered: answered.get(ModelRef.format(requested)) }
}

/**
 * The moment that a prompt tells of itself: it is in the middle of a turn if it ends in tool results, and the assistant
 * parts before them say in `options.holdfast` which model that was, and which was asked for.
 */
export const fromPrompt = (prompt: Prompt.Prompt, requested: Model): Moment => {
  const last = prompt.content.at(-1)
  if (last?.role !== "tool") return atStart
  for (let i = prompt.content.length - 1; i >= 0; i--) {
    const message = prompt.content[i]
    if (message?.role === "user") break
    if (message?.role !== "assistant") continue
    const answered = message.content.map((part) => answeredBy(part, requested)).find(Predicate.isNotUndefined)
    if (answered !== undefined) return { at: "mid", answered }
  }
  return { at: "mid", answered: undefined }
}

const answeredBy = (part: Prompt.AssistantMessagePart, requested: Model): ModelRef.ModelRef | undefined => {
  const holdfast = part.options["holdfast"]
  if (!Predicate.hasProperty(holdfast, "answered") || !Predicate.isString(holdfast.answered)) return undefined
  if (Predicate.hasProperty(holdfast, "requested") && holdfast.requested !== ModelRef.format(requested))
    return undefined
  return Result.getOrUndefined(ModelRef.parse(holdfast.answered))
}
