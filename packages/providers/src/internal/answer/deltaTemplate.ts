/**
 * Most events of a stream differ from the one before in a single string. Where one does, the string is read without
 * parsing the rest again.
 *
 * What is learnt is a text that was parsed, around a string in it. Another text with the same beginning and the same end
 * has the same structure if and only if a single JSON string stands between them, and that is checked.
 */
export class DeltaTemplate {
  private readonly field: string
  private before = ""
  private after = ""

  /** `field` is the name of the string's member: `content` for `"content":"..."`. */
  constructor(field: string) {
    this.field = `"${field}":`
  }

  /** The string of a text that differs from the learnt one in nothing else; nothing where it differs in more. */
  read(text: string): string | undefined {
    const { after, before } = this
    const end = text.length - after.length
    // Equality of slices is faster than `startsWith`, and this is asked of every event.
    if (before === "" || end < before.length || text.slice(end) !== after) return undefined
    if (text.slice(0, before.length) !== before) return undefined
    const between = text.slice(before.length, end)
    return isPlain(between) ? between : unescaped(between)
  }

  /** Learns a text whose only effect was that this string came. Most strings tell where they stand; for the rest, nothing is learnt. */
  learn(text: string, value: string): void {
    if (value === "" || !isPlain(value)) return
    const at = this.placeOf(text, value)
    if (at === undefined) return
    this.before = text.slice(0, at)
    this.after = text.slice(at + value.length)
  }

  // An unescaped quote cannot stand within a string, so that member and value are found as such or not at all.
  private placeOf(text: string, value: string): number | undefined {
    for (const gap of ["", " "]) {
      const member = `${this.field}${gap}"${value}"`
      const at = text.indexOf(member)
      if (at !== -1) return text.includes(member, at + 1) ? undefined : at + member.length - value.length - 1
    }
    return undefined
  }
}

const SPACE = 0x20
const QUOTE = 0x22
const ESCAPE = 0x5c

/** Whether a text stands in a JSON string as it is (RFC 8259 section 7). */
const isPlain = (text: string): boolean => {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < SPACE || code === QUOTE || code === ESCAPE) return false
  }
  return true
}

/** The string, if it is a whole one; a quote in it would end it early. */
const unescaped = (between: string): string | undefined => {
  try {
    return String(JSON.parse(`"${between}"`))
  } catch {
    return undefined
  }
}
