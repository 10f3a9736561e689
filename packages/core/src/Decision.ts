/**
 * What a policy decides after a failed attempt, as data: an interpreter carries it out, a journal keeps it.
 */
import * as Schema from "effect/Schema"
import { Candidate } from "./Candidate.ts"

/** Try the same candidate again after `delayMs`, on a connection of its own where `fresh`. */
export const RetryHere = Schema.TaggedStruct("RetryHere", {
  delayMs: Schema.Finite,
  fresh: Schema.Boolean,
  ground: Schema.Literals(["proven", "assumed"])
})

/** Why a candidate was passed over. */
export const Skipped = Schema.Struct({
  candidate: Candidate,
  /** `unsuited`: the call says that it cannot be put to the candidate. */
  why: Schema.Literals(["same-scope", "swap-denied", "unsuited"])
})

/** Go on with another candidate: its place in the chain, from 0. */
export const NextCandidate = Schema.TaggedStruct("NextCandidate", {
  index: Schema.Int,
  candidate: Candidate,
  ground: Schema.Literals(["proven", "assumed"]),
  skipped: Schema.Array(Skipped)
})

/** Give the failure to the app. */
export const Surface = Schema.TaggedStruct("Surface", {
  /** `deadline`: the call's time is spent, or the wait that comes next would outlast it. */
  why: Schema.Literals([
    "unsafe",
    "ambiguous",
    "reason-surfaces",
    "chain-exhausted",
    "swap-denied",
    "attempts-spent",
    "deadline"
  ]),
  skipped: Schema.Array(Skipped)
})

/** What a policy decides after a failed attempt. */
export const Decision = Schema.Union([RetryHere, NextCandidate, Surface])

/** What a policy decides after a failed attempt. */
export type Decision = typeof Decision.Type

/** Why a candidate was passed over. */
export type Skipped = typeof Skipped.Type
