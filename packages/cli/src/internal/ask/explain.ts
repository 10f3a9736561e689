/** Why a question was not answered, in lines that an operator can act on. */
import type * as Failure from "@holdfast/core/Failure"
import * as Candidate from "@holdfast/core/Candidate"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Reason } from "@holdfast/core/Reason"

type Lines = readonly [string, ...Array<string>]

/** What a failed call is told as: what happened, what it proves, what helps, and the attempts where there were several. */
export const failure = (failed: Failure.Failure): Lines => {
  const { attempts, candidate, reason, verdict } = failed
  return [
    `${Candidate.label(candidate)} did not answer: ${reason._tag}, ${reason.message}.`,
    ...saidBy(reason),
    `${verdict} to ask again (${failed.rule}). ${reason.advice}`,
    ...(attempts.length > 1 ? attempts.map(attempted) : [])
  ]
}

const attempted = (attempt: Failure.Attempt): string =>
  `  ${attempt.attempt}. ${Candidate.label(attempt.candidate)}: ${attempt.reason._tag}, ${attempt.reason.message}`

const saidBy = (reason: Reason): ReadonlyArray<string> => {
  if (!("rule" in reason)) return []
  const said = reason.said === undefined ? [] : [`It said: ${reason.said}`]
  const id = reason.requestId === undefined ? "" : `, request ${reason.requestId}`
  return [...said, `Told by the rule ${reason.rule}${id}.`]
}

/** What is wrong with the question, its model or the configuration. */
export const invalid = ({ problems }: InvalidInput): Lines => {
  const [first, ...rest] = problems.map(
    ({ expected, fix, found, place }) =>
      `${place}: expected ${expected}, found ${found}${fix === undefined ? "" : `\n  ${fix}`}`
  )
  return [first ?? "the question cannot be asked", ...rest]
}
