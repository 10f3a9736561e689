/** What JSON5 would have allowed at the place of a mistake. */

// Comments, texts, punctuation and words; at the end, what was begun and not ended.
const tokens =
  /\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'|[{}[\],:]|[^\s{}[\],:/"']+|(?<open>\/\*|["'])[^]*$/g

/** `before` is the text up to the mistake, which is JSON5 as far as it goes */
export const expectedAfter = (before: string): string => {
  const within: Array<string> = []
  let last = ""
  let word: { readonly text: string; readonly name: boolean; readonly end: number } | undefined
  for (const { 0: token, groups, index } of before.matchAll(tokens)) {
    const open = groups?.["open"]
    if (open !== undefined) return open === "/*" ? "the end of the comment, */" : `the end of the text, ${open}`
    if (token.startsWith("//") || token.startsWith("/*")) continue
    const punctuation = token.length === 1 && "{}[],:".includes(token)
    const name = within.at(-1) === "{" && (last === "{" || last === ",")
    word = punctuation ? undefined : { text: token, name, end: index + token.length }
    if (token === "{" || token === "[") within.push(token)
    if (token === "}" || token === "]") within.pop()
    last = token
  }
  if (word?.name === true) return "a colon"
  if (word !== undefined && word.end === before.length && !isValue(word.text)) return value
  if (last === "" || last === ":") return value
  const bracket = within.at(-1)
  if (bracket === undefined) return "the end of the file"
  const begun = last === bracket || last === ","
  if (bracket === "{") return begun ? "a name, or }" : "a comma, or }"
  return begun ? `${value}, or ]` : "a comma, or ]"
}

const value = "a text in quotes, a number, true, false, null, { or ["

const isValue = (word: string): boolean =>
  /^(?:["'].*|true|false|null|[-+]?(?:Infinity|NaN|0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?))$/s.test(word)
