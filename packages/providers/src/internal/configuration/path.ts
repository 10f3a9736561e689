/** Where a value stands in what an operator wrote. */
import { mayBeKey } from "@holdfast/core/Preview"

/** Keys and positions, outermost first. */
export type Path = ReadonlyArray<PropertyKey>

// A name of several words, such as `dangerouslyAcceptAnyCertificate`: longer than most, and no key looks like it.
const words = /^[a-z]{2,}(?:[A-Z][a-z]+)+$/

/** The value at a path; nothing where there is none. */
export const valueAt = (root: unknown, path: Path): unknown =>
  path.reduce<unknown>((value, key) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined
    return Reflect.get(value, key)
  }, root)

/**
 * A path as text: `agents.chief.fallbacks[2]`, `models["anthropic/claude-opus-4-7"].alias`. A key that was pasted in a
 * name's place is told by its position.
 */
export const placeOfPath = (root: unknown, path: Path): string =>
  path.reduce<string>((place, key, depth) => {
    if (typeof key === "number") return `${place}[${key}]`
    const name = String(key)
    if (mayBeKey(name) && !words.test(name)) {
      const parent = valueAt(root, path.slice(0, depth))
      const index = typeof parent === "object" && parent !== null ? Object.keys(parent).indexOf(name) : 0
      return `${place}${place === "" ? "" : ", "}key ${index + 1}`
    }
    if (!/^[A-Za-z_$][\w$-]*$/.test(name)) return `${place}[${JSON.stringify(name)}]`
    return place === "" ? name : `${place}.${name}`
  }, "")
