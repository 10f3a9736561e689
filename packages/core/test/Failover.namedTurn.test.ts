/** A turn that a chain named for one reason has moved stays with the model that answered. */
import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import * as Failover from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Failure from "@holdfast/core/Failure"
import { isSwapDenied } from "@holdfast/core/SwapDenied"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { layer, received, says, streamScript } from "./failoverScript.ts"
import { gemini, gpt, opus, opusOlder, overloaded, unreachable } from "./fixtures.ts"
import { reasons } from "./reasons.ts"

const gptElsewhere = { ...gpt, provider: "azure", endpoint: "azure.example:443" }

type Fails = (candidate: Candidate.Candidate) => Failure.Failure

const of =
  (name: "ContextOverflow" | "ContentRefused"): Fails =>
  (candidate) =>
    Failure.make({
      reason: reasons[name],
      evidence: { _tag: "Unknown", status: 400, notRun: true },
      declaration: "repeatable",
      candidate
    })

/** A call that fails in a way at the candidates named, and is answered by the first other one. */
const callWhere = (
  call: Failover.CallOptions,
  ...failing: ReadonlyArray<readonly [at: Candidate.Candidate, fails: Fails]>
) =>
  Effect.gen(function* () {
    const failover = yield* Failover.Failover
    const made: Array<string> = []
    const exit = yield* Effect.result(
      failover.run({
        ...call,
        attempt: ({ candidate }) => {
          made.push(Candidate.label(candidate))
          const fails = failing.find(([at]) => at === candidate)?.[1]
          return fails === undefined ? Effect.succeed("hello") : Effect.fail(fails(candidate))
        }
      })
    )
    return exit._tag === "Failure"
      ? { made, error: exit.failure }
      : { made, answered: Candidate.label(exit.success.answered), swap: exit.success.swap?.why }
  })

const overflows = [opus, of("ContextOverflow")] as const
const unreached = (candidate: Candidate.Candidate) => unreachable({ candidate })

const continued = (at: Candidate.Candidate) => ({
  made: [Candidate.label(at)],
  answered: Candidate.label(at),
  swap: "TurnContinues" as const
})

describe("a turn that a named candidate has answered in", () => {
  const call = { chain: [opus], chains: { ContextOverflow: [gpt] } } as const

  it.effect("goes on with it, and every call says so", () =>
    Turn.run(
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* callWhere(call, overflows), {
          made: ["anthropic/claude-opus-4-7", "openai/gpt-5.5"],
          answered: "openai/gpt-5.5",
          swap: "ContextOverflow"
        })
        for (const _ of [2, 3]) assert.deepStrictEqual(yield* callWhere(call, overflows), continued(gpt))
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("does not change its model unseen where no swap is wanted in its middle", () =>
    Turn.run(
      Effect.gen(function* () {
        const refused = { chain: [opus], chains: { ContentRefused: [gpt] } } as const
        yield* callWhere(refused, [opus, of("ContentRefused")])
        assert.deepStrictEqual(yield* callWhere(refused), continued(gpt))
      })
    ).pipe(Effect.provide(layer({ swap: { midTurn: "never" } })))
  )

  it.effect("goes on with it in a stream, too", () =>
    Turn.run(
      Effect.gen(function* () {
        const failover = yield* Failover.Failover
        yield* callWhere(call, overflows)
        const streamed = streamScript({ chunks: [[says("Hello")]] })
        const told: Array<string | undefined> = []
        const onSwap = ({ swap }: Failover.Answered) => Effect.sync(() => void told.push(swap?.why))
        const { texts } = yield* received(failover.stream({ ...call, ...streamed, onSwap }))
        assert.deepStrictEqual([texts, streamed.made, told], [["Hello"], ["1 openai/gpt-5.5 any"], ["TurnContinues"]])
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("goes on among those that are named beside it, and counts a swap from it", () =>
    Turn.run(
      Effect.gen(function* () {
        const long = { chain: [opus, opusOlder], chains: { ContextOverflow: [gpt, gptElsewhere, gemini] } } as const
        yield* callWhere(long, overflows)
        assert.deepStrictEqual(yield* callWhere(long, [gpt, unreached]), {
          made: ["openai/gpt-5.5", "azure/gpt-5.5"],
          answered: "azure/gpt-5.5",
          swap: "ConnectFailure"
        })
        const { error, made } = yield* callWhere(long, [gpt, unreached], [gptElsewhere, unreached])
        assert.deepStrictEqual(made, ["azure/gpt-5.5", "openai/gpt-5.5"])
        if (!isSwapDenied(error)) return assert.fail("expected a denied swap")
        assert.deepStrictEqual([error.from, error.denied], [gptElsewhere, [gemini]])
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("begins with another that is named beside it while it cools down", () =>
    Turn.run(
      Effect.gen(function* () {
        const long = { chain: [opus], chains: { ContextOverflow: [gpt, gptElsewhere] } } as const
        yield* callWhere(long, overflows)
        yield* callWhere({ chain: [gpt] }, [gpt, (candidate) => overloaded({ candidate })])
        assert.deepStrictEqual(yield* callWhere(long), {
          made: ["azure/gpt-5.5"],
          answered: "azure/gpt-5.5",
          swap: "Overloaded"
        })
      })
    ).pipe(
      Effect.provide(
        Layer.orDie(Failover.layerMemory({ policy: { retry: { capacity: Schedule.recurs(0) } } })).pipe(
          Layer.provideMerge(Telemetry.layer)
        )
      )
    )
  )

  it.effect("begins at its own place where the model is in the chain as well", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* callWhere(call, overflows)
        const both = { chain: [opus, gpt, gptElsewhere], chains: { ContextOverflow: [gpt] } } as const
        assert.deepStrictEqual((yield* callWhere(both, [gpt, unreached])).made, ["openai/gpt-5.5", "azure/gpt-5.5"])
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("starts at the primary where it is in no chain any more", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* callWhere(call, overflows)
        const without = { chain: [opus], chains: { ContextOverflow: [gemini] } } as const
        assert.deepStrictEqual((yield* callWhere(without)).made, ["anthropic/claude-opus-4-7"])
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("is told by the prompt alone, and to the dry run", () =>
    Effect.gen(function* () {
      const moment: Turn.Moment = { at: "mid", answered: Candidate.ref(gpt) }
      assert.deepStrictEqual(yield* callWhere({ ...call, moment }), continued(gpt))
      const { end, from } = yield* FailoverPolicy.explain(FailoverPolicy.make(), { ...call, moment, failures: [] })
      assert.deepStrictEqual(from, gpt)
      assert.deepInclude(end, { _tag: "Asks", candidate: gpt })
    }).pipe(Effect.provide(layer()))
  )
})
