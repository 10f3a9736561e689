/** HTTP/2 with servers that people run, in front of an upstream that knows what it was asked. */
import { assert, it } from "@effect/vitest"
import type { Failure } from "@holdfast/core/Failure"
import { isFailure } from "@holdfast/core/Failure"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as FaultTruth from "@holdfast/testing/FaultTruth"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { ask, failureOf, fetchText, prepare, send, transport, truthOf } from "./support/harness.ts"
import type { Name } from "./support/front.ts"
import * as Http2Front from "./support/http2Front.ts"
import { describeWith } from "./support/programs.ts"

const { afterEvents, afterRequest, always, cut } = FaultScript

const upstreams = FaultServer.layer({ endpoints: { a: { answer: { text: "x".repeat(200), events: 200 } } } })

/** A server in front of an upstream with a script. */
const front = (name: Name, script: FaultScript.Script = []) =>
  Effect.gen(function* () {
    const { origin } = yield* prepare(script)
    return yield* Http2Front.make(name, { upstream: origin })
  })

const over = ({ ca }: Http2Front.Http2Front, behindGateway = false) =>
  transport({ tls: { ca }, http2: true, behindGateway })

/** How often the upstream has had each request in full, by tag. */
const arrivals = Effect.gen(function* () {
  const server = yield* FaultServer.FaultServer
  const counts = new Map<string, number>()
  for (const { complete, tag } of FaultTruth.requests(yield* server.truth, "a")) {
    if (complete && tag !== null) counts.set(tag, (counts.get(tag) ?? 0) + 1)
  }
  return counts
})

const names: ReadonlyArray<Name> = ["nginx", "haproxy"]

describeWith(["nginx", "haproxy"], "HTTP/2 with a real server", () => {
  it.live.each(names)("carries calls, streams and many at a time on one connection: %s", (name) =>
    Effect.gen(function* () {
      const server = yield* front(name)
      yield* Effect.gen(function* () {
        const call = yield* fetchText(ask(server.origin))
        assert.include(call.text, '"end_turn"')
        const connections = yield* Effect.forEach(
          Array.from({ length: 50 }, (_, index) => String(index)),
          (tag) =>
            Effect.gen(function* () {
              const response = yield* send(ask(server.origin, { streaming: true, tag }))
              const text = yield* response.body.pipe(Stream.decodeText(), Stream.mkString)
              assert.strictEqual(text.split("event: content_block_delta").length - 1, 200)
              assert.include(text, "message_stop")
              const evidence = response.evidence()
              return evidence._tag === "Observed" ? evidence.connection?.reused : undefined
            }).pipe(Effect.scoped),
          { concurrency: "unbounded" }
        )
        assert.isTrue(connections.every((reused) => reused === true))
      }).pipe(Effect.provide(over(server)))
      const { counts } = yield* truthOf()
      assert.strictEqual(counts.ran, 51)
    }).pipe(Effect.scoped, Effect.provide(upstreams))
  )

  it.live.each([
    ["nginx", "SIGHUP"],
    ["haproxy", "SIGUSR2"]
  ] as const)(
    "loses nothing that was not run when it is reloaded under load: %s",
    ([name, signal]) =>
      Effect.gen(function* () {
        const server = yield* front(name)
        const failures: Array<readonly [tag: string, failure: Failure]> = []
        const workers = Array.from({ length: 10 }, (_, worker) => worker)
        const calls = 60
        const call = (tag: string) =>
          fetchText(ask(server.origin, { tag, streaming: true })).pipe(
            Effect.tap(({ text }) => Effect.sync(() => assert.include(text, "message_stop"))),
            Effect.catch((error) =>
              isFailure(error) ? Effect.sync(() => void failures.push([tag, error])) : Effect.die(error)
            )
          )
        const load = Effect.forEach(
          workers,
          (worker) =>
            Effect.forEach(
              Array.from({ length: calls }, (_, nth) => `${worker}-${nth}`),
              (tag) => Effect.delay(call(tag), Math.random() * 40),
              { discard: true }
            ),
          { concurrency: "unbounded", discard: true }
        )
        const reloads = Effect.repeat(server.signal(signal), Schedule.spaced("400 millis"))
        yield* Effect.raceFirst(load, Effect.andThen(Effect.sleep("200 millis"), reloads)).pipe(
          Effect.provide(over(server))
        )
        const arrived = yield* arrivals
        for (const [tag, failure] of failures) {
          if (failure.verdict === "Safe") assert.notProperty(Object.fromEntries(arrived), tag, failure.message)
        }
        assert.isTrue([...arrived.values()].every((count) => count === 1))
        assert.isAtMost(failures.length, (workers.length * calls) / 50, failures.map(([, f]) => f.message).join("\n"))
      }).pipe(Effect.scoped, Effect.provide(upstreams)),
    60_000
  )

  it.live("is Ambiguous behind haproxy, whose refusal says nothing of the upstream", () =>
    Effect.gen(function* () {
      const server = yield* front("haproxy", [always(cut("reset", afterRequest))])
      const failure = yield* Effect.provide(failureOf(ask(server.origin, { tag: "one" })), over(server, true))
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.deepInclude(failure.evidence, { unprocessed: "refused-stream", proxied: true })
      assert.strictEqual(failure.rule, "unprocessed-behind-proxy")
      // The upstream had the request, all of it, once.
      assert.deepStrictEqual([...(yield* arrivals)], [["one", 1]])
    }).pipe(Effect.scoped, Effect.provide(upstreams))
  )

  it.live("is an answered 502 behind nginx, whose upstream dies with the request", () =>
    Effect.gen(function* () {
      const server = yield* front("nginx", [always(cut("reset", afterRequest))])
      const { status } = yield* Effect.provide(fetchText(ask(server.origin)), over(server))
      assert.strictEqual(status, 502)
    }).pipe(Effect.scoped, Effect.provide(upstreams))
  )

  it.live("tells a stream that nginx's upstream broke off", () =>
    Effect.gen(function* () {
      const server = yield* front("nginx", [always(cut("reset", afterEvents(100)))])
      const failure = yield* Effect.provide(failureOf(ask(server.origin, { streaming: true })), over(server))
      assert.strictEqual(failure.reason._tag, "ConnectionLost")
      assert.deepInclude(failure.reason, { during: "body" })
      assert.deepInclude(failure.evidence, { status: 200 })
    }).pipe(Effect.scoped, Effect.provide(upstreams))
  )

  it.live("takes a stream that haproxy's upstream broke off for whole, as haproxy says: its format tells", () =>
    Effect.gen(function* () {
      const server = yield* front("haproxy", [always(cut("reset", afterEvents(100)))])
      const { status, text } = yield* Effect.provide(fetchText(ask(server.origin, { streaming: true })), over(server))
      assert.strictEqual(status, 200)
      assert.include(text, "content_block_delta")
      assert.notInclude(text, "message_stop")
    }).pipe(Effect.scoped, Effect.provide(upstreams))
  )
})
