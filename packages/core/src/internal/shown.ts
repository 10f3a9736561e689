import { mayBeKey } from "../Preview.ts"

/** What stands where something else was expected, as a problem tells it: nothing of what may be or hold a secret. */
export const shown = (found: unknown): string => {
  if (typeof found === "string")
    return mayBeKey(found) ? "a text that may be a key" : JSON.stringify(found.slice(0, 80))
  if (Array.isArray(found)) return "a list"
  if (typeof found === "function") return "a function"
  return typeof found === "object" && found !== null ? "an object" : String(found)
}
