/** What one call may ask of providers: their health, and the retry budget of those that it has asked before. */
import * as Effect from "effect/Effect"
import type { CallState } from "../../CallState.ts"
import type { Candidate } from "../../Candidate.ts"
import type { Failure } from "../../Failure.ts"
import type { Policy } from "../../FailoverPolicy.ts"
import { credentialKey } from "../health/circuit.ts"
import type { CoolingDown, Outcome, Permit } from "../../ProviderHealth.ts"
import type * as Reason from "../../Reason.ts"
import type { Places } from "./places.ts"
import type { Shared } from "./session.ts"

type Cooling = NonNullable<CallState["cooling"]>

const nobody: Cooling = []
const ignored: Outcome = { _tag: "Ignored" }
const succeeded: Outcome = { _tag: "Succeeded" }

/** What one call may ask of providers. */
export class Standing {
  private readonly shared: Pick<Shared, "health" | "budget" | "clock">
  private readonly rotation: Policy["rotation"]
  /** Providers that the call has asked; few, so that a list is found in sooner than a set. */
  private readonly asked: Array<string> = []
  private known: Map<Candidate, CoolingDown> | undefined
  private permit: Permit | undefined
  /** The right to a second attempt beside the one under way. Two of one candidate stand for one another. */
  private beside: Permit | undefined

  constructor(shared: Shared, rotation: Policy["rotation"]) {
    this.shared = shared
    this.rotation = rotation
  }

  /** The place of the credential that was used longest ago, of those that the call's model has; or where the call is. */
  leastRecentlyUsed(places: Places): number {
    const { candidate, chain, index } = places
    if (this.rotation === "in-order") return index
    let chosen = index
    for (const [at, each] of chain.entries()) {
      // Whoever is named for single failures is asked for those alone.
      if (each.provider !== candidate.provider || each.model !== candidate.model || !places.isBeside(at)) continue
      if (this.usedAt(each) < this.usedAt(chain[chosen] ?? candidate)) chosen = at
    }
    return chosen
  }

  private usedAt(candidate: Candidate): number {
    return this.shared.health.lastUsed(candidate) ?? Number.NEGATIVE_INFINITY
  }

  /** Who of the chain is cooling down, and for how long. */
  cooling({ chain }: Places): Effect.Effect<Cooling> {
    const { clock, health } = this.shared
    if (health.isQuiet()) return Effect.succeed(nobody)
    return Effect.map(Effect.forEach(chain, health.standing), (standings) =>
      standings.flatMap((standing, index) => {
        const candidate = chain[index]
        if (standing === undefined || candidate === undefined) return []
        this.knows(candidate, standing)
        // Never nothing: whoever waits for it would ask again at once, without end.
        return [{ index, forMs: Math.max(1, standing.untilMs - clock.currentTimeMillisUnsafe()) }]
      })
    )
  }

  /** Why a candidate was last seen to be cooling down. */
  reasonOf(candidate: Candidate): Reason.Tag | undefined {
    return this.known?.get(candidate)?.reason
  }

  /** Who of those that were seen cooling down may be asked first. */
  soonest(
    places: Places
  ): { readonly candidate: Candidate; readonly forMs: number; readonly reason: Reason.Tag } | undefined {
    const now = this.shared.clock.currentTimeMillisUnsafe()
    return places.chain
      .flatMap((candidate, index) => {
        const standing = this.known?.get(candidate)
        if (standing === undefined || !places.isBeside(index)) return []
        return [{ candidate, forMs: Math.max(0, standing.untilMs - now), reason: standing.reason }]
      })
      .toSorted((a, b) => a.forMs - b.forMs)[0]
  }

  /** Takes the right to an attempt; what stands against it otherwise. */
  admit(candidate: Candidate): Effect.Effect<CoolingDown | undefined> {
    return Effect.map(this.shared.health.admit(candidate), (admission) => {
      if (admission._tag === "CoolingDown") {
        this.knows(candidate, admission)
        return admission
      }
      this.permit = admission
      return undefined
    })
  }

  /** Takes the right to an attempt that is made in any case, where the call has none; it may be refused. */
  retaken(candidate: Candidate): Effect.Effect<void> {
    return this.permit === undefined ? Effect.asVoid(this.admit(candidate)) : Effect.void
  }

  /** Providers that were asked for this call and whose retry budget is spent. */
  spent(): ReadonlyArray<string> {
    return this.asked.filter((provider) => this.shared.budget.left(provider) < 1)
  }

  /** Whether a candidate may be asked as far as the budget goes, of which another attempt at its provider takes. */
  mayAsk({ provider }: Candidate): boolean {
    return !this.asked.includes(provider) || this.shared.budget.take(provider)
  }

  /** The same of one that was asked before. */
  mayAskAgain({ provider }: Candidate): boolean {
    return this.shared.budget.take(provider)
  }

  /** An attempt begins. */
  began({ provider }: Candidate): void {
    if (this.asked.includes(provider)) return
    this.asked.push(provider)
    this.shared.budget.called(provider)
  }

  /** Whether nobody else may probe until the attempt under way has been settled. */
  get isProbe(): boolean {
    return this.permit?.probe === true
  }

  /**
   * Takes the right to an attempt beside the one under way, and of the budget: refused where that is a probe, which is one
   * attempt at a time, or where the candidate cools down by now.
   */
  admitBeside(candidate: Candidate): Effect.Effect<boolean> {
    const admitted = Effect.suspend(() => (this.isProbe ? Effect.undefined : this.shared.health.admit(candidate)))
    return Effect.uninterruptible(
      Effect.flatMap(admitted, (admission) => {
        if (admission?._tag !== "Permit") return Effect.succeed(false)
        if (admission.probe || !this.mayAskAgain(candidate)) return Effect.as(admission.settle(ignored), false)
        this.beside = admission
        return Effect.succeed(true)
      })
    )
  }

  /** One of two attempts failed, and the other is under way. */
  failedBeside(failure: Failure): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { beside } = this
      this.beside = undefined
      return beside === undefined ? Effect.void : beside.settle({ _tag: "Failed", failure })
    })
  }

  /** The attempt under way gave its whole answer. */
  succeeded(): Effect.Effect<void> {
    return this.settle(succeeded)
  }

  /** Nothing comes of the attempt that was admitted. */
  dropped(): Effect.Effect<void> {
    return this.settle(ignored)
  }

  /** A candidate's credential is another now: what was held against the old one is forgotten, if anything was. */
  forgiven(candidate: Candidate): Effect.Effect<void> {
    const { health } = this.shared
    const key = credentialKey(candidate)
    if (health.isQuiet()) return Effect.void
    return Effect.flatMap(health.snapshot, (entries) =>
      entries.some((entry) => entry.key === key) ? health.reset(key) : Effect.void
    )
  }

  /** The call is over. An attempt that was left to itself, or failed of something else, says nothing of anybody's health. */
  readonly abandoned: Effect.Effect<void> = Effect.suspend(() => this.dropped())

  /** The attempt under way failed. */
  failed(failure: Failure): Effect.Effect<void> {
    return this.settle({ _tag: "Failed", failure })
  }

  private knows(candidate: Candidate, standing: CoolingDown): void {
    ;(this.known ??= new Map()).set(candidate, standing)
  }

  /** The permit is kept until this runs: what would follow may be interrupted before. */
  private settle(outcome: Outcome): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { beside, permit } = this
      this.beside = undefined
      this.permit = undefined
      const settled = permit === undefined ? Effect.void : permit.settle(outcome)
      // Whichever of two attempts went on, nothing came of the other.
      return beside === undefined ? settled : Effect.uninterruptible(Effect.andThen(settled, beside.settle(ignored)))
    })
  }
}
