/** Where Anthropic's prompt cache is asked to remember. */
import type Anthropic from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import type { ModelCall } from "@holdfast/providers/Codec"
import * as Prompt from "effect/ai/Prompt"
import { Weather, body, encoded, problems, toolCall, toolResult } from "./support/anthropicRequest.ts"

/** The places of the breakpoints in a request. */
const marked = (request: Anthropic.MessageCreateParams): ReadonlyArray<string> => {
  const places: Array<string> = []
  const walk = (place: string, value: unknown): void => {
    if (typeof value !== "object" || value === null) return
    for (const [name, child] of Object.entries(value)) {
      if (name === "cache_control") places.push(`${place} ${JSON.stringify(child)}`)
      else walk(place === "" ? name : `${place}.${name}`, child)
    }
  }
  walk("", request)
  return places.toSorted()
}

describe("the prompt cache", () => {
  const conversation = Prompt.make([
    { role: "system", content: "Be brief." },
    { role: "system", content: "Be kind." },
    { role: "user", content: [{ type: "text", text: "a" }] },
    { role: "assistant", content: [{ type: "text", text: "b" }] },
    { role: "user", content: [{ type: "text", text: "c" }] },
    { role: "assistant", content: [toolCall("t", "weather", {})] },
    { role: "tool", content: [toolResult("t", "weather", "sunny")] }
  ])
  const asked = (more: Partial<ModelCall>) => body({ prompt: conversation, tools: [Weather, Weather], ...more })
  const short = '{"type":"ephemeral"}'
  const long = '{"type":"ephemeral","ttl":"1h"}'
  const places = ["messages.2.content.0", "messages.4.content.0", "system.1", "tools.1"]

  it.each([undefined, "none"] as const)("with retention %s has no breakpoint", (cacheRetention) => {
    const settings = cacheRetention === undefined ? {} : { cacheRetention }
    assert.deepStrictEqual(marked(asked({ settings })), [])
  })

  it.each([
    ["short", short],
    ["long", long]
  ] as const)(
    "with retention %s ends tools, system prompt and the user's last two messages",
    (cacheRetention, said) => {
      const request = asked({ settings: { cacheRetention } })
      assert.deepStrictEqual(
        marked(request),
        places.map((place) => `${place} ${said}`)
      )
      const control: Anthropic.CacheControlEphemeral = { type: "ephemeral", ...(said === long ? { ttl: "1h" } : {}) }
      assert.deepStrictEqual(request.tools?.[1]?.cache_control, control)
      // An hour needs no trial feature any more.
      assert.isUndefined(encoded({ prompt: conversation, settings: { cacheRetention } }).headers)
    }
  )

  it("is the app's own affair where it sets a breakpoint itself", () => {
    const cacheControl = { type: "ephemeral", ttl: "1h" }
    const prompt = Prompt.make([
      { role: "system", content: "Be brief.", options: { anthropic: { cacheControl } } },
      { role: "user", content: [{ type: "text", text: "a", options: { anthropic: { cacheControl } } }] },
      { role: "assistant", content: [{ type: "text", text: "b" }], options: { anthropic: { cacheControl } } },
      { role: "user", content: [{ type: "text", text: "c" }] }
    ])
    const settings = { cacheRetention: "short" } as const
    assert.deepStrictEqual(
      marked(body({ prompt, settings })),
      ["messages.0.content.0", "messages.1.content.0", "system.0"].map((place) => `${place} ${long}`)
    )
    assert.deepStrictEqual(marked(asked({ settings, params: { cache_control: { type: "ephemeral" } } })), [` ${short}`])
  })

  it("has four breakpoints at most", () => {
    const options = { anthropic: { cacheControl: { type: "ephemeral" } } }
    const content = Array.from({ length: 5 }, (_, index) => ({ type: "text" as const, text: `${index}`, options }))
    assert.deepStrictEqual(problems({ prompt: Prompt.make([{ role: "user", content }]) }), ["InvalidOption prompt"])
  })
})
