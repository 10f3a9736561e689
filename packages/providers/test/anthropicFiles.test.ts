/** Images and documents as they go to Anthropic, held to its SDK's types. */
import type Anthropic from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Prompt from "effect/ai/Prompt"
import { body, encode, messages, problems, toolCall, toolResult } from "./support/anthropicRequest.ts"

const user = (...content: ReadonlyArray<Prompt.UserMessagePartEncoded>): Prompt.RawInput => [{ role: "user", content }]

const unsupported = (...places: ReadonlyArray<string>) =>
  places.map((place) => `UnsupportedContent prompt.content${place}`)

describe("files", () => {
  it("are images and documents, as bytes, base64, data: URLs, URLs and uploaded files", () => {
    const expected: Array<Anthropic.MessageParam> = [
      {
        role: "user",
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: "AQI=" } },
          { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "AQI=" } },
          { type: "image", source: { type: "base64", media_type: "image/webp", data: "AQI=" } },
          { type: "image", source: { type: "url", url: "https://a.example/b.gif" } },
          { type: "image", source: { type: "url", url: "https://a.example/c" } },
          { type: "image", source: { type: "file", file_id: "file_1" } },
          {
            type: "document",
            source: { type: "base64", media_type: "application/pdf", data: "AQI=" },
            title: "a.pdf"
          },
          { type: "document", source: { type: "url", url: "https://a.example/a.pdf" } },
          {
            type: "document",
            source: { type: "text", media_type: "text/plain", data: "Grüße 🌊" },
            title: "Facts",
            context: "old",
            citations: { enabled: true }
          },
          { type: "document", source: { type: "text", media_type: "text/plain", data: "{}" } }
        ]
      }
    ]
    const two = new Uint8Array([1, 2])
    const pdf = "application/pdf"
    const text = new TextEncoder().encode("Grüße 🌊")
    const ours = messages(
      user(
        { type: "file", mediaType: "image/png", data: two },
        { type: "file", mediaType: "image/jpg", data: "AQI=" },
        { type: "file", mediaType: "image/webp", data: "data:image/webp;base64,AQI=" },
        { type: "file", mediaType: "image/gif", data: new URL("https://a.example/b.gif") },
        { type: "file", mediaType: "image/*", data: "https://a.example/c" },
        { type: "file", mediaType: "image/png", data: "", options: { anthropic: { fileId: "file_1" } } },
        { type: "file", mediaType: pdf, data: two, fileName: "a.pdf" },
        { type: "file", mediaType: pdf, data: new URL("https://a.example/a.pdf") },
        {
          type: "file",
          mediaType: "text/plain; charset=utf-8",
          data: text,
          fileName: "facts.txt",
          options: { anthropic: { title: "Facts", context: "old", citations: { enabled: true } } }
        },
        { type: "file", mediaType: "application/json", data: "e30=" }
      )
    )
    assert.deepStrictEqual(ours, expected)
  })

  it("are shown in what a tool found", () => {
    const found = Prompt.make([
      { role: "user", content: [{ type: "text", text: "look" }] },
      { role: "assistant", content: [toolCall("t1", "shot", {})] },
      {
        role: "tool",
        content: [
          toolResult("t1", "shot", "ignored", {
            modelOutput: [
              { type: "text", text: "here" },
              { type: "file", mediaType: "image/png", data: "AQI=" },
              { type: "file", mediaType: "application/pdf", data: "AQI=" }
            ]
          })
        ]
      }
    ])
    const expected: Anthropic.ToolResultBlockParam = {
      type: "tool_result",
      tool_use_id: "t1",
      content: [
        { type: "text", text: "here" },
        { type: "image", source: { type: "base64", media_type: "image/png", data: "AQI=" } },
        { type: "document", source: { type: "base64", media_type: "application/pdf", data: "AQI=" } }
      ]
    }
    assert.deepStrictEqual(body({ prompt: found }).messages.at(-1)?.content, [expected])
  })

  it("that Claude, or this Claude, cannot be shown are refused, each with its place", () => {
    const prompt = Prompt.make([
      {
        role: "user",
        content: [
          { type: "text", text: "look" },
          { type: "file", mediaType: "audio/wav", data: "AQI=" },
          { type: "file", mediaType: "video/mp4", data: "AQI=" },
          { type: "file", mediaType: "image/tiff", data: "AQI=" },
          { type: "file", mediaType: "image/png", data: "AQI=" },
          { type: "file", mediaType: "application/pdf", data: "AQI=" },
          { type: "file", mediaType: "text/plain", data: new URL("https://a.example/t.txt") },
          { type: "file", mediaType: "text/plain", data: "no base64!" }
        ]
      },
      {
        role: "assistant",
        content: [{ type: "file", mediaType: "image/png", data: "AQI=" }, toolCall("t", "shot", {})]
      },
      {
        role: "tool",
        content: [
          toolResult("t", "shot", "", { modelOutput: [{ type: "file", mediaType: "image/png", data: "AQI=" }] })
        ]
      }
    ])
    const always = [
      "[0].content[1]",
      "[0].content[2]",
      "[0].content[3]",
      "[0].content[6]",
      "[0].content[7]",
      "[1].content[0]"
    ]
    assert.deepStrictEqual(problems({ prompt }), unsupported(...always))
    assert.deepStrictEqual(problems({ prompt }, "claude-x", { input: ["text"] }), [
      ...unsupported(...always.slice(0, 3), "[0].content[4]", "[0].content[5]", ...always.slice(3)),
      ...unsupported("[2].content[0].modelOutput[0]")
    ])
    const found = Result.getOrThrow(Result.flip(encode({ prompt }, "claude-x", { input: ["text"] })))
    assert.strictEqual(found.problems[3]?.expected, "text, which is what claude-x takes")
  })
})
