/** Tools in a turn: recorded before they start, seen when they end, whoever waits for them. */
import { assert, describe, it } from "@effect/vitest"
import * as ModelRef from "@holdfast/core/ModelRef"
import * as Turn from "@holdfast/core/Turn"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"

const Look = Tool.make("look", { success: Schema.String }).annotate(Tool.Readonly, true)
const Write = Tool.make("write", { success: Schema.String }).annotate(Tool.Idempotent, true)
const Send = Tool.make("send", {
  parameters: Schema.Struct({ to: Schema.String }),
  success: Schema.String,
  failure: Schema.String
})
const toolkit = Toolkit.make(Look, Write, Send)

const now = Effect.map(Turn.state, Option.getOrThrow)

const quiet = { look: () => Effect.succeed("seen"), write: () => Effect.succeed("written") }
const handlers = toolkit.toLayer({ ...quiet, send: () => Effect.succeed("sent") })

/** Runs a tool of the toolkit to its end, as a language model does. */
const runs = (
  name: "look" | "write" | "send",
  declared?: Turn.Declarations<typeof toolkit.tools>,
  params: unknown = name === "send" ? { to: "them" } : {}
) =>
  Effect.flatMap(Turn.toolkit(toolkit, declared), (tools) =>
    Stream.runCollect(Stream.unwrap(tools.handle(name, params as never)))
  )

const counts = Effect.map(now, ({ tools }) => tools)

describe("a tool that begins", () => {
  it.effect("leaves the turn as it is where it may be run again", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* runs("look")
        yield* runs("write")
        assert.deepStrictEqual(yield* counts, { begun: 2, finished: 2, interrupted: 0 })
        assert.isUndefined((yield* now).replayInvalid)
        assert.isTrue(yield* Turn.mayRunAgain)
      })
    ).pipe(Effect.provide(handlers))
  )

  it.effect("marks the turn where nothing says that it may be run again", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* runs("send")
        assert.deepStrictEqual((yield* now).replayInvalid, { why: Turn.marks.tool })
        assert.strictEqual((yield* now).sideEffects, 0)
        assert.isFalse(yield* Turn.mayRunAgain)
      })
    ).pipe(Effect.provide(handlers))
  )

  it.effect("is on record before its handler starts", () => {
    const seen: Array<Turn.State> = []
    const send = () =>
      Effect.as(
        Effect.map(now, (state) => seen.push(state)),
        "sent"
      )
    return Turn.run(runs("send")).pipe(
      Effect.map(() => {
        assert.deepStrictEqual(
          seen.map(({ replayInvalid, tools }) => [tools, replayInvalid]),
          [[{ begun: 1, finished: 0, interrupted: 0 }, { why: Turn.marks.tool }]]
        )
      }),
      Effect.provide(toolkit.toLayer({ ...quiet, send }))
    )
  })

  it.effect("puts a turn in its middle, though no model's answer is on record", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* runs("look")
        const turn = yield* Turn.Current
        const requested = ModelRef.make("anthropic", "claude-opus-4-7")
        assert.deepStrictEqual(turn === undefined ? undefined : Turn.momentOf(turn, requested), {
          at: "mid",
          answered: undefined
        })
      })
    ).pipe(Effect.provide(handlers))
  )

  it.effect("goes up to every turn above it, and no further", () =>
    Effect.gen(function* () {
      const other = yield* Turn.make({ id: "other" })
      yield* Turn.run(
        Effect.gen(function* () {
          yield* Turn.run(Effect.andThen(Turn.run(runs("send")), runs("look")))
          assert.deepStrictEqual(yield* counts, { begun: 2, finished: 2, interrupted: 0 })
          assert.deepStrictEqual((yield* now).replayInvalid, { why: Turn.marks.tool })
        })
      )
      assert.deepStrictEqual(Turn.snapshot(other).tools, { begun: 0, finished: 0, interrupted: 0 })
    }).pipe(Effect.provide(handlers))
  )

  it.effect("binds nobody without a turn", () =>
    Effect.gen(function* () {
      const results = yield* runs("send")
      assert.deepStrictEqual(
        results.map(({ result }) => result),
        ["sent"]
      )
    }).pipe(Effect.provide(handlers))
  )

  it.effect("counts where its parameters do not fit, because that shows only afterwards", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* Effect.exit(runs("send", undefined, { to: 7 }))
        assert.deepStrictEqual(yield* counts, { begun: 1, finished: 1, interrupted: 0 })
        assert.isFalse(yield* Turn.mayRunAgain)
      })
    ).pipe(Effect.provide(handlers))
  )

  it.effect("does not count where there is no such tool", () =>
    Turn.run(
      Effect.gen(function* () {
        const error = yield* Effect.flip(runs("nobody" as "send"))
        assert.strictEqual(typeof error === "string" ? error : error.reason._tag, "ToolNotFoundError")
        assert.deepStrictEqual(yield* counts, { begun: 0, finished: 0, interrupted: 0 })
        assert.isTrue(yield* Turn.mayRunAgain)
      })
    ).pipe(Effect.provide(handlers))
  )
})

describe("what the app declares of a tool", () => {
  it.effect("goes before what the tool says, in either direction", () =>
    Effect.gen(function* () {
      assert.isTrue(yield* Turn.run(Effect.andThen(runs("send", { send: "idempotent" }), Turn.mayRunAgain)))
      assert.isFalse(yield* Turn.run(Effect.andThen(runs("look", { look: "unknown" }), Turn.mayRunAgain)))
      assert.isFalse(yield* Turn.run(Effect.andThen(runs("send", { look: "unknown" }), Turn.mayRunAgain)))
    }).pipe(Effect.provide(handlers))
  )

  it.effect("can be said of a toolkit that is recorded already, and nothing is recorded twice", () =>
    Turn.run(
      Effect.gen(function* () {
        const once = yield* Turn.toolkit(toolkit)
        assert.strictEqual(Turn.toolkit(once), once)
        const copy = Turn.toolkit({ ...once })
        const told = Turn.toolkit(copy, { send: "readonly" })
        yield* Stream.runDrain(Stream.unwrap(told.handle("send", { to: "them" })))
        assert.deepStrictEqual(yield* counts, { begun: 1, finished: 1, interrupted: 0 })
        assert.isTrue(yield* Turn.mayRunAgain)
        yield* Stream.runDrain(Stream.unwrap(copy.handle("send", { to: "them" })))
        assert.deepStrictEqual(yield* counts, { begun: 2, finished: 2, interrupted: 0 })
        assert.isFalse(yield* Turn.mayRunAgain, "what was said of one toolkit binds no other")
      })
    ).pipe(Effect.provide(handlers))
  )
})

/** What is counted of a tool that ends so. */
const ends = (send: Effect.Effect<string, string>) =>
  Turn.run(
    Effect.gen(function* () {
      yield* Effect.exit(runs("send"))
      return yield* counts
    })
  ).pipe(Effect.provide(toolkit.toLayer({ ...quiet, send: () => send })))

/** Gives a preliminary result and no other. */
const halfway = (_: unknown, { preliminary }: Toolkit.HandlerContext<typeof Send>) =>
  Effect.andThen(preliminary("half"), Effect.never)

describe("a tool that ends", () => {
  it.effect("has finished where it gave a result, failed or died", () =>
    Effect.gen(function* () {
      for (const send of [Effect.succeed("sent"), Effect.fail("no"), Effect.die("defect")]) {
        assert.deepStrictEqual(yield* ends(send), { begun: 1, finished: 1, interrupted: 0 })
      }
    })
  )

  it.effect("was interrupted where it interrupted itself", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ends(Effect.interrupt), { begun: 1, finished: 0, interrupted: 1 })
    })
  )

  const hanging = Effect.gen(function* () {
    const started = yield* Deferred.make<void>()
    const send = () => Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
    return { started, layer: toolkit.toLayer({ ...quiet, send }) }
  })

  it.effect("is neither while it goes on, and was interrupted once who waits for it is; it counts as run", () =>
    Effect.gen(function* () {
      const { layer, started } = yield* hanging
      yield* Turn.run(
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(runs("send"))
          yield* Deferred.await(started)
          assert.deepStrictEqual(yield* counts, { begun: 1, finished: 0, interrupted: 0 })
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(yield* counts, { begun: 1, finished: 0, interrupted: 1 })
          assert.isFalse(yield* Turn.mayRunAgain)
        })
      ).pipe(Effect.provide(layer))
    })
  )

  it.effect("was interrupted where who waits for it stops reading before its result", () => {
    return Turn.run(
      Effect.gen(function* () {
        const tools = yield* Turn.toolkit(toolkit)
        const first = yield* Stream.runHead(Stream.unwrap(tools.handle("send", { to: "them" })))
        assert.deepStrictEqual(
          Option.map(first, ({ result }) => result),
          Option.some("half")
        )
        assert.deepStrictEqual(yield* counts, { begun: 1, finished: 0, interrupted: 1 })
      })
    ).pipe(Effect.provide(toolkit.toLayer({ ...quiet, send: halfway })))
  })

  it.effect("ends once, whatever is recorded of it", () =>
    Effect.gen(function* () {
      const turn = yield* Turn.make()
      const ended = Turn.recordTool(turn, "unknown")
      ended("interrupted")
      ended("finished")
      ended("interrupted")
      assert.deepStrictEqual(Turn.snapshot(turn).tools, { begun: 1, finished: 0, interrupted: 1 })
    })
  )
})

describe("a tool that its provider ran", () => {
  it.effect("has words of its own", () =>
    Effect.gen(function* () {
      const turn = yield* Turn.make()
      Turn.recordTool(turn, "unknown", "provider")("finished")
      assert.deepStrictEqual(Turn.snapshot(turn).replayInvalid, { why: Turn.marks.providerTool })
    })
  )
})
