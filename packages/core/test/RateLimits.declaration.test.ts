import { assert, describe, it } from "@effect/vitest"
import type { Declaration } from "@holdfast/core/Declaration"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Pacing from "@holdfast/core/Pacing"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"

/** A request as `client` makes it: its declaration is worked out when it is asked for. */
class Asked implements HttpRequest {
  readonly candidate = { provider: "slow", model: "any" }
  readonly method = "POST"
  readonly url = "https://a.example/v1/messages"
  readonly headers = {}
  readonly body = "{}"
  readonly limits = { ...TimeLimits.defaults, totalMs: 5000 }
  asked = 0

  get declaration(): Declaration {
    this.asked += 1
    return "repeatable"
  }
}

const unknown = InvalidInput.of({ kind: "UnknownProvider", place: "provider", expected: "one", found: "another" })

const registry = Layer.succeed(ProviderRegistry, {
  resolve: () => Effect.fail(unknown),
  settings: () => ({ params: {} }),
  provider: (id) =>
    Effect.succeed({
      id,
      baseUrl: "https://a.example",
      headers: {},
      connections: { keepAliveMs: 1000 },
      minIntervalMs: 1000
    })
})

describe("a request that has waited", () => {
  it.effect("declares what it declared, and only when it is asked", () =>
    Effect.gen(function* () {
      const transport = yield* HttpTransport
      const requests = [new Asked(), new Asked()]
      const sent = yield* Effect.forEach(requests, (request) =>
        Effect.forkChild(Effect.scoped(transport.send(request)), { startImmediately: true })
      )
      yield* TestClock.adjust("1 second")
      yield* Effect.forEach(sent, (fiber) => Fiber.join(fiber))
      assert.deepStrictEqual(
        requests.map(({ asked }) => asked),
        [0, 0]
      )
      const { attempts } = yield* TestTransport.TestTransport
      const later = (yield* attempts).at(-1)?.request
      assert.strictEqual(later?.limits?.totalMs, 4000)
      assert.strictEqual(later?.declaration, "repeatable")
    }).pipe(
      Effect.provide(
        Pacing.layer.pipe(
          Layer.provideMerge(TestTransport.layer([TestTransport.answer(), TestTransport.answer()])),
          Layer.provide(registry)
        )
      )
    )
  )
})
