/** A vendor's SDK over Holdfast's connections, without Effect. A connection that turns out closed is repaired below it. */
import { Fetch } from "holdfast"
import OpenAI from "openai"

await using made = await Fetch.make({ provider: "openai", keepAlive: "30 seconds" })
// What may be sent again is known below; a retry of the SDK's own would not ask.
const openai = new OpenAI({ fetch: made.fetch, maxRetries: 0 })

const ask = async (content: string): Promise<string> => {
  try {
    const answer = await openai.chat.completions.create({ model: "gpt-5.5", messages: [{ role: "user", content }] })
    return answer.choices[0]?.message.content ?? ""
  } catch (error) {
    const failure = Fetch.failureOf(error)
    if (failure === undefined) throw error
    return `${failure.reason._tag}, ${failure.verdict} to replay. ${failure.reason.advice}`
  }
}

process.stdout.write(`${await ask("Say hello.")}\n`)
process.stdout.write(`${await ask("Say it again.")}\n`)
