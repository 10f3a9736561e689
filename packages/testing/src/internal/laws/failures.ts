/** What goes wrong on the wire fails as what it is, with its evidence, and is not tried again. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as FaultScript from "../../FaultScript.ts"
import type { Law } from "./law.ts"
import { failureOf, fetchText, prepare, send, truthOf } from "./law.ts"

const { afterEvents, afterHeadBytes, afterRequest, afterRequestBytes, always, cut, on } = FaultScript

const sent: ReadonlyArray<readonly [when: string, fault: FaultScript.Fault]> = (
  ["fin", "half-fin", "reset"] as const
).flatMap((how) => [
  [`${how} within the request`, cut(how, afterRequestBytes(40))] as const,
  [`${how} after the request`, cut(how, afterRequest)] as const,
  [`${how} within the head`, cut(how, afterHeadBytes(9))] as const
])

/** Where an attempt may be then. A TLS socket may hear of an end before it hears that all has left. */
const phasesOf = (when: string, url: string): ReadonlyArray<string> => {
  if (when.endsWith("head")) return ["responding"]
  return url.startsWith("https:") ? ["sending", "waiting"] : ["waiting"]
}

/** @see module documentation */
export const failures: ReadonlyArray<Law> = [
  {
    says: "calls a refused connection safe",
    holds: Effect.gen(function* () {
      const request = yield* prepare([], { attempt: 3, declaration: "changes-state" }, "nobody")
      const failure = yield* failureOf(fetchText(request))
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.deepInclude(failure.reason, { _tag: "ConnectFailure", code: "ECONNREFUSED" })
      assert.deepStrictEqual(failure.evidence, { _tag: "Observed", phase: "connecting", bytesWritten: 0, bytesRead: 0 })
      assert.deepStrictEqual(failure.candidate, request.candidate)
      assert.deepInclude(failure.attempts[0], { attempt: 3, verdict: "Safe" })
      assert.strictEqual(failure.attempts.length, 1)
    })
  },
  {
    says: "calls a certificate that it does not trust safe, and sends nothing",
    holds: Effect.gen(function* () {
      const failure = yield* failureOf(fetchText(yield* prepare([], {}, "own")))
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.strictEqual(failure.reason._tag, "TlsFailure")
      assert.deepInclude(failure.evidence, { phase: "securing", bytesWritten: 0 })
      assert.strictEqual((yield* truthOf("own")).counts.requests, 0)
    })
  },
  {
    says: "calls a host that does not resolve safe",
    holds: Effect.gen(function* () {
      const request = yield* prepare([], { url: "http://no-such-host.invalid/v1/messages" })
      const failure = yield* failureOf(fetchText(request))
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.strictEqual(failure.reason._tag, "DnsFailure")
      assert.deepInclude(failure.evidence, { phase: "resolving", bytesWritten: 0 })
    })
  },
  ...sent.flatMap(([when, fault]) =>
    ([1, 2] as const).map((nth) => ({
      says: `calls ${when} never safe, and sends once: ${nth === 1 ? "fresh" : "reused"}`,
      holds: Effect.gen(function* () {
        const request = yield* prepare([on({ nth }, fault)])
        if (nth === 2) {
          yield* fetchText(request)
          yield* Effect.sleep("20 millis")
        }
        const failure = yield* failureOf(fetchText(request))
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
        const { connections, counts, requests } = yield* truthOf()
        assert.strictEqual(counts.requests, nth)
        assert.deepInclude(failure.evidence, {
          _tag: "Observed",
          bytesRead: when.endsWith("head") ? 9 : 0,
          closed: when.startsWith("reset") ? "peer-reset" : "peer-fin"
        })
        const reused = requests[nth - 1]?.index === 2
        assert.strictEqual(connections.length, reused ? 1 : nth)
        const { evidence } = failure
        if (evidence._tag === "Observed") {
          assert.strictEqual(evidence.connection?.reused, reused)
          assert.include(phasesOf(when, request.url), evidence.phase)
        }
        const stale = reused && !when.endsWith("head")
        assert.strictEqual(failure.reason._tag, stale ? "StaleConnection" : "ConnectionLost")
      })
    }))
  ),
  {
    says: "calls what may have had an effect unsafe once it was sent",
    holds: Effect.gen(function* () {
      const request = yield* prepare([always(cut("reset", afterRequest))], { declaration: "changes-state" })
      assert.strictEqual((yield* failureOf(fetchText(request)))._tag, "ReplayUnsafe")
    })
  },
  ...(["fin", "reset"] as const).flatMap((how) =>
    [false, true].map((streaming) => ({
      says: `gives what came of a ${streaming ? "streamed" : "whole"} body, then fails on the body's channel: ${how}`,
      holds: Effect.gen(function* () {
        const request = yield* prepare([always(cut(how, afterEvents(3)))], { streaming })
        const response = yield* send(request)
        assert.strictEqual(response.status, 200)
        let bytes = 0
        const reading = Stream.runForEach(response.body, (chunk) => Effect.sync(() => (bytes += chunk.length)))
        const failure = yield* failureOf(reading)
        assert.isAbove(bytes, 0)
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
        assert.deepInclude(failure.reason, { _tag: "ConnectionLost", how, during: "body" })
        const { connections, counts } = yield* truthOf()
        const { bytesSent = 0 } = connections[0] ?? {}
        assert.deepInclude(failure.evidence, {
          _tag: "Observed",
          phase: "responding",
          status: 200,
          closed: how === "fin" ? "peer-fin" : "peer-reset",
          bytesRead: bytesSent
        })
        assert.strictEqual(counts.requests, 1)
        assert.deepStrictEqual((yield* failureOf(response.text)).evidence, failure.evidence)
      })
    }))
  ),
  {
    says: "calls an answer that is no HTTP malformed",
    holds: Effect.gen(function* () {
      const failure = yield* failureOf(fetchText(yield* prepare([always(FaultScript.framing("bad-status-line"))])))
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.deepInclude(failure.reason, { _tag: "MalformedResponse", what: "http" })
      assert.strictEqual((yield* truthOf()).counts.requests, 1)
    })
  },
  {
    says: "serves on after a failure",
    holds: Effect.gen(function* () {
      const request = yield* prepare([on({ nth: 1 }, cut("reset", afterRequest))])
      yield* failureOf(fetchText(request))
      assert.include(yield* fetchText(request), '"end_turn"')
    })
  }
]
