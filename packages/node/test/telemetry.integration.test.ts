import { assert, layer } from "@effect/vitest"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as NodeTransport from "../src/HttpTransport.ts"
import { ask, failureOf, fetchText, prepare, send } from "./support/harness.ts"

const { afterRequest, cut, on } = FaultScript

const closedOf = (events: ReadonlyArray<TelemetryEvent>) => events.filter((event) => event._tag === "ConnectionClosed")

layer(FaultServer.layer({ endpoints: { a: {} } }), { excludeTestServices: true })("events", (it) => {
  it.effect("tell of every connection that opens and closes, whose it is and who closed it", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const telemetry = yield* Telemetry.Telemetry
      const events: Array<TelemetryEvent> = []
      yield* telemetry.listen((event) => {
        events.push(event)
      })
      const closes = Effect.fnUntraced(function* (count: number) {
        let closed = closedOf(events)
        while (closed.length < count) {
          yield* Effect.sleep("5 millis")
          closed = closedOf(events)
        }
        return closed.at(-1)
      })
      const { origin } = yield* prepare([
        on({ tag: "dies" }, cut("reset", afterRequest)),
        on({ tag: "last" }, FaultScript.connectionClose),
        on({ tag: "stalls" }, cut("stall", FaultScript.afterHead))
      ])
      const whose = { provider: "anthropic", origin }

      yield* fetchText(ask(origin))
      assert.deepInclude(events[0], { _tag: "ConnectionOpened", ...whose })
      yield* Effect.sleep("30 millis")
      yield* server.closeIdle("a", "fin")
      const idle = yield* closes(1)
      assert.deepInclude(idle, { ...whose, closed: "peer-fin", idle: true, requestsServed: 1 })
      if (idle?._tag === "ConnectionClosed") {
        assert.isAtLeast(idle.idleMs, 25)
        assert.isAtLeast(idle.ageMs, idle.idleMs)
      }

      yield* fetchText(ask(origin))
      yield* Effect.sleep("20 millis")
      yield* server.closeIdle("a", "reset")
      assert.deepInclude(yield* closes(2), { closed: "peer-reset", idle: true })

      yield* fetchText(ask(origin))
      yield* failureOf(ask(origin, { tag: "dies" }))
      const busy = { closed: "peer-reset", idle: false, idleMs: 0, requestsServed: 1 } as const
      assert.deepInclude(yield* closes(3), busy)

      yield* fetchText(ask(origin, { tag: "last" }))
      assert.deepInclude(yield* closes(4), { closed: "agreed", requestsServed: 1 })

      yield* Effect.scoped(
        Effect.flatMap(send(ask(origin, { tag: "stalls", streaming: true })), ({ body }) =>
          Effect.timeoutOption(Stream.runDrain(body), "20 millis")
        )
      )
      assert.deepInclude(yield* closes(5), { closed: "local-abort", idle: false, idleMs: 0, requestsServed: 0 })
    }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(NodeTransport.layer, Telemetry.layer)))
  )
})
