/**
 * Loads the transport and uses it, and finds the process's own `fetch` as it was. Run by a test on several versions of Node, with how
 * `fetch` stood before: `untouched`, `used`, `set` (the app gave it a dispatcher) or `proxied` (the environment did).
 */
import assert from "node:assert/strict"
import * as Http from "node:http"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dispatcher from "../../src/Dispatcher.ts"
import * as Dispatchers from "../../src/Dispatchers.ts"
import * as NodeTransport from "../../src/HttpTransport.ts"

const how = process.argv[2]
const globals: Record<symbol | string, unknown> & typeof globalThis = globalThis
const keys = [Symbol.for("undici.globalDispatcher.1"), Symbol.for("undici.globalDispatcher.2")]
const names = [
  "fetch",
  "Headers",
  "Request",
  "Response",
  "FormData",
  "WebSocket",
  "EventSource",
  "MessageEvent",
  "CloseEvent"
]
/** What stands under a name: a lazy getter is not called. */
const standing = (name: string) => Object.getOwnPropertyDescriptor(globalThis, name)?.get ?? globals[name]
const dispatchers = () => keys.map((key) => globals[key])

const server = Http.createServer((_, response) => response.end("direct"))
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
const address = server.address()
assert.ok(typeof address === "object" && address !== null)
const origin = `http://127.0.0.1:${address.port}`

interface Dispatches {
  readonly dispatch: (...args: ReadonlyArray<unknown>) => unknown
}
let counted = 0
/** A dispatcher that counts what goes through it. */
const counting = (inner: unknown): unknown =>
  new Proxy(inner as Dispatches, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== "function") return value
      return (...args: ReadonlyArray<unknown>) => {
        if (key === "dispatch") counted++
        return Reflect.apply(value, target, args)
      }
    }
  })

// The first `fetch` of a process brings its dispatcher into being; so does looking at `Headers`.
if (how === "used") assert.equal(await (await fetch(origin)).text(), "direct")
if (how === "set") {
  assert.ok(globalThis.Headers)
  for (const key of keys) if (globals[key] !== undefined) globals[key] = counting(globals[key])
}
const before = dispatchers()
const globalsBefore = names.map((name) => standing(name))

const answer = Effect.gen(function* () {
  const { send } = yield* HttpTransport
  const response = yield* send({
    candidate: { provider: "x", model: "y" },
    method: "GET",
    url: origin,
    headers: {},
    declaration: "repeatable"
  })
  return yield* response.text
})
const text = await Effect.runPromise(
  answer.pipe(
    Effect.scoped,
    Effect.provide(
      NodeTransport.layer.pipe(
        Layer.provide(Dispatchers.swap("x", Dispatcher.layerPool({ proxy: false }))),
        Layer.provide(Telemetry.layer)
      )
    )
  )
)
assert.equal(text, "direct")
assert.equal(counted, 0)

const after = dispatchers()
const undici = await import("undici")
const isOfNpm = (dispatcher: unknown) =>
  dispatcher instanceof undici.Dispatcher || (dispatcher as object)?.constructor?.name === "Dispatcher1Wrapper"
for (const [index, dispatcher] of before.entries()) {
  if (dispatcher !== undefined) assert.equal(after[index], dispatcher, `${String(keys[index])} is another`)
}
// What stood nowhere before is the built-in copy's own; only Node 22's does not know the second.
const [major] = process.versions.node.split(".")
if (how !== "set") {
  if (major !== "26") assert.ok(!isOfNpm(after[0]), "the built-in fetch was given npm's dispatcher")
  if (major !== "22")
    assert.ok(!(after[1] instanceof undici.Dispatcher), "the built-in fetch was given npm's dispatcher")
}
for (const [index, name] of names.entries()) {
  assert.equal(standing(name), globalsBefore[index], `${name} is another`)
  assert.notEqual(globals[name], (undici as Record<string, unknown>)[name], `${name} is npm's`)
}

if (how === "proxied") assert.equal(await (await fetch("http://service.invalid/")).text(), "proxied")
else assert.equal(await (await fetch(origin)).text(), "direct")
assert.equal(counted, how === "set" ? 1 : 0)
process.stdout.write(`as it was on ${major}`)
server.closeAllConnections()
server.close()
