/**
 * Starts an attempt in every phase, interrupts each, and has nothing more to do: a process that does not end then is held by something
 * that was left. With `open` it leaves the transport open too, with an idle connection.
 */
import Dns from "node:dns"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NodeTransport from "../../src/HttpTransport.ts"

const [how, good, ...stalling] = process.argv.slice(2)
// A resolver that never answers.
Dns.lookup = (() => undefined) as unknown as typeof Dns.lookup

const request = (url: string) => ({
  candidate: { provider: "anthropic", model: "claude-opus-4-7" },
  method: "POST" as const,
  url: `${url}/v1/messages`,
  headers: {},
  body: JSON.stringify({ model: "x", max_tokens: 1, messages: [{ role: "user", content: "hi" }] }),
  declaration: "repeatable" as const,
  streaming: true,
  limits: TimeLimits.resolve({ connect: "10 minutes", headers: "10 minutes", liveness: "10 minutes" })
})

const program = Effect.gen(function* () {
  const { send } = yield* HttpTransport
  const call = (url: string) => Effect.scoped(Effect.flatMap(send(request(url)), ({ body }) => Stream.runDrain(body)))
  yield* call(good ?? "")
  const fibers = yield* Effect.forEach([...stalling, "http://service.invalid"], (url) => Effect.forkChild(call(url)))
  yield* Effect.sleep("300 millis")
  if (fibers.some((fiber) => fiber.pollUnsafe() !== undefined)) return yield* Effect.die(new Error("one has ended"))
  yield* Effect.forEach(fibers, Fiber.interrupt)
  process.stdout.write("interrupted")
})

const scope = Effect.runSync(Scope.make())
const services = await Effect.runPromise(
  Layer.buildWithScope(NodeTransport.layer.pipe(Layer.provide(Telemetry.layer)), scope)
)
await Effect.runPromise(Effect.provide(program, services))
if (how !== "open") await Effect.runPromise(Scope.close(scope, Exit.void))
