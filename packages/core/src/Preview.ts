/** Foreign text made fit to be shown: cut, and without anything that looks like a key. */

/** The most characters of a preview. */
export const longest = 300

// What keys and tokens look like: vendor prefixes, bearer tokens, JSON web tokens.
const secrets = /\b(?:(?:sk|pk|gsk|xai)[-_]|AIza)[-_A-Za-z0-9*]{6,}|\bBearer\s+\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]*/g

/**
 * Text with everything that looks like a key replaced, and cut to `length` characters.
 *
 * **Example**
 *
 * ```ts
 * import { Preview } from "@holdfast/core"
 *
 * Preview.scrub("wrong key sk-ant-api03-abcdef") // => "wrong key [redacted]"
 * ```
 */
export const scrub = (text: string, length: number = longest): string => {
  // Cut a first time so that a page of megabytes is not searched.
  const clean = text.slice(0, 8 * length).replace(secrets, "[redacted]")
  return clean.length > length ? `${clean.slice(0, length)}...` : clean
}

/**
 * Whether a text in a name's place may be a key that was pasted there, so that it must not be repeated: it looks like
 * one, or holds a run of letters and digits longer than names have, or a UUID.
 */
export const mayBeKey = (text: string): boolean =>
  scrub(text) !== text || /[A-Za-z0-9]{21}|[0-9a-f]{8}-[0-9a-f]{4}-/i.test(text)

/** Where the settings of an id stand: by the id, or by its position, from 0, where the id may be a key. */
export const placeOf = (parent: string, id: string, index: number): string =>
  mayBeKey(id) ? `${parent}, id ${index + 1}` : `${parent}.${id}`
