/**
 * What a policy decides after a failed attempt, as data: an interpreter carries it out, a journal keeps it.
 */
import * as Schema from "effect/Schema"
import { Candidate } from "./Candidate.ts"

/** `proven`: the provider did not run the call. `assumed`: it may have, and the call is repeatable. */
const ground = Schema.Literals(["proven", "assumed"])

/** Why a candidate was passed over. */
export const Skipped = Schema.Struct({
  candidate: Candidate,
  /**
   * - `same-scope`: it shares what failed.
   * - `swap-denied`: the swap rule does not allow it, or the app said no.
   * - `unsuited`: the call says that it cannot be put to the candidate.
   * - `cooling-down`: it is not to be asked now.
   * - `budget-spent`: the call has asked its provider before, whose retry budget is spent.
   * - `other-reason`: it is named for failures of another reason alone, or this one for those alone that are named for it.
   */
  why: Schema.Literals(["same-scope", "swap-denied", "unsuited", "cooling-down", "budget-spent", "other-reason"]),
  /** When it may be asked again, in milliseconds from now; of one that is cooling down. */
  forMs: Schema.optionalKey(Schema.Finite)
})

/** Try the same candidate again after `delayMs`, on a connection of its own where `fresh`. */
export const RetryHere = Schema.TaggedStruct("RetryHere", {
  delayMs: Schema.Finite,
  fresh: Schema.Boolean,
  ground
})

/** Renew the candidate's credential and, if it is another then, try the candidate again. */
export const RefreshCredential = Schema.TaggedStruct("RefreshCredential", { ground })

const elsewhere = {
  /** The candidate's place in the chain, from 0. */
  index: Schema.Int,
  candidate: Candidate,
  ground,
  /** The swap rule leaves it to the app, which is asked before anything is sent. */
  asks: Schema.optionalKey(Schema.Boolean),
  skipped: Schema.Array(Skipped)
}

/** Go on with the same model at the same provider, under another credential. */
export const RotateCredential = Schema.TaggedStruct("RotateCredential", elsewhere)

/** Go on with another candidate. */
export const NextCandidate = Schema.TaggedStruct("NextCandidate", elsewhere)

/** All that may be asked are cooling down: wait for the one that is soonest, and ask it. */
export const Wait = Schema.TaggedStruct("Wait", { ...elsewhere, delayMs: Schema.Finite })

/** Give the failure to the app. */
export const Surface = Schema.TaggedStruct("Surface", {
  /**
   * - `unsafe`, `ambiguous`: the verdict does not allow a replay.
   * - `turn-invalid`: a replay would run the turn again, which must not be; or the turn was abandoned.
   * - `reason-surfaces`: the table says so.
   * - `chain-exhausted`, `swap-denied`, `budget-spent`: nobody is left, or nobody whom the swap rule or the retry budget allows.
   * - `cooling-down`: those who are left are to be asked later than the call can wait.
   * - `attempts-spent`: the call has made all the attempts that it may.
   * - `deadline`: the call's time is spent, or the wait that comes next would outlast it.
   */
  why: Schema.Literals([
    "unsafe",
    "ambiguous",
    "turn-invalid",
    "reason-surfaces",
    "chain-exhausted",
    "swap-denied",
    "budget-spent",
    "cooling-down",
    "attempts-spent",
    "deadline"
  ]),
  skipped: Schema.Array(Skipped)
})

/** What a policy decides after a failed attempt. */
export const Decision = Schema.Union([RetryHere, RefreshCredential, RotateCredential, NextCandidate, Wait, Surface])

/** What a policy decides after a failed attempt. */
export type Decision = typeof Decision.Type

/** A decision to go on with another candidate. */
export type Onward = typeof RotateCredential.Type | typeof NextCandidate.Type | typeof Wait.Type

/** Why a candidate was passed over. */
export type Skipped = typeof Skipped.Type

/** Why a failure is given to the app. */
export type Why = (typeof Surface.Type)["why"]
