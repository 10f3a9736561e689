/** What events hold for records to be made of them. */
import { assert, describe, it } from "@effect/vitest"
import { Telemetry } from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import { CallEvents } from "../src/internal/failover/callEvents.ts"
import { unheard } from "./failoverScript.ts"
import { eventsOf, goOn, limited, recordsOf } from "./fallbackWorld.ts"
import { gpt, opus } from "./fixtures.ts"

const failure = limited("slow down, sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaaaa", "req_1")
const decision = goOn(gpt, 1)

const throws = () => assert.fail("asked")

/** The first event of a name. */
const first = <T extends TelemetryEvent["_tag"]>(events: ReadonlyArray<TelemetryEvent>, tag: T) =>
  events.find((event): event is Extract<TelemetryEvent, { readonly _tag: T }> => event._tag === tag)

describe("the events of a call", () => {
  it("tell its chain once, with its first attempt", () => {
    const events = eventsOf({
      chain: [opus, gpt],
      steps: [
        { at: opus, failure, decision },
        { at: gpt, probe: true }
      ]
    })
    const started = events.filter((event) => event._tag === "AttemptStarted")
    assert.deepStrictEqual(
      started.map(({ chain, probe }) => [chain, probe]),
      [
        [[opus, gpt], undefined],
        [undefined, true]
      ]
    )
  })

  it("tell what the provider answered, without its key", () => {
    const failed = first(eventsOf({ chain: [opus, gpt], steps: [{ at: opus, failure, decision }] }), "AttemptFailed")
    assert.deepStrictEqual(
      [failed?.status, failed?.type, failed?.code, failed?.said, failed?.requestId],
      [429, "rate_limit_error", "tokens", "slow down, [redacted]", "req_1"]
    )
  })

  it("tell the usage of the attempt that answered, as far as the app says", () => {
    const usage = { tokens: { input: 3, output: 4 }, attempt: 9, text: "the answer" }
    const told = eventsOf({ chain: [opus], steps: [{ at: opus, usage }] })
    const untold = eventsOf({ chain: [opus], steps: [{ at: opus }] })
    assert.doesNotHaveAnyKeys(first(untold, "AttemptSucceeded"), ["tokens", "cost"])
    assert.deepStrictEqual<unknown>(first(told, "AttemptSucceeded"), {
      ...first(untold, "AttemptSucceeded"),
      tokens: usage.tokens
    })
  })

  it.effect("tell the usage of an attempt that failed in its record", () =>
    Effect.gen(function* () {
      const cost = { usd: 0.01, source: "answer" }
      const events = eventsOf({ chain: [opus, gpt], steps: [{ at: opus, failure, decision }] }).map((event) =>
        event._tag === "AttemptFailed" ? { ...event, tokens: { input: 9 }, cost } : event
      )
      const [record] = yield* recordsOf(events)
      assert.deepStrictEqual([record?.tokens, record?.cost], [{ input: 9 }, cost])
    })
  )

  it.effect("ask for no usage where nobody listens, and take one that throws for none", () =>
    Effect.gen(function* () {
      const elapsed = { attemptMs: 1, callMs: 1 }
      const deaf = new CallEvents(yield* Telemetry, "call-1", undefined, opus, [opus])
      deaf.succeeded({ attempt: 1, candidate: opus }, 1, elapsed, throws)
      deaf.failed({ attempt: 1, candidate: opus }, failure, elapsed, throws)
      const heard: Array<string> = []
      const telemetry = {
        ...(yield* Telemetry),
        isActive: () => true,
        publishUnsafe: ({ _tag }: { readonly _tag: string }) => void heard.push(_tag)
      }
      new CallEvents(telemetry, "call-1", undefined, opus).succeeded(
        { attempt: 1, candidate: opus },
        1,
        elapsed,
        throws
      )
      assert.deepStrictEqual(heard, ["AttemptSucceeded", "CallSucceeded"])
    }).pipe(Effect.provide(unheard))
  )
})
