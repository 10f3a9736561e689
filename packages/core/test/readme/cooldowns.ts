import { Failover, ProviderHealth, Telemetry } from "@holdfast/core"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const program = Effect.gen(function* () {
  const health = yield* ProviderHealth.ProviderHealth
  for (const { key, kind, reason, untilMs } of yield* health.snapshot) {
    yield* Console.log(`${key}: ${kind}, ${reason}, until ${new Date(untilMs).toISOString()}`)
  }
  // The account was topped up.
  yield* health.reset("anthropic@work")
})

const services = Failover.layerMemory({ health: { billing: { windows: ["1 hour", "6 hours"] } } })

await Effect.runPromise(Effect.provide(program, Layer.provide(services, Telemetry.layer)))
