/** What happens, as it happens: attempts, failures and their verdicts, decisions and swaps; kept as a journal besides. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Console, Effect, Layer, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import { Holdfast, Journal, Telemetry } from "holdfast"

const path = process.env["JOURNAL"] ?? "holdfast.ndjson"

const watched = Effect.gen(function* () {
  const telemetry = yield* Telemetry.Telemetry
  yield* telemetry.listen((event) => {
    if (event._tag === "AttemptFailed") {
      process.stdout.write(
        `${event.candidate.provider}: ${event.reason}, ${event.verdict} to replay. ${event.advice}\n`
      )
    }
    if (event._tag === "Decided") process.stdout.write(`decided: ${event.decision._tag}\n`)
  })
  const answer = yield* LanguageModel.generateText({ prompt: "Say hello in five words." })
  yield* Console.log(answer.text)
}).pipe(
  Effect.scoped,
  Effect.provide(Holdfast.model("anthropic/claude-opus-4-7")),
  Effect.provide(Layer.provideMerge(Journal.layerFile(path), Holdfast.layer()))
)

const recorded = Journal.read(path).pipe(
  Stream.runFold(
    () => 0,
    (count) => count + 1
  ),
  Effect.tap((count) => Console.log(`${count} events in the journal`))
)

await watched.pipe(Effect.andThen(recorded), Effect.provide(NodeFileSystem.layer), Effect.runPromise)
