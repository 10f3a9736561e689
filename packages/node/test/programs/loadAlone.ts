/** Loads undici as the transport does, in a process where nothing has touched the built-in one yet. */
import assert from "node:assert/strict"
import { createRequire } from "node:module"
import { load } from "../../src/internal/undici.ts"

const globals: Record<symbol, unknown> & typeof globalThis = globalThis
const keys = [Symbol.for("undici.globalDispatcher.1"), Symbol.for("undici.globalDispatcher.2")]
assert.deepEqual(
  keys.map((key) => globals[key]),
  [undefined, undefined]
)

const undici = load()
assert.equal(createRequire(import.meta.url)("undici"), undici)
assert.equal(load(), undici)

const [first, second] = keys.map((key) => globals[key])
const [major] = process.versions.node.split(".")
assert.ok(first !== undefined && !(first instanceof undici.Dispatcher))
// The first is npm's too where it wraps npm's dispatcher; Node 26's own has that shape as well.
if (major !== "26") assert.notEqual((first as object).constructor.name, "Dispatcher1Wrapper")
// Node 22's own copy does not know the second.
assert.equal(second instanceof undici.Dispatcher, major === "22")
process.stdout.write(`as it was on ${major}`)
