/** The vendors' SDKs and the AI SDK, over the fetch they choose themselves. */
import { createAnthropic } from "@ai-sdk/anthropic"
import { createOpenAI } from "@ai-sdk/openai"
import Anthropic from "@anthropic-ai/sdk"
import type { LanguageModel } from "ai"
import { generateText, streamText } from "ai"
import OpenAI from "openai"
import type { Open } from "../contestant.ts"
import { promises } from "../contestant.ts"
import type { Vendor } from "../wire.ts"
import { anthropicModel, apiKey, model, prompt } from "../wire.ts"

const close = async (): Promise<void> => undefined

export const openai: Open = async () => ({
  counted: "openai",
  round: ({ base, streaming }) => {
    const client = new OpenAI({ apiKey, baseURL: base })
    const messages = [{ role: "user" as const, content: prompt }]
    return promises(async () => {
      if (!streaming) {
        const completion = await client.chat.completions.create({ model, messages })
        return completion.choices[0]?.message.content?.length ?? 0
      }
      let characters = 0
      const chunks = await client.chat.completions.create({ model, messages, stream: true })
      for await (const chunk of chunks) characters += chunk.choices[0]?.delta.content?.length ?? 0
      return characters
    })
  },
  close
})

export const anthropic: Open = async () => ({
  counted: "anthropic",
  round: ({ base, streaming }) => {
    const client = new Anthropic({ apiKey, baseURL: base.replace(/\/v1$/, "") })
    const asked = { model: anthropicModel, max_tokens: 1024, messages: [{ role: "user" as const, content: prompt }] }
    return promises(async () => {
      if (!streaming) {
        const message = await client.messages.create(asked)
        const [block] = message.content
        return block?.type === "text" ? block.text.length : 0
      }
      let characters = 0
      for await (const event of await client.messages.create({ ...asked, stream: true })) {
        if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
          characters += event.delta.text.length
        }
      }
      return characters
    })
  },
  close
})

const aiSdkOver =
  (counted: Vendor, modelAt: (baseURL: string) => LanguageModel): Open =>
  async () => ({
    counted,
    round: ({ base, streaming }) => {
      const model = modelAt(base)
      return promises(async () => {
        if (!streaming) return (await generateText({ model, prompt })).text.length
        let characters = 0
        for await (const text of streamText({ model, prompt }).textStream) characters += text.length
        return characters
      })
    },
    close
  })

export const aiSdk = aiSdkOver("openai", (baseURL) => createOpenAI({ apiKey, baseURL }).chat(model))

export const aiSdkAnthropic = aiSdkOver("anthropic", (baseURL) => createAnthropic({ apiKey, baseURL })(anthropicModel))
