import { assert, layer } from "@effect/vitest"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as Failure from "@holdfast/core/Failure"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import * as NodeTransport from "../src/HttpTransport.ts"
import { ask, fetchText, patient, prepare, send, transport, truthOf } from "./support/harness.ts"
import { ok, rawServer } from "./support/rawServer.ts"
import { printed } from "./support/printed.ts"

const { afterEvents, afterHeadBytes, afterRequest, always, atAccept, cut, framing, on } = FaultScript

const secret = "sk-very-secret"

/** A request with a secret in every place that can hold one. */
const secretive = (origin: string): HttpRequest =>
  ask(origin, {
    text: secret,
    url: `${origin}/v1/messages?key=${secret}#${secret}`,
    headers: {
      "content-type": "application/json",
      authorization: Redacted.make(`Bearer ${secret}`),
      "x-goog-api-key": secret,
      cookie: secret
    },
    streaming: true,
    limits: TimeLimits.resolve({ connect: "2 seconds", liveness: "100 millis" })
  })

layer(FaultServer.layer({ endpoints: { a: {}, own: { tls: "self-signed" }, nobody: { refuse: true } } }), {
  excludeTestServices: true
})("secrets", (it) => {
  it.effect("stand in no failure, event or span", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const telemetry = yield* Telemetry.Telemetry
      const events: Array<TelemetryEvent> = []
      yield* telemetry.listen((event) => {
        events.push(event)
      })
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const { origin } = yield* prepare([
        on({ connection: 1 }, cut("reset", afterRequest)),
        on({ connection: 2 }, cut("fin", afterHeadBytes(9))),
        on({ connection: 3 }, cut("reset", afterEvents(2))),
        on({ connection: 4 }, framing("bad-header")),
        on({ connection: 5 }, cut("fin", atAccept)),
        always(cut("stall", afterEvents(1)))
      ])
      const nobody = yield* server.endpoint("nobody")
      const own = yield* server.endpoint("own")
      const origins = [...Array.from({ length: 6 }, () => origin), nobody.origin, own.origin, "http://x.invalid"]
      const exits = yield* Effect.forEach(origins, (to) =>
        Effect.exit(fetchText(secretive(to))).pipe(Effect.withSpan("call", { attributes: { to: "provider" } }))
      ).pipe(Effect.withTracer(tracer))
      assert.isTrue(exits.every(Exit.isFailure))
      const failures = exits.flatMap((exit) => (Exit.isFailure(exit) ? [Cause.squash(exit.cause)] : []))
      assert.isTrue(failures.every(Failure.isFailure))
      assert.strictEqual(new Set(failures.map((failure) => Failure.isFailure(failure) && failure.reason._tag)).size, 6)
      assert.isAtLeast(events.length, 10)
      assert.strictEqual(spans.length, origins.length)
      const causes = exits.flatMap((exit) => (Exit.isFailure(exit) ? [Cause.pretty(exit.cause)] : []))
      for (const value of [...causes, ...failures, ...events]) assert.notInclude(printed(value), secret)
      for (const span of spans) {
        assert.notInclude(printed([...span.attributes]), secret)
        assert.notInclude(printed(span.status), secret)
      }
    }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(NodeTransport.layer, Telemetry.layer)))
  )

  it.effect("stand in no word about bad input, of which nothing is sent", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([])
      const transport = yield* HttpTransport
      const good = secretive(origin)
      const { host } = new URL(origin)
      const wrong: ReadonlyArray<HttpRequest> = [
        { ...good, url: secret },
        { ...good, url: `ftp://${secret}@${host}/${secret}` },
        { ...good, url: `http://${secret}:${secret}@${host}/` },
        { ...good, headers: { [`x ${secret}`]: secret } },
        { ...good, headers: { "x-api-key": Redacted.make(`${secret}\r\nx-injected: yes`) } },
        { ...good, headers: { "x-api-key": `${secret}\0` } },
        { ...good, headers: { "transfer-encoding": `chunked ${secret}` } },
        { ...good, headers: { "content-length": "1" } },
        { ...good, headers: { host: `${secret}.example.com` } },
        { ...good, body: `${secret}\ud83d` },
        { ...good, signal: AbortSignal.abort(secret) },
        { ...good, method: `GET ${secret}` as "GET" },
        { ...good, limits: { ...patient, livenessMs: Number.NaN } }
      ]
      for (const request of wrong) {
        const error = yield* Effect.flip(Effect.scoped(transport.send(request)))
        if (!isInvalidInput(error)) return assert.fail(`${error}`)
        assert.isAbove(error.problems.length, 0)
        for (const problem of error.problems) {
          assert.isNotEmpty(problem.place)
          assert.isNotEmpty(problem.expected)
          assert.isNotEmpty(problem.found)
        }
        assert.notInclude(printed(error), secret)
      }
      const { counts } = yield* truthOf()
      assert.deepInclude(counts, { connections: 0, requests: 0 })
      return assert.ok(true)
    }).pipe(Effect.provide(transport()))
  )
})

/** The head of one request, as the server reads it, sent within a span. */
const headSent = (options: NodeTransport.Options) =>
  Effect.gen(function* () {
    let head = ""
    const server = yield* rawServer((socket) => {
      socket.on("data", (chunk) => {
        head += chunk.toString("latin1")
        if (head.includes("\r\n\r\n")) socket.end(ok())
      })
    })
    const span = yield* Effect.currentSpan
    yield* Effect.scoped(Effect.provide(send(ask(server.origin)), transport({}, options)))
    return { head: head.split("\r\n\r\n", 1)[0] ?? "", span }
  }).pipe(Effect.scoped, Effect.withSpan("a call"))

layer(Layer.empty, { excludeTestServices: true })("trace headers", (it) => {
  it.effect("are not sent unless asked for, nor anything else that was not given", () =>
    Effect.gen(function* () {
      const { head } = yield* headSent({})
      const names = head
        .split("\r\n")
        .slice(1)
        .map((line) => line.split(":", 1)[0])
      assert.deepStrictEqual(names, ["host", "connection", "content-type", "content-length"])
    })
  )

  it.effect("are the current span's where they are asked for", () =>
    Effect.gen(function* () {
      const { head, span } = yield* headSent({ traceHeaders: true })
      assert.include(head, `traceparent: 00-${span.traceId}-${span.spanId}-0`)
      assert.match(head, /^b3: /m)
    })
  )
})
