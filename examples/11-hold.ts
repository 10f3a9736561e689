/**
 * A stream that breaks in the middle. As it comes, the reader keeps half an answer and nothing is asked again. Held back,
 * it is replaced and nobody sees that it broke; the price is that the first word comes when the last one has.
 */
import { Clock, Console, Effect, Stream } from "effect"
import type { Hold } from "holdfast"
import { Failure, Holdfast, ModelCalls, Telemetry } from "holdfast"

const answer = (hold: Hold.Hold) =>
  Effect.gen(function* () {
    yield* Console.log(`hold ${JSON.stringify(hold)}`)
    const telemetry = yield* Telemetry.Telemetry
    yield* telemetry.listen((event) => {
      if (event._tag === "AttemptFailed") process.stdout.write(`  attempt ${event.attempt} fails: ${event.reason}\n`)
    })
    const began = yield* Clock.currentTimeMillis
    let first: number | undefined
    let text = ""
    yield* ModelCalls.streamText({ prompt: "Say hello in five words." }).pipe(
      Stream.runForEach((part) =>
        Effect.gen(function* () {
          if (part.type !== "text-delta") return
          first ??= (yield* Clock.currentTimeMillis) - began
          text += part.delta
        })
      ),
      Effect.catchIf(Failure.isFailure, ({ reason, verdict }) =>
        Console.log(`  the stream breaks off: ${reason._tag}, ${verdict} to replay`)
      )
    )
    const all = (yield* Clock.currentTimeMillis) - began
    yield* Console.log(`  "${text}"\n  first word after ${first} ms, the end after ${all} ms`)
  }).pipe(
    Effect.scoped,
    Effect.provide(Holdfast.model("anthropic/claude-opus-4-7")),
    Effect.provide(Holdfast.layer({ policy: { hold } }))
  )

await Effect.andThen(answer("first-content"), answer("whole")).pipe(Effect.runPromise)
