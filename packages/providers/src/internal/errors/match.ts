/** Which rule fits. */
import type { Condition, ErrorRule } from "../../ErrorRule.ts"
import type { Said } from "./facts.ts"

/** What rules are held against: the beginning of the text is enough. */
export interface View extends Said {
  readonly status: number | undefined
}

// Far above any message and any word that a provider writes.
const longestText = 4000
const longestWord = 200

/** What rules are held against. */
export const viewOf = (said: Said, status: number | undefined): View => ({
  ...said,
  text: said.text.slice(0, longestText),
  status
})

/** A rule that fits. */
export interface Match extends Omit<ErrorRule, "when"> {
  /** What its pattern captured. */
  readonly captured?: string | undefined
}

/** The first rule that fits. */
export const first = (rules: ReadonlyArray<ErrorRule>, view: View): Match | undefined => {
  for (const rule of rules) {
    const { code, parameter, status, text, type, word } = rule.when
    if (status !== undefined && !isOneOf(status, view.status)) continue
    if (type !== undefined && !isNamed(type, [view.type])) continue
    if (code !== undefined && !isNamed(code, [view.code])) continue
    if (word !== undefined && !isNamed(word, view.words)) continue
    if (parameter !== undefined && !parameter.test(view.parameter ?? "")) continue
    if (text === undefined) return rule
    const found = text.exec(view.text)
    if (found !== null) return { ...rule, captured: found[1] }
  }
  return undefined
}

const isOneOf = (expected: NonNullable<Condition["status"]>, status: number | undefined): boolean =>
  status !== undefined && (typeof expected === "number" ? expected === status : expected.includes(status))

const isNamed = (expected: string | ReadonlyArray<string>, said: ReadonlyArray<string | undefined>): boolean =>
  said.some(
    (text) =>
      text !== undefined &&
      (typeof expected === "string" ? isSame(expected, text) : expected.some((name) => isSame(name, text)))
  )

const isSame = (expected: string, said: string): boolean => {
  if (said.length > longestWord) return false
  const name = expected.toLowerCase()
  const text = said.toLowerCase()
  return name.endsWith("*") ? text.startsWith(name.slice(0, -1)) : text === name
}
