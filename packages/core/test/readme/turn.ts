import { Turn } from "@holdfast/core"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const turn = Effect.gen(function* () {
  // A child turn: what it does counts here as well, the model that answers it does not.
  yield* Turn.run(Turn.sideEffect(Effect.succeed("mail sent")))
  yield* Console.log(yield* Turn.mayRunAgain) // => false
})

await Effect.runPromise(Turn.run(turn))
