/**
 * Side effects in a turn: a tool that sends mail runs once, although the call after it fails and is repaired. The turn as
 * a whole is run again only while nothing was done that must not be done twice; what a helper's child turn does counts.
 */
import { Console, Effect, Option, Schema } from "effect"
import { Chat, LanguageModel, Tool, Toolkit } from "effect/ai"
import { Holdfast, Telemetry, Turn } from "holdfast"

const SendMail = Tool.make("send_mail", {
  description: "Sends a mail to the team.",
  parameters: Schema.Struct({ turn: Schema.String, step: Schema.Finite }),
  success: Schema.String
})

const toolkit = Toolkit.make(SendMail)

// No annotation says that it may run twice, so it marks the turn by itself; `Turn.sideEffect` is for what is no tool.
const tools = toolkit.toLayer({ send_mail: ({ step }) => Effect.as(Console.log(`  mail ${step} sent`), "sent") })

const mayRunAgain = Effect.flatMap(Turn.mayRunAgain, (may) => Console.log(`  may the turn be run again? ${may}`))

/** A helper with a turn of its own: its side effects go up to the turn that it is part of, the model it used does not. */
const helper = Turn.run(Effect.map(LanguageModel.generateText({ prompt: "Who is on the team?" }), ({ text }) => text))

let runs = 0

const turn = Effect.gen(function* () {
  yield* Console.log("the turn begins")
  yield* helper
  yield* mayRunAgain
  // Something of the app's own goes wrong before anything was done.
  if (runs++ === 0) return yield* Effect.fail("the mail server is restarting")
  const chat = yield* Chat.empty
  let answer = yield* chat.generateText({ prompt: "Tell the team that the build is green.", toolkit })
  while (answer.toolCalls.length > 0) {
    answer = yield* chat.generateText({ prompt: [], toolkit })
  }
  yield* mayRunAgain
  const { sideEffects, tools } = Option.getOrThrow(yield* Turn.state)
  yield* Console.log(`  tools run: ${tools.begun}, other side effects: ${sideEffects}`)
  return yield* Effect.fail("the app crashes after the mails")
})

/** Runs a turn until it succeeds or must not be run again: each time as a new turn. */
const untilDone = <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Turn.run(
    Effect.matchEffect(body, {
      onFailure: (error) => Effect.map(Turn.mayRunAgain, (may) => ({ error, may })),
      onSuccess: (value) => Effect.succeed({ value })
    })
  ).pipe(
    Effect.flatMap((ended): Effect.Effect<A, E, R> => {
      if ("value" in ended) return Effect.succeed(ended.value)
      return ended.may ? untilDone(body) : Effect.fail(ended.error)
    })
  )

const program = Effect.gen(function* () {
  const telemetry = yield* Telemetry.Telemetry
  yield* telemetry.listen((event) => {
    if (event._tag === "AttemptFailed") process.stdout.write(`  a call fails: ${event.reason}; it is made again\n`)
  })
  yield* untilDone(turn).pipe(Effect.catch((error) => Console.log(`not run again: ${error}`)))
}).pipe(Effect.scoped)

await program.pipe(
  Effect.provide([tools, Holdfast.model("anthropic/claude-opus-4-7")]),
  Effect.provide(Holdfast.layer()),
  Effect.runPromise
)
