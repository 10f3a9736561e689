/** A call that is not made: the bookkeeping of a session over failures that are given, and a clock that only counts. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { CallState } from "../../CallState.ts"
import type { Candidate } from "../../Candidate.ts"
import type { Decision, Onward } from "../../Decision.ts"
import type * as Explanation from "../../Explanation.ts"
import type { Policy } from "../../FailoverPolicy.ts"
import * as Failure from "../../Failure.ts"
import * as Reason from "../../Reason.ts"
import * as TimeLimits from "../../TimeLimits.ts"
import * as Verdict from "../../Verdict.ts"
import { atStart } from "../moment.ts"
import { mustHaveChain, Places } from "../failover/places.ts"
import { Cooldowns } from "./cooldowns.ts"
import { Delays } from "./delays.ts"
import { elapsedMs, failureOf } from "./supposed.ts"
import { sharedBy } from "../decide.ts"

type Decided = Explanation.Decided
type Surface = Extract<Decision, { _tag: "Surface" }>

/** How a policy decides: after a failure, and where nothing has been sent. */
export interface Deciding {
  readonly decide: (policy: Policy, state: CallState, failure: Failure.Failure) => Decision
  readonly begin: (policy: Policy, state: CallState) => Decision
}

// A policy's own bound may be any number; nobody reads more rows than these.
const longestSteps = 1_000

/** The dry run. */
export const explain = (
  deciding: Deciding,
  policy: Policy,
  scenario: Explanation.Scenario
): Effect.Effect<Explanation.Explanation> =>
  Effect.suspend(() => {
    mustHaveChain(scenario, "scenario.chain")
    return new DryRun(deciding, policy, scenario).run()
  })

/** Of what was decided before an attempt the last surfaces, or an attempt is made. */
interface Settled {
  readonly decisions: ReadonlyArray<Decided>
  readonly surfaced: Surface | undefined
}

class DryRun {
  private readonly deciding: Deciding
  private readonly policy: Policy
  private readonly scenario: Explanation.Scenario
  private readonly moment: "start" | "mid"
  private readonly from: Candidate
  private readonly places: Places
  private readonly delays: Delays
  private readonly cooldowns = new Cooldowns()
  private readonly totalMs: number
  private nowMs = 0
  private attempts = 0
  private waits = 0
  private connection: "any" | "fresh" = "any"
  /** The call's failure so far, holding all attempts; nothing where nothing was sent. */
  private failure: Failure.Failure | undefined

  constructor(deciding: Deciding, policy: Policy, scenario: Explanation.Scenario) {
    this.deciding = deciding
    this.policy = policy
    this.scenario = scenario
    const moment = scenario.moment ?? atStart
    this.moment = moment.at
    this.places = new Places(scenario, moment)
    this.from = this.places.candidate
    this.delays = new Delays(policy)
    this.totalMs = TimeLimits.bound(scenario.totalMs || 0)
  }

  readonly run = Effect.fnUntraced(function* (this: DryRun): Effect.fn.Return<Explanation.Explanation> {
    const steps: Array<Explanation.Step> = []
    const entered = yield* this.settle(undefined)
    let { surfaced } = entered
    while (surfaced === undefined && steps.length < longestSteps) {
      const fault = this.fault(steps.length)
      if (fault === undefined) break
      const { settled, step } = yield* this.fail(fault)
      steps.push(step)
      surfaced = settled.surfaced
    }
    return {
      chain: this.places.chain,
      moment: this.moment,
      from: this.from,
      before: entered.decisions,
      steps,
      end: surfaced === undefined ? this.asks() : this.fails(surfaced)
    }
  })

  private fault(at: number): Explanation.Fault | undefined {
    const { failures, repeats } = this.scenario
    return failures[at] ?? (repeats === true ? failures.at(-1) : undefined)
  }

  private readonly fail = Effect.fnUntraced(function* (this: DryRun, fault: Explanation.Fault) {
    const { candidate, index } = this.places
    const startedAtMs = this.nowMs
    const isHeld = this.isCooling()
    const at = { candidate, attempt: ++this.attempts }
    const failure = this.inTime(failureOf(fault, at, elapsedMs(fault)))
    this.nowMs += failure.attempts.at(-1)?.elapsedMs ?? 0
    this.failure = Failure.ofCall(this.failure?.attempts ?? [], failure)
    const { connection } = this
    const failedAtMs = this.nowMs
    // What is tried again although it cools down is no news of it.
    if (!isHeld && this.scenario.cooldowns !== false) this.cooldowns.failed(candidate, failure, failedAtMs)
    const settled = yield* this.settle(failure)
    const [first = surfacing(failedAtMs), ...rest] = settled.decisions
    const step: Explanation.Step = {
      ...at,
      index,
      connection,
      startedAtMs,
      failedAtMs,
      reason: failure.reason._tag,
      scope: failure.reason.scope,
      message: failure.reason.message,
      verdict: failure.verdict,
      rule: failure.rule,
      ground: failure.assumed ? "assumed" : Verdict.mayReplay(failure.verdict, failure.declaration),
      decisions: [first, ...rest]
    }
    return { settled, step }
  })

  /** An attempt that would outlast the call's time is ended by it. */
  private inTime(failure: Failure.Failure): Failure.Failure {
    const leftMs = this.leftMs()
    const taken = failure.attempts.at(-1)?.elapsedMs ?? 0
    if (leftMs === undefined || taken < leftMs) return failure
    return Failure.amend(failure, { reason: new Reason.TotalTimeout({ limitMs: this.totalMs }), elapsedMs: leftMs })
  }

  private leftMs(): number | undefined {
    return this.totalMs === 0 ? undefined : Math.max(0, this.totalMs - this.nowMs)
  }

  private cooling(): NonNullable<CallState["cooling"]> {
    return this.places.chain.flatMap((_, index) => {
      const untilMs = this.coolsUntil(index)
      return untilMs > this.nowMs ? [{ index, forMs: untilMs - this.nowMs }] : []
    })
  }

  private coolsUntil(index: number): number {
    const given = this.scenario.cooling?.find((each) => each.index === index)?.forMs ?? 0
    const candidate = this.places.chain[index]
    return Math.max(given, (candidate && this.cooldowns.untilMs(candidate, this.nowMs)) ?? 0)
  }

  private state(retryDelayMs: number | undefined): CallState {
    const { refreshes, replays, spent, turn } = this.scenario
    return {
      chain: this.places.chain,
      ...this.places.state(),
      cooling: this.cooling(),
      spent: spent ?? [],
      attempts: this.attempts,
      retryDelayMs,
      refreshable: refreshes === true && !this.places.isRefreshed,
      leftMs: this.leftMs(),
      moment: this.moment,
      from: this.from,
      replays: replays ?? "call",
      turn: turn ?? "unknown"
    }
  }

  /** Decides until an attempt is to be made or the call is given up, and carries it out. */
  private readonly settle = Effect.fnUntraced(function* (
    this: DryRun,
    failure: Failure.Failure | undefined
  ): Effect.fn.Return<Settled> {
    const decisions: Array<Decided> = []
    if (failure === undefined && !this.isCooling()) return { decisions, surfaced: undefined }
    while (true) {
      const delay = failure === undefined ? undefined : yield* this.delays.next(failure, this.nowMs)
      const decision = this.decide(delay?.delayMs, failure)
      const atMs = this.nowMs
      if (decision._tag === "RetryHere" && delay !== undefined && delay.leastMs < delay.mostMs) {
        decisions.push({ atMs, decision, between: { leastMs: delay.leastMs, mostMs: delay.mostMs } })
      } else if (failure !== undefined || decision._tag !== "NextCandidate" || decision.index !== this.places.index) {
        decisions.push({ atMs, decision })
      }
      if (decision._tag === "Surface") return { decisions, surfaced: decision }
      if (this.carryOut(decision, failure)) return { decisions, surfaced: undefined }
      // Waits are bounded as attempts are.
      if (++this.waits > Math.min(this.policy.maxAttempts, longestSteps)) {
        decisions.push({ atMs: this.nowMs, decision: outOfWaits })
        return { decisions, surfaced: outOfWaits }
      }
    }
  })

  private isCooling(): boolean {
    return this.coolsUntil(this.places.index) > this.nowMs
  }

  /** What is decided once the app has been asked, where it is, and who does not suit was found out. */
  private decide(delayMs: number | undefined, failure: Failure.Failure | undefined): Decision {
    const { begin, decide } = this.deciding
    while (true) {
      const state = this.state(delayMs)
      const decision = failure === undefined ? begin(this.policy, state) : decide(this.policy, state, failure)
      if (!isOnward(decision)) return decision
      if (!this.places.suits(decision)) continue
      if (!decision.asks || this.places.isAgreed(decision.index)) return decision
      this.places.answered(decision.index, this.scenario.agrees ?? true)
    }
  }

  /** Whether an attempt is made now. */
  private carryOut(decision: Exclude<Decision, Surface>, failure: Failure.Failure | undefined): boolean {
    switch (decision._tag) {
      case "RetryHere":
        this.nowMs += decision.delayMs
        this.connection = decision.fresh ? "fresh" : "any"
        if (failure !== undefined) this.delays.began(failure)
        return true
      case "RefreshCredential":
        this.places.isRefreshed = true
        return true
      case "Wait":
        this.nowMs += decision.delayMs
        return false
      case "RotateCredential":
      case "NextCandidate":
        if (decision.index !== this.places.index) {
          const shared = failure === undefined ? undefined : sharedBy(this.policy, failure)
          this.places.moveTo(decision.index, failure !== undefined, shared)
        }
        this.delays.reset()
        this.connection = "any"
        return true
    }
  }

  private asks(): typeof Explanation.Asks.Type {
    const { candidate, index } = this.places
    return {
      _tag: "Asks",
      attempt: this.attempts + 1,
      index,
      candidate,
      connection: this.connection,
      atMs: this.nowMs
    }
  }

  private fails({ skipped, why }: Surface): typeof Explanation.Fails.Type {
    const denied = skipped.filter((each) => each.why === "swap-denied").map(({ candidate }) => candidate)
    const isDenied = why === "swap-denied" && Arr.isReadonlyArrayNonEmpty(denied)
    return {
      _tag: "Fails",
      why,
      error: isDenied ? "SwapDenied" : (this.failure?._tag ?? "ReplaySafe"),
      skipped,
      denied: isDenied ? denied : [],
      atMs: this.nowMs
    }
  }
}

const isOnward = (decision: Decision): decision is Onward => "index" in decision

const nobody: Surface = { _tag: "Surface", why: "chain-exhausted", skipped: [] }
const outOfWaits: Surface = { _tag: "Surface", why: "cooling-down", skipped: [] }

const surfacing = (atMs: number): Decided => ({ atMs, decision: nobody })
