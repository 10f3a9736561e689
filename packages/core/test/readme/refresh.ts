import { Evidence, Failover, Failure, Reason, Telemetry } from "@holdfast/core"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const claude = { provider: "anthropic", model: "claude-opus-4-7", credential: "work" }
let token = "yesterday's"

const expired = Failure.make({
  reason: new Reason.SessionExpired({ rule: "token-expired", status: 401 }),
  evidence: Evidence.asNotRun({ _tag: "Unknown", status: 401 }),
  declaration: "repeatable",
  candidate: claude
})

const program = Effect.gen(function* () {
  const failover = yield* Failover.Failover
  const { failed, value } = yield* failover.run({
    chain: [claude],
    attempt: () => (token === "today's" ? Effect.succeed("hello") : Effect.fail(expired)),
    refresh: () =>
      Effect.sync(() => {
        token = "today's"
        return true
      })
  })
  yield* Console.log(`${value}, after ${failed.map(({ reason }) => reason._tag)}`) // => "hello, after SessionExpired"
})

await Effect.runPromise(Effect.provide(program, Layer.provideMerge(Failover.Failover.layerMemory(), Telemetry.layer)))
