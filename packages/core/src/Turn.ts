/**
 * One piece of agent work: the calls it makes and the tools it runs between them.
 *
 * Two things are asked of a turn. May the *turn* be run again? Not once a side effect ran, and that sticks. Which model
 * has answered so far? A swap in the middle of a turn is held to a narrower rule than one at its start. A turn is made
 * explicit with {@link run}; without it the prompt tells, see {@link fromPrompt}. There is no default turn: a shared
 * one would let one agent's side effect bind every other's. Fibers may share a turn: each change of its record is one
 * step, so that no count and no mark is lost.
 */
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { Model, Moment } from "./internal/moment.ts"
import { atStart } from "./internal/moment.ts"
import { only } from "./internal/only.ts"
import * as Recorded from "./internal/recordedToolkit.ts"
import type { TurnReplay } from "./CallState.ts"
import * as ModelRef from "./ModelRef.ts"
import * as ToolSafety from "./ToolSafety.ts"

/** Why a turn may not be run again. */
export interface ReplayInvalid {
  readonly why: string
}

/** Words for {@link markReplayInvalid}, the same in every log. */
export const marks = {
  sideEffect: "a side effect ran",
  tool: "a tool ran that is not known to be replayable",
  providerTool: "the provider may have run a tool",
  messageDelivered: "a message was delivered",
  sessionSpawned: "a session was spawned",
  jobScheduled: "a job was scheduled",
  asyncToolStarted: "an asynchronous tool was started",
  toolActivityUnknown: "it is not known which tools ran",
  harnessFailed: "the harness that runs the turn failed"
} as const

/** A turn in progress. Read it with {@link state}; change it with the functions of this module. */
export interface Turn {
  readonly id: string
  readonly parent: Turn | undefined
}

interface Cell {
  sideEffects: number
  readonly tools: { begun: number; finished: number; interrupted: number }
  replayInvalid: ReplayInvalid | undefined
  abandoned: Abandoned | undefined
  /** Who answered last, by who was asked: a helper on another model answers for itself alone. */
  readonly answered: Map<string, Pick<Moment, "answered" | "credential">>
  latest: ModelRef.ModelRef | undefined
}

const cells = new WeakMap<Turn, Cell>()

const cellOf = (turn: Turn): Cell => {
  const known = cells.get(turn)
  if (known !== undefined) return known
  const cell: Cell = {
    sideEffects: 0,
    tools: { begun: 0, finished: 0, interrupted: 0 },
    replayInvalid: undefined,
    abandoned: undefined,
    answered: new Map(),
    latest: undefined
  }
  cells.set(turn, cell)
  return cell
}

/** A turn and those it is a part of, innermost first. */
function* lineage(turn: Turn | undefined): Generator<Turn> {
  for (let each = turn; each !== undefined; each = each.parent) yield each
}

const mark = (turn: Turn | undefined, why: string): void => {
  for (const each of lineage(turn)) cellOf(each).replayInvalid ??= { why }
}

/** Why an app gave a turn up. */
export interface Abandoned {
  readonly why: string
}

/** Runs of tools. Those that neither finished nor were interrupted are still going on. */
export interface Tools {
  /** Counted before a tool starts. */
  readonly begun: number
  /** Gave a result or failed. */
  readonly finished: number
  /** Ended before anybody had its result: the tool was interrupted, or who waited for it was. It counts as run. */
  readonly interrupted: number
}

/** A turn as it stands. */
export interface State {
  readonly id: string
  /** Side effects begun, those of child turns included. One that was interrupted counts. */
  readonly sideEffects: number
  /** Tools that ran, those of child turns included, as far as they were recorded. */
  readonly tools: Tools
  /** Why the turn may not be run again, once it may not. */
  readonly replayInvalid: ReplayInvalid | undefined
  /** Why it was given up, once it or a turn that it is a part of was. */
  readonly abandoned: Abandoned | undefined
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
  const { latest, replayInvalid, sideEffects, tools } = cellOf(turn)
  return {
    id: turn.id,
    sideEffects,
    tools: { ...tools },
    replayInvalid,
    abandoned: abandonedOf(turn),
    answered: latest
  }
}

const abandonedOf = (turn: Turn): Abandoned | undefined => {
  for (const each of lineage(turn)) {
    const { abandoned } = cellOf(each)
    if (abandoned !== undefined) return abandoned
  }
  return undefined
}

/** Whether a turn may be run again, as far as it was recorded; `unknown` where there is none. */
export const replayOf = (turn: Turn | undefined): TurnReplay => {
  if (turn === undefined) return "unknown"
  if (abandonedOf(turn) !== undefined) return "abandoned"
  return cellOf(turn).replayInvalid === undefined ? "allowed" : "invalid"
}

/** Whether the current turn may be run again. Without an explicit turn nothing is known, so it may not. */
export const mayRunAgain: Effect.Effect<boolean> = Effect.map(Current, (turn) => replayOf(turn) === "allowed")

/**
 * Runs an effect that changes the world outside, and records it in the current turn and its parents *before* it starts,
 * so that one which is interrupted counts as run.
 */
export const sideEffect = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Current, (turn) => {
    for (const each of lineage(turn)) cellOf(each).sideEffects++
    mark(turn, marks.sideEffect)
    return effect
  })

/**
 * Marks the current turn, and its parents, as not to be run again. The first reason given stays. {@link marks} has words
 * for what an app or a harness reports most.
 */
export const markReplayInvalid = (why: string): Effect.Effect<void> => Effect.map(Current, (turn) => mark(turn, why))

/**
 * Gives the current turn up: no call of it or of its children is replayed or swapped from then on. What runs goes on
 * until the app interrupts it; the turn that it is a part of goes on too. The first reason given stays.
 */
export const abandon = (why: string): Effect.Effect<void> =>
  Effect.map(Current, (turn) => {
    if (turn !== undefined) cellOf(turn).abandoned ??= { why }
  })

/** How the run of a tool ended. */
export type ToolEnd = "finished" | "interrupted"

/**
 * Records in a turn and its parents that a tool begins, before it does; what is given back records how it ended. One that
 * may not be run again marks them. {@link toolkit} does this for the tools of a toolkit, and models of Holdfast do it for
 * those they are given; it is for who runs tools otherwise.
 */
export const recordTool = (
  turn: Turn | undefined,
  safety: ToolSafety.ToolSafety,
  by: "app" | "provider" = "app"
): ((how: ToolEnd) => void) => {
  for (const each of lineage(turn)) cellOf(each).tools.begun++
  if (!ToolSafety.isReplayable(safety)) mark(turn, by === "app" ? marks.tool : marks.providerTool)
  let going = true
  return (how) => {
    if (!going) return
    going = false
    for (const each of lineage(turn)) cellOf(each).tools[how]++
  }
}

/** What an app says of the tools of a toolkit, by their names; it goes before their annotations. */
export type Declarations<Tools> = { readonly [Name in keyof Tools]?: ToolSafety.ToolSafety }

/**
 * A toolkit, with its handlers or still without, whose tools are recorded in the current turn and its parents before they
 * start: an interrupted one counts as run. One that neither an annotation nor the app calls replayable marks the turn.
 * So does a call whose parameters its handler then refuses. Models of Holdfast record the tools they are given by
 * themselves, and none twice.
 *
 * **Example**
 *
 * ```ts
 * import { Turn } from "@holdfast/core"
 * import { Effect, Stream } from "effect"
 * import { Tool, Toolkit } from "effect/ai"
 *
 * const toolkit = Toolkit.make(Tool.make("look_up"), Tool.make("send_mail"))
 * const handlers = toolkit.toLayer({ look_up: () => Effect.void, send_mail: () => Effect.void })
 *
 * const turn = Turn.run(
 *   Effect.gen(function* () {
 *     const tools = yield* Turn.toolkit(toolkit, { look_up: "readonly" })
 *     yield* Stream.runDrain(Stream.unwrap(tools.handle("look_up", {})))
 *     const before = yield* Turn.mayRunAgain
 *     yield* Stream.runDrain(Stream.unwrap(tools.handle("send_mail", {})))
 *     return [before, yield* Turn.mayRunAgain]
 *   })
 * )
 * await Effect.runPromise(Effect.provide(turn, handlers)) // => [true, false]
 * ```
 */
export const toolkit: {
  <Tools extends Record<string, Tool.Any>>(
    toolkit: Toolkit.WithHandler<Tools>,
    declared?: Declarations<Tools>
  ): Toolkit.WithHandler<Tools>
  <Tools extends Record<string, Tool.Any>, E, R>(
    toolkit: Effect.Effect<Toolkit.WithHandler<Tools>, E, R>,
    declared?: Declarations<Tools>
  ): Effect.Effect<Toolkit.WithHandler<Tools>, E, R>
} = ((self: Recorded.AnyToolkit | Effect.Effect<Recorded.AnyToolkit>, declared?: Recorded.Declarations) =>
  Effect.isEffect(self)
    ? Effect.map(self, (known) => Recorded.recorded(known, begin, declared))
    : Recorded.recorded(self, begin, declared)) as never

const begin: Recorded.Begin = (tool) => Effect.map(Current, (turn) => recordTool(turn, ToolSafety.of(tool)))

/**
 * Records which model answered a turn's call for a model, and the name of its credential if it has one; `Failover` does it
 * for every answer.
 */
export const recordAnswer = (turn: Turn, requested: Model, answered: ModelRef.ModelRef, credential?: string): void => {
  const cell = cellOf(turn)
  cell.answered.set(ModelRef.format(requested), { answered, ...only("credential", credential) })
  cell.latest = answered
}

/** The moment that a turn's own record gives to a call for a model. */
export const momentOf = (turn: Turn, requested: Model): Moment => {
  const { answered, latest, sideEffects, tools } = cellOf(turn)
  if (latest === undefined && sideEffects === 0 && tools.begun === 0) return atStart
  return { at: "mid", answered: undefined, ...answered.get(ModelRef.format(requested)) }
}

export { atStart, fromPrompt, type Moment } from "./internal/moment.ts"
