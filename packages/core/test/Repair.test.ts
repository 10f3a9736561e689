import { assert, describe, it } from "@effect/vitest"
import type { Declaration } from "@holdfast/core/Declaration"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import * as Failure from "@holdfast/core/Failure"
import * as Evidence from "@holdfast/core/Evidence"
import * as Reason from "@holdfast/core/Reason"
import * as Repair from "@holdfast/core/Repair"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"

const candidate = { provider: "openai", model: "gpt-5" }

const request =
  (declaration: Declaration, rest: Partial<HttpRequest> = {}) =>
  (attempt: Repair.Attempt): HttpRequest => ({
    candidate,
    method: "POST",
    url: "https://api.openai.com/v1/chat/completions",
    headers: {},
    body: "{}",
    declaration,
    ...rest,
    ...attempt
  })

/** Sends under a script, reads the answer, and says what was sent. */
const sendUnder = (script: TestTransport.Script, make: (attempt: Repair.Attempt) => HttpRequest) =>
  Effect.gen(function* () {
    const { send } = yield* HttpTransport
    const seen = yield* TestTransport.TestTransport
    const outcome = yield* Repair.send(send, make).pipe(
      Effect.flatMap((response) => response.text),
      Effect.scoped,
      Effect.result
    )
    return { outcome, attempts: yield* seen.attempts }
  }).pipe(Effect.provide(TestTransport.layer(script)))

const fine = TestTransport.answer({ body: "fine" })

const failureOf = (outcome: { readonly _tag: string; readonly failure?: unknown }): Failure.Failure => {
  if (outcome._tag === "Failure" && Failure.isFailure(outcome.failure)) return outcome.failure as Failure.Failure
  return assert.fail(`no failure: ${JSON.stringify(outcome)}`)
}

async function* body() {
  yield Buffer.from("{}")
}

const timed = (attempt: Repair.Attempt): HttpRequest => ({
  ...request("repeatable")(attempt),
  limits: { ...TimeLimits.defaults, totalMs: attempt.totalMs }
})

describe("the time of a request that is repaired", () => {
  it.effect("bounds both attempts together, and is named by the whole where it is up in the repair", () =>
    Effect.gen(function* () {
      const { send } = yield* HttpTransport
      const seen = yield* TestTransport.TestTransport
      const asking = yield* Effect.forkChild(Effect.flip(Effect.scoped(Repair.send(send, timed, 10_000))))
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(asking)
      const attempts = yield* seen.attempts
      assert.deepStrictEqual(
        attempts.map(({ request }) => request.limits?.totalMs),
        [10_000, 6000]
      )
      if (!Failure.isFailure(error)) return assert.fail(String(error))
      assert.deepInclude(error.reason, { _tag: "TotalTimeout", limitMs: 10_000 })
      return assert.strictEqual(error.attempts.length, 2)
    }).pipe(
      Effect.provide(
        TestTransport.layer([
          TestTransport.delayed({ head: "4 seconds" })(TestTransport.lost("reset")),
          TestTransport.silent
        ])
      )
    )
  )
})

describe("Repair.send", () => {
  it.effect.each([
    ["a stale connection", TestTransport.stale()],
    ["a connection reset before any byte of an answer", TestTransport.lost("reset")],
    ["a connection closed before any byte of an answer", TestTransport.lost("fin")]
  ] as const)("sends once more, on a fresh connection, after %s", ([, step]) =>
    Effect.gen(function* () {
      const { attempts, outcome } = yield* sendUnder([step, fine], request("repeatable"))
      assert.deepStrictEqual(outcome._tag === "Success" && outcome.success, "fine")
      assert.deepStrictEqual(
        attempts.map((attempt) => [attempt.request.attempt, attempt.request.connection]),
        [
          [1, "any"],
          [2, "fresh"]
        ]
      )
    })
  )

  it.effect.each(["unknown", "changes-state", "provider-tools"] as const)(
    "sends nothing twice that is declared %s",
    (declaration) =>
      Effect.gen(function* () {
        const { attempts, outcome } = yield* sendUnder([TestTransport.stale(), fine], request(declaration))
        const failure = failureOf(outcome)
        assert.strictEqual(failure._tag, declaration === "unknown" ? "ReplayAmbiguous" : "ReplayUnsafe")
        assert.strictEqual(attempts.length, 1)
      })
  )

  it.effect("repairs a stale connection that the request never started on, whatever is declared", () =>
    Effect.gen(function* () {
      const unsent = TestTransport.failure({
        reason: new Reason.StaleConnection({ idleMs: 5, how: "reset" }),
        evidence: Evidence.unsent
      })
      const { attempts, outcome } = yield* sendUnder([unsent, fine], request("changes-state"))
      assert.strictEqual(outcome._tag, "Success")
      assert.strictEqual(attempts.length, 2)
    })
  )

  it.effect.each([
    ["a name that does not resolve", TestTransport.dnsFailure()],
    ["a connection refused", TestTransport.refused],
    ["a certificate", TestTransport.tlsFailure()],
    ["a head cut short", TestTransport.lostInHead()],
    ["an answer that is no HTTP", TestTransport.malformed],
    [
      "a pool that has closed",
      TestTransport.failure({
        reason: new Reason.ConnectionLost({ how: "unknown", during: "request" }),
        evidence: Evidence.unsent
      })
    ]
  ] as const)("leaves %s to the layer above", ([, step]) =>
    Effect.gen(function* () {
      const { attempts, outcome } = yield* sendUnder([step, fine], request("repeatable"))
      assert.strictEqual(failureOf(outcome).attempts.length, 1)
      assert.strictEqual(attempts.length, 1)
    })
  )

  it.effect("leaves a limit of ours to the layer above", () =>
    Effect.gen(function* () {
      const limit = TestTransport.failure({
        reason: new Reason.HeadersTimeout({ limitMs: 10 }),
        evidence: Evidence.unknown
      })
      const { attempts } = yield* sendUnder([limit, fine], request("repeatable"))
      assert.strictEqual(attempts.length, 1)
    })
  )

  it.effect("gives an error status as it is", () =>
    Effect.gen(function* () {
      const { attempts, outcome } = yield* sendUnder([TestTransport.openaiError(529), fine], request("repeatable"))
      assert.strictEqual(outcome._tag, "Success")
      assert.strictEqual(attempts.length, 1)
    })
  )

  it.effect("does not repair a repair, and the failure holds both attempts", () =>
    Effect.gen(function* () {
      const { attempts, outcome } = yield* sendUnder(
        [TestTransport.stale(), TestTransport.lost(), fine],
        request("repeatable")
      )
      const failure = failureOf(outcome)
      assert.strictEqual(failure.reason._tag, "ConnectionLost")
      assert.deepStrictEqual(
        failure.attempts.map(({ attempt, reason }) => [attempt, reason._tag]),
        [
          [1, "StaleConnection"],
          [2, "ConnectionLost"]
        ]
      )
      assert.strictEqual(attempts.length, 2)
    })
  )

  it.effect("names both attempts where the body of the repair breaks off", () =>
    Effect.gen(function* () {
      const broken = TestTransport.answer({ body: ["a", "b"] }).pipe(TestTransport.cut("reset", 1))
      const { attempts, outcome } = yield* sendUnder([TestTransport.stale(), broken, fine], request("repeatable"))
      assert.deepStrictEqual(
        failureOf(outcome).attempts.map(({ reason }) => reason._tag),
        ["StaleConnection", "ConnectionLost"]
      )
      assert.strictEqual(attempts.length, 2)
    })
  )

  it.effect("never sends a body again that comes as it is made", () =>
    Effect.gen(function* () {
      const { attempts, outcome } = yield* sendUnder(
        [TestTransport.stale(), fine],
        request("repeatable", { body: body() })
      )
      assert.strictEqual(failureOf(outcome).reason._tag, "StaleConnection")
      assert.strictEqual(attempts.length, 1)
    })
  )

  it.effect("tells of a repair on the ground of a declaration", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      const events: Array<TelemetryEvent> = []
      yield* telemetry.listen((event) => events.push(event))
      yield* sendUnder([TestTransport.stale(), fine], request("repeatable"))
      assert.deepInclude(events, {
        _tag: "ReplayAssumed",
        version: 1,
        at: events[0]?.at ?? 0,
        candidate,
        reason: "StaleConnection",
        rule: "stale-connection",
        by: "declaration"
      })
      assert.strictEqual(events.length, 1)
    }).pipe(Effect.scoped, Effect.provide(Telemetry.layer))
  )

  it.effect("does not ask for the declaration of a request that succeeds", () =>
    Effect.gen(function* () {
      let asked = 0
      const lazy = (attempt: Repair.Attempt): HttpRequest => ({
        ...request("unknown")(attempt),
        get declaration(): Declaration {
          asked += 1
          return "repeatable"
        }
      })
      yield* sendUnder([fine], lazy)
      assert.strictEqual(asked, 0)
      yield* sendUnder([TestTransport.stale(), fine], lazy)
      assert.isAbove(asked, 0)
    })
  )
})
