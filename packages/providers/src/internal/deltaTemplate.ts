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
    if (before === "" || end < before.length || !text.startsWith(before) || !text.endsWith(after)) return undefined
    const between = text.slice(before.length, end)
    return special.test(between) ? unescaped(between) : between
  }

  /** Learns a text whose only effect was that this string came. Most strings tell where they stand; for the rest, nothing is learnt. */
  learn(text: string, value: string): void {
    if (value === "" || special.test(value)) return
    const at = this.placeOf(text, value)
    if (at === undefined) return
    this.before = text.slice(0, at)
    this.after = text.slice(at + value.length)
  }

  /** From now on nothing is read before something is learnt: what came in between changed what a string would mean. */
  forget(): void {
    this.before = ""
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

// What cannot stand in a JSON string as it is (RFC 8259 section 7), and the escape itself.
// oxlint-disable-next-line no-control-regex
const special = /["\\\u0000-\u001f]/

/** The string, if it is a whole one; a quote in it would end it early. */
const unescaped = (between: string): string | undefined => {
  try {
    return String(JSON.parse(`"${between}"`))
  } catch {
    return undefined
  }
}
