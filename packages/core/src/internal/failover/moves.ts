/** What a call does between its attempts: what was decided, as far as it can still be done. */
import * as Effect from "effect/Effect"
import type { CallState } from "../../CallState.ts"
import type { Decision, Onward } from "../../Decision.ts"
import * as Failure from "../../Failure.ts"
import * as FailoverPolicy from "../../FailoverPolicy.ts"
import type { SwapDenied } from "../../SwapDenied.ts"
import { askApp } from "./askApp.ts"
import { mayWait, sharedBy } from "../decide.ts"
import { coolingDown, deniedSwap } from "./givenUp.ts"
import { renew } from "./renewal.ts"
import type { Given, Session } from "./session.ts"

/** Done when the next attempt may be made; fails where the call is given up. */
type Move = Effect.Effect<void, Failure.Failure | SwapDenied>

/** Finds where the call begins: at its first candidate, or at another while that cools down. */
export const enter = (session: Session): Move =>
  Effect.suspend(() => {
    const { places, standing } = session
    session.rotate()
    return Effect.flatMap(standing.cooling(places), (cooling) =>
      cooling.some(({ index }) => index === places.index)
        ? decideBy(session, cooling, undefined)
        : Effect.flatMap(standing.admit(session.candidate), (refused) =>
            refused === undefined ? Effect.void : refusedBy(session, undefined)
          )
    )
  })

/** The attempt under way failed: decides what follows, and does it. */
export const failed = (session: Session, raw: Failure.Failure, given?: Given): Move =>
  Effect.suspend(() => follows(session, session.failure(raw, given)))

/** The same of a failure that the session knows. */
export const follows = (session: Session, failure: Failure.Failure): Move =>
  session.isRefused(failure) ? refused(session, failure) : held(session, failure)

/**
 * Nothing is held against a credential before it is known that there is no other: calls beside this one would be lost, and
 * so would the new one, which nobody has refused.
 */
const refused = (session: Session, failure: Failure.Failure): Move =>
  Effect.flatMap(session.standing.cooling(session.places), (cooling) =>
    Effect.flatMap(decideAfter(session, cooling, failure), (decide) => {
      const decision = decide()
      return Effect.flatMap(renew(session), (isRenewed) => {
        if (!isRenewed) return held(session, failure)
        return decision._tag === "RefreshCredential" ? again(session, decision, failure) : next(session, failure)
      })
    })
  )

/** What failed is held against whom it is about, and it is decided what follows. */
const held = (session: Session, failure: Failure.Failure): Move =>
  Effect.andThen(session.standing.failed(failure), next(session, failure))

/** What follows a failure, as things stand now; where nothing has failed, with whom the call begins. */
const next = (session: Session, failure: Failure.Failure | undefined): Move =>
  Effect.flatMap(session.standing.cooling(session.places), (cooling) => decideBy(session, cooling, failure))

type Cooling = NonNullable<CallState["cooling"]>

const decideBy = (session: Session, cooling: Cooling, failure: Failure.Failure | undefined): Move =>
  failure === undefined
    ? decided(session, failure, () => FailoverPolicy.begin(session.policy, session.state(undefined, cooling)))
    : Effect.flatMap(decideAfter(session, cooling, failure), (decide) => decided(session, failure, decide))

const decideAfter = (session: Session, cooling: Cooling, failure: Failure.Failure): Effect.Effect<() => Decision> =>
  Effect.map(
    session.retries.delay(failure, session.now(), session.leftMs()),
    (retryDelayMs) => () => FailoverPolicy.decide(session.policy, session.state(retryDelayMs, cooling), failure)
  )

/** Whom the call does not suit is passed over, and it is decided again. */
const decided = (session: Session, failure: Failure.Failure | undefined, decide: () => Decision): Move => {
  let decision = decide()
  while (isOnward(decision) && !session.places.suits(decision)) decision = decide()
  return carryOut(session, decision, failure)
}

const isOnward = (decision: Decision): decision is Onward => "index" in decision

/** Does what was decided; what cannot be done after all is decided again. Nothing has failed where nothing was sent. */
const carryOut = (session: Session, decision: Decision, failure: Failure.Failure | undefined): Move => {
  switch (decision._tag) {
    case "RetryHere":
      return failure === undefined ? Effect.void : here(session, decision, failure)
    case "RefreshCredential":
      return failure === undefined ? Effect.void : renewed(session, decision, failure)
    case "Surface":
      return giveUp(session, decision, failure)
    case "RotateCredential":
    case "NextCandidate":
    case "Wait":
      return decision.asks === true && !session.places.isAgreed(decision.index)
        ? Effect.flatMap(askApp(session, decision, failure), (agreed) => {
            session.places.answered(decision.index, agreed)
            return next(session, failure)
          })
        : onward(session, decision, failure)
  }
}

/** Decides again after somebody else was quicker, or after a wait: not for ever, however things go. */
const refusedBy = (session: Session, failure: Failure.Failure | undefined): Move =>
  ++session.waits > session.policy.maxAttempts ? giveUp(session, outOfWaits, failure) : next(session, failure)

type Retry = Extract<Decision, { readonly _tag: "RetryHere" }>
type Refresh = Extract<Decision, { readonly _tag: "RefreshCredential" }>

const here = (session: Session, decision: Retry, failure: Failure.Failure): Move => {
  session.decided(decision)
  session.fresh = decision.fresh
  session.retries.began(failure)
  const asked = askAgain(session, decision, failure)
  return decision.delayMs > 0 ? Effect.andThen(Effect.sleep(decision.delayMs), asked) : asked
}

/** Decided for another failure than that of a credential: nobody else decides so. */
const renewed = (session: Session, decision: Refresh, failure: Failure.Failure): Move =>
  Effect.flatMap(renew(session), (isRenewed) =>
    isRenewed ? again(session, decision, failure) : next(session, failure)
  )

/** The candidate is asked again with its new credential; where it cools down, others are asked, or it is waited for. */
const again = (session: Session, decision: Refresh, failure: Failure.Failure): Move =>
  Effect.flatMap(session.standing.admit(session.candidate), (refusal) => {
    if (refusal !== undefined) return untilAdmitted(session, decision, failure, refusal.untilMs - session.now())
    const { candidate, standing } = session
    if (!standing.mayAskAgain(candidate)) return Effect.andThen(standing.dropped(), next(session, failure))
    session.decided(decision)
    session.goesOn(decision, failure)
    return Effect.void
  })

const untilAdmitted = (session: Session, decision: Refresh, failure: Failure.Failure, forMs: number): Move =>
  Effect.flatMap(session.standing.cooling(session.places), (cooling) =>
    Effect.flatMap(decideAfter(session, cooling, failure), (decide) => {
      const fits = mayWait(session.policy, forMs, session.leftMs())
      if (!fits || decide()._tag !== "Surface") return next(session, failure)
      if (++session.waits > session.policy.maxAttempts) return giveUp(session, outOfWaits, failure)
      return Effect.andThen(Effect.sleep(Math.max(1, forMs)), again(session, decision, failure))
    })
  )

const askAgain = (session: Session, decision: Retry, failure: Failure.Failure): Move =>
  Effect.suspend(() => {
    const { candidate, standing } = session
    // Taken when the attempt is made: what was granted long before would arrive in a crowd.
    if (!standing.mayAskAgain(candidate)) return next(session, failure)
    session.goesOn(decision, failure)
    // The call's own schedule has waited: a window that this failure began does not hold for it.
    return Effect.asVoid(standing.admit(candidate))
  })

const onward = (session: Session, decision: Onward, failure: Failure.Failure | undefined): Move => {
  const { candidate, index } = decision
  const { places, standing } = session
  if (decision._tag === "Wait") {
    session.decided(decision)
    return Effect.andThen(
      Effect.sleep(decision.delayMs),
      Effect.suspend(() => refusedBy(session, failure))
    )
  }
  return Effect.flatMap(standing.admit(candidate), (refused) => {
    // Somebody else was quicker to probe it, or it has failed meanwhile.
    if (refused !== undefined) return refusedBy(session, failure)
    if (!standing.mayAsk(candidate)) return Effect.andThen(standing.dropped(), refusedBy(session, failure))
    if (failure !== undefined || index !== places.index) session.decided(decision)
    if (failure !== undefined) session.goesOn(decision, failure)
    if (index !== places.index) {
      places.moveTo(index, failure !== undefined, failure === undefined ? undefined : sharedBy(session.policy, failure))
      session.swapReason = failure?.reason._tag ?? standing.reasonOf(session.from) ?? "TurnContinues"
    }
    session.retries.reset()
    session.fresh = false
    return Effect.void
  })
}

const outOfWaits: Extract<Decision, { readonly _tag: "Surface" }> = {
  _tag: "Surface",
  why: "cooling-down",
  skipped: []
}

const giveUp = (
  session: Session,
  decision: Extract<Decision, { readonly _tag: "Surface" }>,
  failure: Failure.Failure | undefined
): Move =>
  Effect.suspend(() => {
    const last = failure ?? coolingDown(session)
    session.decided(decision)
    const whole = Failure.ofCall(session.records, last)
    session.events.gaveUp(whole, session.attempts, session.elapsed())
    return Effect.fail(deniedSwap(decision, whole, session) ?? whole)
  })
