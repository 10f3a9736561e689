import { Caller, FallbackDecision, Telemetry } from "@holdfast/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const logs = Layer.provideMerge(FallbackDecision.layerLog(), Telemetry.layer)

/** An agent's run, with its records in the log under the run's own name. */
export const logged = <A, E, R>(agent: Effect.Effect<A, E, R>) =>
  agent.pipe(Caller.provide({ runId: "run-7", sessionId: "s-1" }), Effect.provide(logs))
