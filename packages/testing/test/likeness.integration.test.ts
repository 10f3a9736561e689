/** A scripted transport fails as the one over sockets does: the same faults, met on both. */
import { assert, layer } from "@effect/vitest"
import type { Failure } from "@holdfast/core/Failure"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as NodeTransport from "@holdfast/node/HttpTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FaultScript from "../src/FaultScript.ts"
import * as FaultServer from "../src/FaultServer.ts"
import type { Name } from "../src/internal/laws/law.ts"
import { config, failureOf, fetchText, prepare } from "../src/internal/laws/law.ts"
import * as TestTransport from "../src/TestTransport.ts"

const { afterEvents, afterHeadBytes, afterRequest, cut, framing } = FaultScript

interface Pair {
  readonly says: string
  readonly step: TestTransport.Step
  /** What the request meets at the fault server, unless the endpoint says it all. */
  readonly fault?: FaultScript.Fault
  readonly at?: Name
  readonly more?: Partial<HttpRequest>
  readonly reused?: boolean
}

const limits = TimeLimits.resolve({ connect: "5 seconds", headers: "200 millis", liveness: "200 millis" })
const streaming = { streaming: true, limits }
const text = TestTransport.anthropicText(config.endpoints.plain.answer.text)

const pairs: ReadonlyArray<Pair> = [
  { says: "refused", step: TestTransport.refused, at: "nobody" },
  {
    says: "dnsFailure",
    step: TestTransport.dnsFailure(),
    more: { url: "http://no-such-host.invalid/v1/messages" }
  },
  { says: "tlsFailure", step: TestTransport.tlsFailure("DEPTH_ZERO_SELF_SIGNED_CERT"), at: "own" },
  { says: "lostInHead", step: TestTransport.lostInHead(), fault: cut("reset", afterHeadBytes(9)) },
  { says: "malformed", step: TestTransport.malformed, fault: framing("bad-status-line") },
  { says: "silent", step: TestTransport.silent, fault: cut("stall", afterRequest), more: streaming },
  ...(["fin", "reset"] as const).flatMap((how): ReadonlyArray<Pair> => [
    { says: `stale, ${how}`, step: TestTransport.stale(how), fault: cut(how, afterRequest), reused: true },
    { says: `lost, ${how}`, step: TestTransport.lost(how), fault: cut(how, afterRequest) },
    {
      says: `a streamed answer cut by ${how}`,
      step: text.pipe(TestTransport.cut(how, 3)),
      fault: cut(how, afterEvents(3)),
      more: streaming
    },
    {
      says: `a whole answer cut by ${how}`,
      step: text.pipe(TestTransport.cut(how, 3)),
      fault: cut(how, afterEvents(3))
    },
    {
      says: `an answer on a reused connection cut by ${how}`,
      step: text.pipe(TestTransport.cut(how, 3), TestTransport.reused()),
      fault: cut(how, afterEvents(3)),
      reused: true
    }
  ]),
  {
    says: "a streamed answer that falls silent",
    step: text.pipe(TestTransport.cut("silence", 3)),
    fault: cut("stall", afterEvents(3)),
    more: streaming
  },
  {
    says: "an answer that is HTTP no longer",
    step: text.pipe(TestTransport.cut("malformed", 3)),
    fault: framing("bad-chunk-size", { afterEvents: 3 }),
    more: streaming
  }
]

/** What is the same on both: all but numbers that depend on time and on the headers a transport adds. */
const essence = ({ _tag, evidence, reason, rule }: Failure) => ({
  _tag,
  rule,
  reason: {
    tag: reason._tag,
    how: "how" in reason ? reason.how : undefined,
    during: "during" in reason ? reason.during : undefined,
    limitMs: "limitMs" in reason ? reason.limitMs : undefined,
    host: "host" in reason ? reason.host : undefined,
    code: "code" in reason ? reason.code : undefined
  },
  evidence: evidence._tag === "Observed" && {
    fields: Object.keys(evidence).toSorted(),
    phase: evidence.phase,
    wrote: evidence.bytesWritten > 0,
    read: evidence.bytesRead > 0,
    reused: evidence.connection?.reused,
    requestsServed: evidence.connection?.requestsServed,
    closed: evidence.closed,
    status: evidence.status
  }
})

const sockets = NodeTransport.layer.pipe(Layer.provide(Telemetry.layer))

layer(FaultServer.layer(config), { excludeTestServices: true })("a scripted transport", (it) => {
  it.effect.each(pairs)("fails as one over sockets does: $says", ({ at, fault, more, reused, step }) =>
    Effect.gen(function* () {
      const rules = fault === undefined ? [] : [FaultScript.on({ request: reused === true ? 2 : 1 }, fault)]
      const request = yield* prepare(rules, more, at)
      const met = yield* Effect.gen(function* () {
        if (reused === true) {
          yield* fetchText(request)
          yield* Effect.sleep("20 millis")
        }
        return yield* failureOf(fetchText(request))
      }).pipe(Effect.provide(sockets))
      const scripted = yield* Effect.provide(failureOf(fetchText(request)), TestTransport.layer([step]))
      assert.deepStrictEqual(essence(scripted), essence(met))
    })
  )
})
