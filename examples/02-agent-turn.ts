/**
 * A turn of an agent with a tool that changes the world: the tool runs once, whatever happens to the calls around it, and
 * a swap to another model is told before its first word.
 */
import { Console, Effect, Schema } from "effect"
import { Chat, Tool, Toolkit } from "effect/ai"
import { Holdfast, Turn } from "holdfast"

const SendMail = Tool.make("send_mail", {
  description: "Sends a mail to the team.",
  parameters: Schema.Struct({ turn: Schema.String, step: Schema.Finite }),
  success: Schema.String
})

const toolkit = Toolkit.make(SendMail)

const tools = toolkit.toLayer({
  send_mail: ({ step }) => Turn.sideEffect(Effect.as(Console.log(`mail ${step} sent`), "sent"))
})

const turn = Effect.gen(function* () {
  const chat = yield* Chat.empty
  let answer = yield* chat.generateText({ prompt: "Tell the team that the build is green.", toolkit })
  while (answer.toolCalls.length > 0) {
    answer = yield* chat.generateText({ prompt: [], toolkit })
  }
  yield* Console.log(answer.text)
  yield* Console.log(`may this turn be run again? ${yield* Turn.mayRunAgain}`)
})

const model = Holdfast.model("anthropic/claude-opus-4-7", {
  fallbacks: ["openai/gpt-5.5"],
  onSwap: ({ answered, swap }) => Console.log(`${answered.model} answers instead: ${swap?.why}`)
})

await Turn.run(turn).pipe(Effect.provide([tools, model]), Effect.provide(Holdfast.layer()), Effect.runPromise)
