/** Calls once over HTTP/2 and lets go of everything but its connections, which are to keep no process alive. */
import assert from "node:assert/strict"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Dispatcher from "../../src/Dispatcher.ts"
import * as Dispatchers from "../../src/Dispatchers.ts"
import * as HttpTransport from "../../src/HttpTransport.ts"
import { ask, fetchText } from "../support/harness.ts"

const [, , origin = ""] = process.argv
const ca = process.env["HOLDFAST_CA"] ?? ""

const layer = HttpTransport.layer.pipe(
  Layer.provide(Dispatchers.swap("anthropic", Dispatcher.layerPool({ http2: true, tls: { ca }, keepAlive: "1 hour" }))),
  Layer.provide(Telemetry.layer)
)
// A scope that nobody closes.
const answer = await Effect.runPromise(
  Effect.flatMap(Layer.buildWithScope(layer, Scope.makeUnsafe()), (services) =>
    Effect.provide(fetchText(ask(origin)), services)
  )
)
assert.equal(answer.status, 200)
