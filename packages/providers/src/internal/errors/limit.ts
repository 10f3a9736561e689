/** Which limit a rate-limited answer speaks of: on what it is, what it counts, in which window. */
import type { Of } from "@holdfast/core/Reason"
import type { Headers } from "./wait.ts"
import { isSubscriptionSpent } from "./wait.ts"

type Limited = Of<"RateLimited">

/** What is known of a limit. */
export interface Limit {
  readonly limited: Limited["limited"]
  readonly counted?: NonNullable<Limited["counted"]>
  readonly window?: NonNullable<Limited["window"]>
}

const counts: ReadonlyArray<readonly [NonNullable<Limited["counted"]>, RegExp]> = [
  ["concurrency", /concurren|parallel request/i],
  ["tokens", /\btokens?\b|\b(?:input|output)?[io]?tp[mhd]\b|\btpm_/i],
  ["requests", /\brequests?\b|\brp[smhd]\b|\brpm_|\bqps\b|\bqpm\b/i]
]

const windows: ReadonlyArray<readonly [NonNullable<Limited["window"]>, RegExp]> = [
  ["second", /per[ -]sec(?:ond)?\b|\brps\b|\bqps\b/i],
  ["minute", /per[ -]min(?:ute)?\b|\b[rtq]pm(?:\b|_)|\b[io]tpm\b/i],
  ["hour", /per[ -]hour\b|hourly|\b[rt]ph\b/i],
  ["day", /per[ -]day\b|daily|\b[rt]pd\b/i],
  ["week", /per[ -]week\b|weekly/i],
  ["month", /per[ -]month\b|monthly/i]
]

const firstOf = <A>(table: ReadonlyArray<readonly [A, RegExp]>, text: string): A | undefined =>
  table.find(([, pattern]) => pattern.test(text))?.[0]

/**
 * What code, type and words say of a limit. A limit on the account without a word of a model is the credential's; one on
 * an address is everybody's there; every other one is the model's, as most providers count each model by itself.
 */
export const limitOf = (words: ReadonlyArray<string>, text: string, headers: Headers): Limit => {
  const said = `${words.join(" ")} ${text}`
  const counted = firstOf(counts, said)
  const window = firstOf(windows, said)
  return {
    limited: limitedIn(text, headers),
    ...(counted === undefined ? undefined : { counted }),
    ...(window === undefined ? undefined : { window })
  }
}

const limitedIn = (text: string, headers: Headers): Limited["limited"] => {
  if (isSubscriptionSpent(headers)) return "credential"
  if (/\bip\b|\bip address/i.test(text)) return "provider"
  // Anthropic's words for a limit that it sets per class of models.
  if (/\bmodels?\b|rate limit reached for (?!rpm|tpm|requests)|organization's rate limit/i.test(text)) return "model"
  return /\b(?:account|organi[sz]ation|workspace|project|subscription|plan|user|key)\b/i.test(text)
    ? "credential"
    : "model"
}
