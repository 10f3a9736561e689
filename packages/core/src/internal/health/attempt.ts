/** The right to one attempt. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Candidate } from "../../Candidate.ts"
import type { Outcome, Permit } from "../../ProviderHealth.ts"
import type { Admitted } from "./admission.ts"
import { freely } from "./admission.ts"
import type { Settlement } from "./settlement.ts"

/** A permit that settles once. */
export class Attempt implements Permit {
  readonly _tag = "Permit"
  readonly probe: boolean
  readonly settlement: Settlement
  readonly candidate: Candidate
  readonly admitted: Admitted
  settled = false

  constructor(settlement: Settlement, candidate: Candidate, admitted: Admitted) {
    this.settlement = settlement
    this.candidate = candidate
    this.admitted = admitted
    this.probe = admitted.grants.some(({ probed }) => probed !== undefined)
  }

  // A field, so that it may be passed on by itself.
  readonly settle = (outcome: Outcome): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (this.settled) return Effect.void
      if (outcome._tag === "Failed" || this.admitted !== freely || this.settlement.ledger.held.size > 0) {
        return Effect.uninterruptible(this.settleOnce(outcome))
      }
      this.settled = true
      return Effect.void
    })

  settleOnce(outcome: Outcome): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.settled) return Effect.void
      this.settled = true
      const { grants, scope } = this.admitted
      const settled = this.settlement.settle(this.candidate, grants, outcome)
      return scope === undefined ? settled : Effect.andThen(settled, Scope.close(scope, Exit.void))
    })
  }
}
