import { assert, layer } from "@effect/vitest"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Undici from "undici"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as Dispatchers from "../src/Dispatchers.ts"
import { deafServer } from "./support/deafServer.ts"
import { ask, fetchText, patient, prepare, send, swapped, transport } from "./support/harness.ts"

const servers = FaultServer.layer({ endpoints: { a: {} } })

const days = 60 * 86_400_000
const each = (ms: number) => ({
  connectMs: ms,
  headersMs: ms,
  answerMs: ms,
  livenessMs: ms,
  firstContentMs: ms,
  stallMs: ms,
  totalMs: ms
})

layer(servers, { excludeTestServices: true })("time limits made by hand", (it) => {
  it.effect.each([days, Number.POSITIVE_INFINITY])("are none where no timer waits so long: %d ms", (ms) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([FaultScript.always(FaultScript.drip(20))])
      const answer = yield* fetchText(ask(origin, { streaming: true, limits: each(ms) }))
      assert.strictEqual(answer.status, 200)
      assert.include(answer.text, "message_stop")
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each([days, Number.POSITIVE_INFINITY])("leave a connection time to be made: %d ms", (ms) =>
    Effect.gen(function* () {
      const port = yield* deafServer()
      const request = ask(`http://127.0.0.1:${port}`, { limits: each(ms) })
      const sent = yield* Effect.timeoutOption(Effect.exit(Effect.scoped(send(request))), "200 millis")
      assert.isTrue(Option.isNone(sent))
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("are refused by their names where they are no time, with all else that is wrong", () =>
    Effect.gen(function* () {
      const limits = { ...patient, connectMs: -1, headersMs: 0, livenessMs: Number.NaN }
      const error = yield* Effect.flip(Effect.scoped(send(ask("http://127.0.0.1:9", { limits, url: "nowhere" }))))
      if (!isInvalidInput(error)) return assert.fail(String(error))
      return assert.deepStrictEqual(
        error.problems.map(({ kind, place }) => [kind, place]),
        [
          ["InvalidBaseUrl", "url"],
          ["InvalidOption", "limits.connectMs"],
          ["InvalidOption", "limits.livenessMs"]
        ]
      )
    }).pipe(Effect.provide(transport()))
  )

  it.effect("hold through a dispatcher that is not watched, too", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([])
      const raw = yield* Effect.acquireRelease(
        Effect.sync(() => new Undici.Agent()),
        (raw) => Effect.promise(() => raw.destroy())
      )
      const layer = swapped(Dispatchers.swap("anthropic", Dispatcher.layerFrom(raw)))
      const request = ask(origin, { streaming: true, limits: each(Number.POSITIVE_INFINITY) })
      const status = yield* Effect.scoped(Effect.map(send(request), ({ status }) => status)).pipe(Effect.provide(layer))
      assert.strictEqual(status, 200)
    }).pipe(Effect.scoped)
  )
})
