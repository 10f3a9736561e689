import { assert, layer } from "@effect/vitest"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Layer from "effect/Layer"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import {
  ask,
  failureOf,
  fetchText,
  observed,
  prepare,
  send,
  transport,
  truthOf,
  untilTruth
} from "./support/harness.ts"
import { ok, rawServer, until } from "./support/rawServer.ts"

const { afterHeadBytes, afterHead, afterRequest, afterRequestBytes, always, cut, on } = FaultScript

const servers = FaultServer.layer({
  endpoints: { a: {}, tls: { tls: "good" }, own: { tls: "self-signed" }, nobody: { refuse: true } }
})

const bytesOnWire = (text: string): number => Buffer.byteLength(text)

layer(servers, { excludeTestServices: true })("evidence of an attempt", (it) => {
  it.effect("ends in the queue for a request that waited behind another when the transport closed", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut("stall", afterRequest))])
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(transport({ connections: 1, drain: "50 millis" }), scope)
      const first = yield* Effect.forkChild(Effect.provide(failureOf(ask(origin)), services))
      yield* untilTruth(({ counts }) => counts.complete === 1)
      const second = yield* Effect.forkChild(Effect.provide(failureOf(ask(origin)), services))
      yield* Effect.sleep("20 millis")
      yield* Scope.close(scope, Exit.void)
      const waiting = yield* Fiber.join(first)
      const queued = yield* Fiber.join(second)
      assert.deepInclude(waiting.evidence, { phase: "waiting", closed: "local-abort", bytesRead: 0 })
      assert.strictEqual(waiting._tag, "ReplayAmbiguous")
      assert.deepStrictEqual(queued.evidence, { _tag: "Observed", phase: "queued", bytesWritten: 0, bytesRead: 0 })
      assert.strictEqual(queued._tag, "ReplaySafe")
      const { counts } = yield* truthOf()
      assert.deepInclude(counts, { connections: 1, requests: 1 })
    })
  )

  it.effect("ends while resolving for a host that does not resolve", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(ask("http://no-such-host.invalid"))
      assert.deepStrictEqual(failure.evidence, { _tag: "Observed", phase: "resolving", bytesWritten: 0, bytesRead: 0 })
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.strictEqual(failure.reason._tag, "DnsFailure")
    }).pipe(Effect.provide(transport()))
  )

  it.effect("ends while connecting where nobody listens", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const { origin } = yield* server.endpoint("nobody")
      const failure = yield* failureOf(ask(origin))
      assert.deepStrictEqual(failure.evidence, { _tag: "Observed", phase: "connecting", bytesWritten: 0, bytesRead: 0 })
      assert.strictEqual(failure._tag, "ReplaySafe")
    }).pipe(Effect.provide(transport()))
  )

  it.effect("ends while securing where the certificate is not trusted", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([], "own")
      const failure = yield* failureOf(ask(origin))
      assert.deepStrictEqual(failure.evidence, { _tag: "Observed", phase: "securing", bytesWritten: 0, bytesRead: 0 })
      assert.strictEqual(failure._tag, "ReplaySafe")
      const { counts } = yield* truthOf("own")
      assert.deepInclude(counts, { connections: 1, requests: 0 })
    }).pipe(Effect.provide(transport()))
  )

  it.effect("ends while sending where the peer stops reading a long request and resets", () =>
    Effect.gen(function* () {
      const server = yield* rawServer((socket) => {
        socket.pause()
        setTimeout(() => socket.resetAndDestroy(), 50)
      })
      const body = new Uint8Array(16 * 1024 * 1024)
      const failure = yield* failureOf(ask(server.origin, { body }))
      assert.deepInclude(failure.evidence, { phase: "sending", bytesRead: 0, closed: "peer-reset" })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      const { bytesWritten, connection } = observed(failure.evidence)
      assert.isAbove(bytesWritten, body.byteLength)
      assert.deepInclude(connection, { reused: false, idleMs: 0, requestsServed: 0 })
    }).pipe(Effect.provide(transport()))
  )

  it.effect("waits once a long request has left, however late", () =>
    Effect.gen(function* () {
      let received = 0
      const server = yield* rawServer((socket) => {
        socket.pause()
        setTimeout(() => socket.resume(), 50)
        socket.on("data", (chunk) => {
          received += chunk.byteLength
        })
      })
      const body = new Uint8Array(16 * 1024 * 1024)
      const attempt = yield* Effect.forkChild(failureOf(ask(server.origin, { body })))
      yield* until(() => received > body.byteLength)
      yield* Effect.sleep("20 millis")
      server.sockets[0]?.end()
      const failure = yield* Fiber.join(attempt)
      assert.deepInclude(failure.evidence, { phase: "waiting", closed: "peer-fin" })
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each(["a", "tls"])("ends while waiting where endpoint %s closes without an answer", (name) =>
    Effect.gen(function* () {
      const { ca, origin } = yield* prepare([always(cut("fin", afterRequest))], name)
      const failure = yield* Effect.provide(failureOf(ask(origin)), transport(ca === undefined ? {} : { tls: { ca } }))
      const { connections } = yield* truthOf(name)
      assert.deepInclude(failure.evidence, {
        phase: "waiting",
        closed: "peer-fin",
        bytesRead: 0,
        bytesWritten: connections[0]?.requests[0]?.bytes ?? 0
      })
    })
  )

  it.effect("ends while responding after the first byte of an answer, of which there is no status yet", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut("reset", afterHeadBytes(5)))])
      const failure = yield* failureOf(ask(origin))
      assert.deepInclude(failure.evidence, { phase: "responding", closed: "peer-reset", bytesRead: 5 })
      assert.notProperty(failure.evidence, "status")
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each([
    ["fin", "peer-fin"],
    ["reset", "peer-reset"]
  ] as const)("names the peer's %s", ([how, closed]) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut(how, afterRequest))])
      const failure = yield* failureOf(ask(origin))
      assert.strictEqual(observed(failure.evidence).closed, closed)
    }).pipe(Effect.provide(transport()))
  )

  it.effect("names a limit of ours", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut("stall", afterRequest))])
      const limits = TimeLimits.resolve({ headers: "100 millis" })
      const failure = yield* failureOf(ask(origin, { streaming: true, limits }))
      assert.strictEqual(failure.reason._tag, "HeadersTimeout")
      assert.deepInclude(failure.evidence, { phase: "waiting", closed: "local-limit" })
    }).pipe(Effect.provide(transport()))
  )

  it.effect("counts the bytes of this request and this answer on a connection that others used before", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([on({ request: 3 }, cut("fin", afterHead))])
      const first = yield* fetchText(ask(origin, { text: "a".repeat(5000) }))
      yield* Effect.sleep("30 millis")
      const second = yield* fetchText(ask(origin, { text: "b" }))
      const failure = yield* failureOf(ask(origin, { text: "c".repeat(300) }))
      const third = observed(failure.evidence)
      const { connections } = yield* truthOf()
      assert.strictEqual(connections.length, 1)
      const requests = connections[0]?.requests ?? []
      const written = [first.evidence, second.evidence, third].map(({ bytesWritten }) => bytesWritten)
      assert.deepStrictEqual(
        written,
        requests.map(({ bytes }) => bytes)
      )
      const read = [first.evidence, second.evidence, third].map(({ bytesRead }) => bytesRead)
      assert.strictEqual(
        read.reduce((sum, bytes) => sum + bytes),
        connections[0]?.bytesSent
      )
      assert.isAbove(Math.min(...read), bytesOnWire("HTTP/1.1 200 OK\r\n\r\n"))
      assert.deepInclude(first.evidence.connection, { reused: false, idleMs: 0, requestsServed: 0 })
      assert.deepInclude(second.evidence.connection, { reused: true, requestsServed: 1 })
      assert.deepInclude(third.connection, { reused: true, requestsServed: 2 })
      const { ageMs, idleMs } = second.evidence.connection ?? { ageMs: 0, idleMs: 0 }
      assert.isAtLeast(idleMs, 25)
      assert.isAtLeast(ageMs, idleMs)
      assert.isAtLeast(third.connection?.ageMs ?? 0, ageMs)
      assert.isBelow(third.connection?.idleMs ?? 1000, ageMs)
    }).pipe(Effect.provide(transport()))
  )

  it.effect("keeps the evidence of an answer as it was when the next request is under way on its connection", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([])
      const response = yield* send(ask(origin))
      const text = yield* response.text
      const before = response.evidence()
      yield* fetchText(ask(origin))
      assert.deepStrictEqual(response.evidence(), before)
      assert.isAbove(observed(before).bytesRead, bytesOnWire(text))
      assert.notProperty(before, "closed")
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("is each attempt's own where many die together", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([
        on({ tag: "reused" }, cut("fin", afterRequest)),
        on({ tag: "head" }, cut("reset", afterHeadBytes(7))),
        on({ tag: "part" }, cut("fin", afterRequestBytes(400)))
      ])
      // One connection that has served, for whichever takes it.
      yield* fetchText(ask(origin))
      const texts = Array.from({ length: 12 }, (_, index) => "x".repeat(300 + index))
      const tags = ["reused", "head", "part"]
      const failures = yield* Effect.forEach(
        texts,
        (text, index) => failureOf(ask(origin, { text, tag: tags[index % 3] ?? "", streaming: true })),
        { concurrency: "unbounded" }
      )
      const { connections } = yield* truthOf()
      assert.strictEqual(connections.length, texts.length)
      const evidence = failures.map((failure) => observed(failure.evidence))
      assert.strictEqual(new Set(evidence).size, texts.length)
      assert.strictEqual(evidence.filter(({ connection }) => connection?.reused === true).length, 1)
      const sizes = evidence.map(({ bytesWritten }) => bytesWritten)
      for (const [index, { bytesRead, closed, phase }] of evidence.entries()) {
        const isHead = tags[index % 3] === "head"
        assert.strictEqual(phase, isHead ? "responding" : "waiting")
        assert.strictEqual(bytesRead, isHead ? 7 : 0)
        if (isHead) assert.strictEqual(closed, "peer-reset")
      }
      // Texts that grow by one byte, under tags of their own lengths.
      const tagLength = (index: number) => tags[index % 3]?.length ?? 0
      const bare = sizes.map((size, index) => size - index - tagLength(index))
      assert.strictEqual(new Set(bare).size, 1)
    }).pipe(Effect.provide(transport()))
  )

  it.effect("is each attempt's own where one close of the transport ends them all", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([
        on({ tag: "streams" }, cut("stall", afterHead)),
        always(cut("stall", afterRequest))
      ])
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(transport({ drain: "20 millis" }), scope)
      const tags = ["waits", "streams", "waits"]
      const fibers = yield* Effect.forEach(tags, (tag) =>
        Effect.forkChild(Effect.provide(failureOf(ask(origin, { tag })), services))
      )
      yield* untilTruth(
        ({ connections }) =>
          connections.filter(({ bytesSent, requests }) => bytesSent > 0 || requests[0]?.fault !== undefined).length ===
          3
      )
      yield* Effect.sleep("50 millis")
      yield* Scope.close(scope, Exit.void)
      const failures = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(
        failures.map(({ evidence }) => observed(evidence).phase),
        ["waiting", "responding", "waiting"]
      )
      for (const { evidence } of failures) assert.strictEqual(observed(evidence).closed, "local-abort")
      assert.strictEqual(observed(failures[1]?.evidence ?? { _tag: "Unknown" }).status, 200)
    })
  )

  it.effect("forgets 1xx, and keeps the status of the answer itself", () =>
    Effect.gen(function* () {
      const server = yield* rawServer((socket) => {
        socket.on("data", () => socket.write(`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${ok()}`))
      })
      const response = yield* Effect.scoped(send(ask(server.origin)))
      assert.strictEqual(response.status, 200)
      assert.notProperty(response.headers, "link")
    }).pipe(Effect.provide(transport()))
  )
})
