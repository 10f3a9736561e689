/**
 * Most events of a stream differ from the one before in a single string. Where one does, the string is read without
 * parsing the rest again.
 *
 * What is learnt is an event as it stood in the stream, around a string in it. Another with the same beginning and the
 * same end has the same structure if and only if a single JSON string stands between them, and that is checked.
 */
import type { Delta } from "../../Codec.ts"

/** Events that are like one that was read. */
export class DeltaTemplate {
  private readonly before: string
  private readonly after: string
  /** How much of what follows the string belongs to its own line, the line's end included. */
  private readonly sameLine: number
  /** The string of the event that was found last. */
  text = ""

  private constructor(before: string, after: string) {
    this.before = before
    this.after = after
    this.sameLine = after.indexOf("\n") + 1
  }

  /**
   * What an event teaches, which stands in the stream as `raw`, its last line feed included. Most strings tell where they
   * stand; from the rest, nothing is learnt.
   */
  static learn(raw: string, { member, text }: Pick<Delta, "member" | "text">): DeltaTemplate | undefined {
    if (text === "" || !isPlain(text)) return undefined
    const at = placeOf(raw, member, text)
    return at === undefined ? undefined : new DeltaTemplate(raw.slice(0, at), raw.slice(at + text.length))
  }

  /** Where the event ends that begins at a place, if it is like the learnt one and whole; its string is kept. */
  find(stream: string, at: number): number | undefined {
    const { after, before } = this
    // Equality of slices is faster than `startsWith`, and this is asked of every event.
    const from = at + before.length
    if (stream.slice(at, from) !== before) return undefined
    const to = stream.indexOf("\n", from) + 1 - this.sameLine
    const end = to + after.length
    if (to < from || stream.slice(to, end) !== after) return undefined
    const between = stream.slice(from, to)
    const text = isPlain(between) ? between : unescaped(between)
    if (text === undefined) return undefined
    this.text = text
    return end
  }
}

/** Where a string stands. An unescaped quote cannot stand within one, so that member and value are found as such or not at all. */
const placeOf = (raw: string, member: string, text: string): number | undefined => {
  for (const gap of ["", " "]) {
    const found = `"${member}":${gap}"${text}"`
    const at = raw.indexOf(found)
    if (at !== -1) return raw.includes(found, at + 1) ? undefined : at + found.length - text.length - 1
  }
  return undefined
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
