import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as FaultConfig from "../src/FaultConfig.ts"
import * as FaultServer from "../src/FaultServer.ts"
import { connect, endOf, request } from "./rawClient.ts"

const storm: FaultConfig.Storm = {
  seed: 7,
  quietMs: [40, 80],
  burstMs: [150, 250],
  idleMs: [0, 6],
  how: { fin: 2, reset: 1, "half-fin": 1 }
}

/** Makes one call on one connection after another, each left idle, until the storm has dealt `limits` limits. */
const weather = Effect.fnUntraced(function* (limits: number) {
  const server = yield* FaultServer.make({ endpoints: { a: { storm } } })
  const endpoint = yield* server.endpoint("a")
  yield* server.armStorm("a")
  for (let calls = 0; calls < 2000; calls++) {
    yield* Effect.scoped(
      Effect.gen(function* () {
        const client = yield* connect(endpoint)
        yield* client.send(request())
        yield* client.hears(endOf(false))
        yield* Effect.timeoutOption(client.ended, "60 millis")
      })
    )
    const { endpoints } = yield* server.truth
    if ((endpoints["a"]?.storm?.limits ?? 0) >= limits) break
  }
  const { endpoints } = yield* server.truth
  return endpoints["a"]
}, Effect.scoped)

describe("a storm of idle closes", () => {
  it.live("is the same for a seed, whatever the traffic does, and counts what it closed", () =>
    Effect.gen(function* () {
      const [first, second] = yield* Effect.all([weather(60), weather(90)], { concurrency: 2 })
      const dealt = first?.storm?.dealt.slice(0, 60) ?? []
      assert.strictEqual(dealt.length, 60)
      assert.deepStrictEqual(dealt, second?.storm?.dealt.slice(0, 60))
      const begun = Math.min(first?.storm?.periodsMs.length ?? 0, second?.storm?.periodsMs.length ?? 0)
      assert.isAtLeast(begun, 2)
      assert.deepStrictEqual(first?.storm?.periodsMs.slice(0, begun), second?.storm?.periodsMs.slice(0, begun))
      assert.deepStrictEqual(new Set(dealt.map(({ how }) => how)), new Set(["fin", "half-fin", "reset"]))
      const closed = first?.connections.filter((connection) => connection.closed?.by === "server") ?? []
      assert.strictEqual(first?.counts.closedWhileIdle, closed.length)
      assert.isAtLeast(closed.length, 40)
      assert.isAbove(first?.connections.length ?? 0, closed.length)
      const ways = closed.map((connection) => connection.closed?.how)
      assert.isTrue(ways.every((way) => dealt.some(({ how }) => how === way)))
    })
  )

  it.live("closes nothing in a quiet period, nor once it is calmed", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.make({ endpoints: { a: {} } })
      const endpoint = yield* server.endpoint("a")
      const call = Effect.gen(function* () {
        const client = yield* connect(endpoint)
        yield* client.send(request())
        yield* client.hears(endOf(false))
        yield* Effect.sleep("20 millis")
      })
      yield* server.armStorm("a", { ...storm, quietMs: [60_000, 60_000] })
      yield* call
      yield* server.armStorm("a", { ...storm, quietMs: [0, 0], burstMs: [60_000, 60_000] })
      yield* Effect.sleep("20 millis")
      yield* server.calmStorm("a")
      yield* call
      const { endpoints } = yield* server.truth
      assert.deepInclude(endpoints["a"]?.counts, { requests: 2, closedByServer: 0 })
      assert.isUndefined(endpoints["a"]?.storm)
    }).pipe(Effect.scoped)
  )
})
