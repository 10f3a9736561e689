/** One rule for each of several words that mean the same. */
import type { AnswerReason, ErrorRule } from "../../ErrorRule.ts"

type More = Pick<ErrorRule, "hint" | "limited">

const rule = (name: string, when: ErrorRule["when"], reason: AnswerReason, more: More): ErrorRule => ({
  name,
  when,
  reason,
  ...more
})

/** One rule for each word, named by it. `throttl*` is all that begin so. */
export const each = (reason: AnswerReason, words: ReadonlyArray<string>, more: More = {}): ReadonlyArray<ErrorRule> =>
  words.map((word) => rule(word.replace("*", ""), { word }, reason, more))

/** One rule for each number in the place of a code, named in words. */
export const codes = (
  reason: AnswerReason,
  named: Readonly<Record<string, string>>,
  more: More = {}
): ReadonlyArray<ErrorRule> =>
  Object.entries(named).map(([code, name]) => rule(`${code}-${name}`, { code }, reason, more))
