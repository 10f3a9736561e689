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
  /** From the quote on that ends the string. */
  private readonly after: string
  /** What stands between the strings of two events that follow each other. */
  private readonly between: string

  private constructor(before: string, after: string) {
    this.before = before
    this.after = after
    this.between = after + before
  }

  /**
   * What an event teaches, which stands in the stream as `raw`, its last line feed included. Most strings tell where they
   * stand; from the rest, nothing is learnt.
   */
  static learn(raw: string, { member, text }: Pick<Delta, "member" | "text">): DeltaTemplate | undefined {
    if (text === "" || plainEndOf(text, 0) !== text.length) return undefined
    const at = placeOf(raw, member, text)
    return at === undefined ? undefined : new DeltaTemplate(raw.slice(0, at), raw.slice(at + text.length))
  }

  /** Reads the events from a place on that are like the learnt one and whole, and says where the last of them ends. */
  read(stream: string, at: number, each: (text: string) => void): number {
    const { after, before, between } = this
    let end = at
    let from = at + before.length
    // Equality of slices is faster than `startsWith`, and this is asked of every event.
    if (stream.slice(at, from) !== before) return end
    for (;;) {
      const plain = plainEndOf(stream, from)
      const to = stream.charCodeAt(plain) === ESCAPE ? endOf(stream, plain) : plain
      const next = to + between.length
      const follows = stream.slice(to, next) === between
      if (!follows && stream.slice(to, to + after.length) !== after) return end
      const text = to === plain ? stream.slice(from, to) : unescaped(stream.slice(from, to))
      if (text === undefined) return end
      each(text)
      end = to + after.length
      if (!follows) return end
      from = next
    }
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

/** Where a JSON string ends that goes on at a place, or its first escape begins: most have none. */
const plainEndOf = (text: string, from: number): number => {
  let at = from
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < SPACE || code === QUOTE || code === ESCAPE) break
  }
  return at
}

/** Where it ends: at its quote, or where none can stand (RFC 8259 section 7). */
const endOf = (text: string, from: number): number => {
  let at = plainEndOf(text, from)
  while (text.charCodeAt(at) === ESCAPE) at = plainEndOf(text, at + 2)
  return Math.min(at, text.length)
}

/** What stands in a JSON string; nothing where it cannot. */
const unescaped = (between: string): string | undefined => {
  try {
    return String(JSON.parse(`"${between}"`))
  } catch {
    return undefined
  }
}
