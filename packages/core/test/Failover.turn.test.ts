/** Failover within a turn: it stays with the model that answered, and the next turn starts at the primary again. */
import { assert, describe, it } from "@effect/vitest"
import type * as Candidate from "@holdfast/core/Candidate"
import { Failover } from "@holdfast/core/Failover"
import * as ModelRef from "@holdfast/core/ModelRef"
import type { Chain } from "@holdfast/core/ProviderRegistry"
import * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { answers, fails, layer, meta, received, says, script, streamScript } from "./failoverScript.ts"
import { gemini, gpt, opus, opusOlder, opusOnBedrock, stale, truncated, unauthorized, unreachable } from "./fixtures.ts"

/** The model that answered so far in the current turn. */
const answeredSoFar = Effect.map(Turn.state, (state) =>
  Option.match(state, {
    onNone: () => "no turn",
    onSome: ({ answered }) => (answered === undefined ? "nobody" : ModelRef.format(answered))
  })
)

/** A call that meets nothing but failures at the candidates named, and is answered by the first other one. */
const callWithout = (chain: Chain, ...down: ReadonlyArray<Candidate.Candidate>) =>
  Effect.gen(function* () {
    const failover = yield* Failover
    const made: Array<string> = []
    const told: Array<string> = []
    const answer = yield* Effect.exit(
      failover.run({
        chain,
        attempt: ({ candidate }) => {
          made.push(candidate.model)
          return down.includes(candidate) ? Effect.fail(unreachable({ candidate })) : Effect.succeed("hello")
        },
        onSwap: ({ swap }) => Effect.sync(() => told.push(swap?.why ?? "no swap"))
      })
    )
    return { made, told, answered: answer._tag === "Success" ? answer.value.answered.model : undefined }
  })

describe("a call that swapped", () => {
  it.effect("is followed, in the same turn, by calls that go to the model that answered first, and say so", () =>
    Turn.run(
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* callWithout([opus, gpt, gemini], opus), {
          made: ["claude-opus-4-7", "gpt-5.5"],
          told: ["ConnectFailure"],
          answered: "gpt-5.5"
        })
        for (const _ of [2, 3]) {
          assert.deepStrictEqual(yield* callWithout([opus, gpt, gemini]), {
            made: ["gpt-5.5"],
            told: ["TurnContinues"],
            answered: "gpt-5.5"
          })
        }
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("is followed, in the next turn, by a call to the primary", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* Turn.run(callWithout([opus, gpt], opus))).answered, "gpt-5.5")
      assert.deepStrictEqual(yield* Turn.run(callWithout([opus, gpt])), {
        made: ["claude-opus-4-7"],
        told: [],
        answered: "claude-opus-4-7"
      })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is followed, without a turn, by a call to the primary", () =>
    Effect.gen(function* () {
      yield* callWithout([opus, gpt], opus)
      assert.deepStrictEqual((yield* callWithout([opus, gpt])).made, ["claude-opus-4-7"])
    }).pipe(Effect.provide(layer()))
  )
})

describe("a call in the middle of a turn", () => {
  it.effect("may move within the family of the model that answered, and no further", () =>
    Turn.run(
      Effect.gen(function* () {
        const chain = [opus, gpt, opusOlder] as const
        yield* callWithout(chain)
        assert.deepStrictEqual(yield* callWithout(chain, opus), {
          made: ["claude-opus-4-7"],
          told: [],
          answered: undefined
        })
        const moved = yield* callWithout([opus, gpt, { ...opusOlder, endpoint: "elsewhere:443" }], opus)
        assert.deepStrictEqual(moved.made, ["claude-opus-4-7", "claude-opus-4-6"])
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("counts a swap from the model that answered, not from the one that was asked", () =>
    Turn.run(
      Effect.gen(function* () {
        const gptElsewhere = { ...gpt, provider: "azure", endpoint: "azure.example:443" }
        const chain = [opus, opusOnBedrock, gpt, gptElsewhere] as const
        yield* callWithout(chain, opus, opusOnBedrock)
        const later = yield* callWithout(chain, gpt)
        assert.deepStrictEqual(later.made, ["gpt-5.5", "gpt-5.5"])
        assert.deepStrictEqual(later.told, ["ConnectFailure"])
        assert.strictEqual(yield* answeredSoFar, "azure/gpt-5.5")
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("is in it once a side effect ran, though no model is on record", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* Turn.sideEffect(Effect.void)
        assert.deepStrictEqual((yield* callWithout([opus, gpt], opus)).made, ["claude-opus-4-7"])
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("starts at the primary where the model that answered is not in its chain", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* callWithout([gemini])
        assert.deepStrictEqual((yield* callWithout([opus, gpt], opus)).made, ["claude-opus-4-7"])
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("is where the call says it is, whatever the turn records", () =>
    Turn.run(
      Effect.gen(function* () {
        const failover = yield* Failover
        yield* callWithout([opus])
        const { attempt, made } = script(fails(unreachable), answers("hello"))
        yield* failover.run({ chain: [opus, gpt], attempt, moment: Turn.atStart })
        assert.strictEqual(made[1], "2 openai/gpt-5.5 any")
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("can be told so by its prompt alone", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(answers("hello"))
      const moment: Turn.Moment = { at: "mid", answered: ModelRef.make("openai", "gpt-5.5") }
      const answer = yield* failover.run({ chain: [opus, gpt], attempt, moment })
      assert.deepStrictEqual(made, ["1 openai/gpt-5.5 any"])
      assert.deepStrictEqual(answer.swap, { why: "TurnContinues" })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("may be streamed, and goes to the model that answered first then too", () =>
    Turn.run(
      Effect.gen(function* () {
        const failover = yield* Failover
        yield* callWithout([opus, gpt], opus)
        const call = streamScript({ chunks: [[says("Hello")]] })
        const told: Array<string> = []
        const { texts } = yield* received(
          failover.stream({
            chain: [opus, gpt],
            ...call,
            onSwap: ({ swap }) => Effect.sync(() => told.push(swap?.why ?? "no swap"))
          })
        )
        assert.deepStrictEqual(texts, ["Hello"])
        assert.deepStrictEqual(call.made, ["1 openai/gpt-5.5 any"])
        assert.deepStrictEqual(told, ["TurnContinues"])
      })
    ).pipe(Effect.provide(layer()))
  )
})

describe("a helper on another model, in the same turn", () => {
  it.effect("answers for itself: the main model stays where it was", () =>
    Turn.run(
      Effect.gen(function* () {
        const main = { made: ["claude-opus-4-7"], told: [], answered: "claude-opus-4-7" }
        assert.deepStrictEqual(yield* callWithout([opus, gpt]), main)
        assert.strictEqual((yield* callWithout([gpt])).answered, "gpt-5.5")
        assert.deepStrictEqual(yield* callWithout([opus, gpt]), main)
        assert.strictEqual(yield* answeredSoFar, "anthropic/claude-opus-4-7")
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("puts a main model that has not answered yet in the middle of the turn, at its own place", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* callWithout([gpt])
        assert.deepStrictEqual(yield* callWithout([opus, gpt], opus), {
          made: ["claude-opus-4-7"],
          told: [],
          answered: undefined
        })
      })
    ).pipe(Effect.provide(layer()))
  )
})

describe("the turn's model is on record", () => {
  it.effect("for an answer that comes at once: when it has come, and not for attempts that failed", () =>
    Turn.run(
      Effect.gen(function* () {
        const failover = yield* Failover
        const during: Array<string> = []
        const { attempt } = script(fails(unreachable), answers("hello"))
        yield* failover.run({
          chain: [opus, gpt],
          attempt: (each) =>
            Effect.tap(answeredSoFar, (model) => Effect.sync(() => during.push(model))).pipe(
              Effect.andThen(attempt(each))
            )
        })
        assert.deepStrictEqual(during, ["nobody", "nobody"])
        assert.strictEqual(yield* answeredSoFar, "openai/gpt-5.5")
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("for an answer that is streamed: at the first content, before the app has it, and not before", () =>
    Turn.run(
      Effect.gen(function* () {
        const failover = yield* Failover
        const seen: Array<string> = []
        const note = (when: string) =>
          Effect.map(answeredSoFar, (model) => {
            seen.push(`${when}: ${model}`)
          })
        const call = streamScript(
          { chunks: [[meta("head")]], ends: fails(unreachable) },
          { chunks: [[meta("head 2")], [meta("ping")], [says("Hel")], [says("lo")]] }
        )
        const stream = failover.stream({
          chain: [opus, gpt],
          ...call,
          attempt: (each) => Stream.tap(call.attempt(each), ({ text }) => note(`made ${text}`))
        })
        yield* Stream.runForEach(stream, ({ text }) => note(`given ${text}`))
        assert.deepStrictEqual(seen, [
          "made head: nobody",
          "made head 2: nobody",
          "made ping: nobody",
          "made Hel: nobody",
          "given head 2: openai/gpt-5.5",
          "given ping: openai/gpt-5.5",
          "given Hel: openai/gpt-5.5",
          "made lo: openai/gpt-5.5",
          "given lo: openai/gpt-5.5"
        ])
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("for an answer that broke off after its first content, and for one without content", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (const step of [{ chunks: [[says("Hel")]], ends: fails(truncated) }, { chunks: [[meta("finish")]] }]) {
        yield* Turn.run(
          Effect.gen(function* () {
            yield* received(failover.stream({ chain: [opus, gpt], ...streamScript(step) }))
            assert.strictEqual(yield* answeredSoFar, "anthropic/claude-opus-4-7")
          })
        )
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("not for a call that is given up", () =>
    Turn.run(
      Effect.gen(function* () {
        const failover = yield* Failover
        const { attempt } = script(fails(unauthorized))
        yield* Effect.flip(failover.run({ chain: [opus], attempt }))
        const call = streamScript({ chunks: [[meta("head")]], ends: fails(stale, { declaration: "unknown" }) })
        yield* received(failover.stream({ chain: [opus], ...call }))
        assert.strictEqual(yield* answeredSoFar, "nobody")
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("in the turn that the stream runs in, wherever it was made", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const stream = failover.stream({ chain: [opus], ...streamScript({ chunks: [[says("Hello")]] }) })
      const answered = yield* Turn.run(Effect.andThen(received(stream), answeredSoFar))
      assert.strictEqual(answered, "anthropic/claude-opus-4-7")
    }).pipe(Effect.provide(layer()))
  )
})

describe("a child turn", () => {
  it.effect("starts at the primary, and leaves the parent with the model that answered the parent", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* callWithout([opus, gpt, gemini], opus)
        const child = yield* Turn.run(callWithout([opus, gpt, gemini], opus, gpt))
        assert.deepStrictEqual(child.made, ["claude-opus-4-7", "gpt-5.5", "gemini-3-pro"])
        assert.strictEqual(yield* answeredSoFar, "openai/gpt-5.5")
        assert.deepStrictEqual((yield* callWithout([opus, gpt, gemini])).made, ["gpt-5.5"])
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("that ran a side effect puts its parent in the middle of its turn", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* Turn.run(Turn.sideEffect(Effect.void))
        assert.deepStrictEqual((yield* callWithout([opus, gpt], opus)).made, ["claude-opus-4-7"])
      })
    ).pipe(Effect.provide(layer()))
  )
})
