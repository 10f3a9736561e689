/** Decisions in words that a person reads. */
import { label } from "@holdfast/core/Candidate"
import type { Decision, Skipped, Why } from "@holdfast/core/Decision"
import type { Decided, Explanation } from "@holdfast/core/Explanation"

/** A length of time, or a moment counted from the beginning: `800 ms`, `1.2 s`, `4 min 30 s`. */
export const time = (ms: number): string => {
  if (ms > 0 && ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`
  const seconds = Math.round(ms / 1_000)
  const rest = seconds % 60
  return `${Math.floor(seconds / 60)} min${rest === 0 ? "" : ` ${rest} s`}`
}

/** What is done next. */
export const decided = ({ between, decision }: Decided): string => {
  switch (decision._tag) {
    case "RetryHere": {
      const connection = decision.fresh ? ", on a fresh connection" : ""
      const chance = between === undefined ? "" : ` (${time(between.leastMs)} to ${time(between.mostMs)})`
      return `again ${decision.delayMs > 0 ? `after ${time(decision.delayMs)}${chance}` : "at once"}${connection}`
    }
    case "RefreshCredential":
      return "again, with its credential renewed"
    case "RotateCredential":
      return `the same model under another credential: ${to(decision)}`
    case "NextCandidate":
      return to(decision)
    case "Wait":
      return `wait ${time(decision.delayMs)} for ${to(decision)}`
    case "Surface":
      return `give up: ${surfaced[decision.why]}`
  }
}

const to = ({ asks, candidate }: Extract<Decision, { readonly candidate: unknown }>): string =>
  asks ? `${label(candidate)}, if the app wants it` : label(candidate)

/** Who is passed over, and why. */
export const passedOver = ({ candidate, forMs, why }: Skipped): string =>
  `not ${label(candidate)}: ${skipped[why]}${forMs === undefined ? "" : ` for ${time(forMs)}`}`

/** What comes of it in the end. */
export const ending = ({ end }: Explanation): string => {
  if (end._tag === "Asks") return `After ${time(end.atMs)}, attempt ${end.attempt} asks ${label(end.candidate)}.`
  const denied =
    end.denied.length === 0 ? "" : ` Had it been allowed, ${end.denied.map(label).join(", ")} would have been asked.`
  return `After ${time(end.atMs)}, the app gets ${end.error}: ${surfaced[end.why]}.${denied}`
}

const surfaced: { readonly [W in Why]: string } = {
  unsafe: "it must not be replayed",
  ambiguous: "it may have run, and nobody says that it may run twice",
  "turn-invalid": "the turn may not be run again",
  "reason-surfaces": "nothing else to ask would help",
  "chain-exhausted": "nobody is left in the chain",
  "swap-denied": "the swap is not allowed",
  "budget-spent": "the retry budget is spent",
  "cooling-down": "those who are left cool down for longer than the call can wait",
  "attempts-spent": "the call has made all its attempts",
  deadline: "the call's time does not suffice"
}

const skipped: { readonly [W in Skipped["why"]]: string } = {
  "same-scope": "it shares what failed",
  "swap-denied": "the swap is not allowed",
  unsuited: "it cannot take this call",
  "cooling-down": "it is cooling down",
  "budget-spent": "the retry budget of its provider is spent",
  "other-reason": "it is not for this reason"
}
