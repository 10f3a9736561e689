/**
 * Loads undici on first use, without changing which connections the process's own `fetch` uses.
 *
 * Loading npm's undici 8 overwrites the global dispatcher that Node's built-in `fetch` reads (on Node 22 it takes it
 * over), so what stood there is put back. The built-in copy is made to initialise itself first: whichever copy comes
 * first fills the symbols that both share.
 */
import { createRequire } from "node:module"
import type * as Module from "undici"

/** npm's undici. */
export type Undici = typeof Module

// undici/lib/global.js: .1 is read by the copies built into Node 22 and 24, .2 by undici 8.
const legacyDispatcher = Symbol.for("undici.globalDispatcher.1")

/** npm's undici; the module cache makes every call but the first free. */
export const load = (): Undici => {
  const globals: Record<symbol, unknown> & typeof globalThis = globalThis
  // A lazy getter: reading it loads the built-in undici.
  void globals.Headers
  const before = globals[legacyDispatcher]
  // A synchronous load: no other code runs between the overwriting and the putting back.
  const undici = createRequire(import.meta.url)("undici") as Undici
  if (globals[legacyDispatcher] !== before) globals[legacyDispatcher] = before
  return undici
}
