/**
 * What really happened, kept by the world: which calls there were, what was run for them, which side effects happened
 * how often. Nothing here is told to the code under test.
 */

/**
 * What a call is.
 *
 * - `plain`: a generation; running it twice costs tokens.
 * - `provider-tools`: the provider runs a tool for it that must not run twice.
 * - `streamed`: the answer comes in parts, and the app runs a tool as soon as its call has come.
 */
export type Kind = "plain" | "provider-tools" | "streamed"

/** One step of a turn: a call, and the tool that runs after it. */
export interface Step {
  readonly kind: Kind
  /** Whether the tool of this step changes the world. */
  readonly hasSideEffect: boolean
  /** How long the app is busy before the next call; 0 is not at all. */
  readonly toolMs: number
}

/** A turn as the world sees it, however often it is run. */
export class TurnTruth {
  readonly steps: ReadonlyArray<Step>
  /** How often the side effect of each step happened, those that a provider ran beside those of tools. */
  private readonly byTools: Array<number> = []
  private readonly byProviders: Array<number> = []

  constructor(steps: ReadonlyArray<Step>) {
    this.steps = steps
  }

  /** The tool of a step changes the world. */
  toolRan(step: number): void {
    this.byTools[step] = (this.byTools[step] ?? 0) + 1
  }

  /** A provider changes the world on behalf of a step's call. */
  providerRan(step: number): void {
    this.byProviders[step] = (this.byProviders[step] ?? 0) + 1
  }

  /** Side effects beyond the first of each step. */
  get duplicates(): number {
    return beyondFirst(this.byTools) + beyondFirst(this.byProviders)
  }
}

// Steps that were not reached are holes, which reduce passes over.
const beyondFirst = (counts: ReadonlyArray<number>): number =>
  counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0)

/** One call as the world sees it: a step of a turn that is put to providers until one answers or the agent gives up. */
export class CallTruth {
  readonly turn: TurnTruth
  readonly step: number
  readonly startedAt: number
  attempts = 0
  private addressed = 0

  constructor(turn: TurnTruth, step: number, startedAt: number) {
    this.turn = turn
    this.step = step
    this.startedAt = startedAt
  }

  get kind(): Kind {
    return this.turn.steps[this.step]?.kind ?? "plain"
  }

  /** Whether this is the call's first attempt at a place in the chain. */
  arrivesAt(place: number): boolean {
    this.attempts++
    const bit = 1 << place
    const isFirst = (this.addressed & bit) === 0
    this.addressed |= bit
    return isFirst
  }
}

/** What one agent's connections to the providers last carried, by place in the chain. */
export interface Connection {
  openedAt: number
  lastUsedAt: number
  served: number
}
