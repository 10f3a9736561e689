/** A prompt that crosses providers: what is taken out, what is renamed, what is paired, and what stays as it is. */
import { assert, describe, it } from "@effect/vitest"
import type { Reader } from "../src/internal/prompt/crossing.ts"
import { cross } from "../src/internal/prompt/crossing.ts"
import * as Prompt from "effect/ai/Prompt"

const makers: Readonly<Record<string, string>> = { claude: "anthropic", gpt: "openai", deepseek: "deepseek" }
const makerOf = (model: string): string | undefined => makers[/claude|gpt|deepseek/.exec(model)?.[0] ?? ""]

const reader = (ref: string, api: string): Reader => {
  const [provider = "", ...model] = ref.split("/")
  return { provider, model: model.join("/"), api, makerOf }
}

const claude = reader("anthropic/claude-opus-4-7", "anthropic-messages")
const gpt = reader("openai/gpt-5.5", "openai-responses")
const chat = reader("openai/gpt-5.5", "openai-completions")
const deepseek = reader("deepseek/deepseek-chat", "openai-completions")

type Options = Prompt.Part["options"]

const by = (answered: string, more: Options = {}): Options => ({
  ...more,
  holdfast: { requested: answered, answered }
})

const user = (text: string): Prompt.Message =>
  Prompt.makeMessage("user", { content: [Prompt.makePart("text", { text })] })
const assistant = (...content: ReadonlyArray<Prompt.AssistantMessagePart>): Prompt.Message =>
  Prompt.makeMessage("assistant", { content })
const tool = (...content: ReadonlyArray<Prompt.ToolMessagePart>): Prompt.Message =>
  Prompt.makeMessage("tool", { content })
const text = (text: string, options: Options = {}) => Prompt.makePart("text", { text, options })
const thought = (text: string, options: Options = {}) => Prompt.makePart("reasoning", { text, options })
const call = (id: string, options: Options = {}, providerExecuted = false) =>
  Prompt.makePart("tool-call", { id, name: "add", params: { a: 1 }, providerExecuted, options })
const result = (id: string, value: unknown = 2, options: Options = {}, providerExecuted = false) =>
  Prompt.makePart("tool-result", { id, name: "add", result: value, isFailure: false, providerExecuted, options })

const prompt = (...messages: ReadonlyArray<Prompt.Message>) => Prompt.fromMessages(messages)

/** A prompt in a line: `user hi | assistant thought text call:1 | tool 1=2`. */
const line = ({ content }: Prompt.Prompt): string =>
  content
    .map((message) => {
      if (typeof message.content === "string") return `${message.role} ${message.content}`
      const parts = (message.content as ReadonlyArray<Prompt.Part>).map((part) => {
        switch (part.type) {
          case "text":
            return part.text
          case "reasoning":
            return `(${part.text})`
          case "tool-call":
            return `${part.providerExecuted ? "ran" : "call"}:${part.id}`
          case "tool-result":
            return `${part.id}=${String(part.result)}${part.isFailure ? "!" : ""}`
          default:
            return part.type
        }
      })
      return `${message.role} ${parts.join(" ")}`
    })
    .join(" | ")

const ids = (
  crossed: Prompt.Prompt
): { readonly calls: ReadonlyArray<string>; readonly results: ReadonlyArray<string> } => {
  const parts = crossed.content.flatMap((message) =>
    typeof message.content === "string" ? [] : (message.content as ReadonlyArray<Prompt.Part>)
  )
  return {
    calls: parts.flatMap((part) => (part.type === "tool-call" ? [part.id] : [])),
    results: parts.flatMap((part) => (part.type === "tool-result" ? [part.id] : []))
  }
}

const signed: Options = { anthropic: { signature: "c2ln" } }
const encrypted: Options = { openai: { itemId: "rs_1", encryptedContent: "gAAA" } }

describe("a prompt that stays", () => {
  it("is the same object for the provider that answered it, thoughts, ids, files and provider-run tools included", () => {
    const conversations: ReadonlyArray<readonly [Reader, Options]> = [
      [claude, by("anthropic/claude-opus-4-7", signed)],
      [claude, by("anthropic/claude-haiku-4-5", signed)],
      [gpt, by("openai/gpt-5.5", encrypted)],
      [deepseek, by("deepseek/deepseek-chat", { openai: {} })]
    ]
    for (const [to, options] of conversations) {
      const whole = prompt(
        Prompt.makeMessage("system", { content: "Be brief." }),
        user("hi"),
        assistant(
          thought("Hm.", options),
          call("srv_1", options, true),
          result("srv_1", 1, options, true),
          Prompt.makePart("file", { mediaType: "image/png", data: "AAAA", options }),
          text("I add.", options),
          call("call_1", options),
          call("call_2", options)
        ),
        tool(result("call_2"), result("call_1")),
        assistant(text("Two.", options)),
        user("thanks")
      )
      assert.strictEqual(cross(whole, to), whole, to.provider)
    }
  })

  it("is the same object where nobody in particular wrote it", () => {
    const plain = prompt(user("hi"), assistant(thought("Hm."), text("Yes."), call("call_1")), tool(result("call_1")))
    for (const to of [claude, gpt, chat, deepseek]) assert.strictEqual(cross(plain, to), plain)
  })

  it("keeps an id of the provider's own that other formats refuse", () => {
    const kimi = reader("moonshot/kimi-k2", "openai-completions")
    const options = by("moonshot/kimi-k2")
    const own = prompt(user("hi"), assistant(call("functions.add:0", options)), tool(result("functions.add:0")))
    assert.strictEqual(cross(own, kimi), own)
  })
})

const asked = (options: Options) => prompt(user("hi"), assistant(thought("Hm.", options), text("Yes.")), user("and"))

describe("thoughts", () => {
  it.each([
    ["signed by Claude", signed, "anthropic/claude-opus-4-7", [gpt, chat, deepseek]],
    ["encrypted by OpenAI", encrypted, "openai/gpt-5.5", [claude, deepseek]],
    ["in DeepSeek's plain words", { openai: {} }, "deepseek/deepseek-chat", [claude, gpt, chat]]
  ] as const)("%s go to nobody else", (_, options, answered, others) => {
    for (const to of others) {
      assert.strictEqual(
        line(cross(asked(by(answered, options)), to)),
        "user hi | assistant Yes. | user and",
        to.provider
      )
    }
  })

  it("that another package's model left tell by their metadata whose they are", () => {
    assert.notInclude(line(cross(asked(signed), gpt)), "Hm.")
    assert.notInclude(line(cross(asked(encrypted), claude)), "Hm.")
    assert.include(line(cross(asked(signed), claude)), "Hm.")
    assert.include(line(cross(asked(encrypted), gpt)), "Hm.")
  })

  it("of Claude go to Claude at another host, with their signature", () => {
    const gateway = reader("gateway/claude-opus-4-7", "anthropic-messages")
    const crossed = cross(asked(by("anthropic/claude-opus-4-7", signed)), gateway)
    assert.include(line(crossed), "(Hm.)")
    const other = reader("gateway/kimi-k2", "anthropic-messages")
    assert.notInclude(line(cross(asked(by("anthropic/claude-opus-4-7", signed)), other)), "Hm.")
  })

  it("of one maker do not go to another's model at the same host", () => {
    const routed = reader("openrouter/openai/gpt-5.5", "openai-completions")
    const options = by("openrouter/anthropic/claude-opus-4-7", { openai: { reasoningDetails: [] } })
    assert.notInclude(line(cross(asked(options), routed)), "Hm.")
    const same = reader("openrouter/anthropic/claude-haiku-4-5", "openai-completions")
    assert.strictEqual(line(cross(asked(options), same)), line(asked(options)))
  })

  it("that were all of a message leave no empty one behind", () => {
    const only = prompt(user("hi"), assistant(thought("Hm.", by("anthropic/claude-opus-4-7", signed))), user("well?"))
    assert.strictEqual(line(cross(only, gpt)), "user hi | user well?")
  })
})

describe("what one provider alone knows", () => {
  it("is forgotten: item ids of text and calls, but not who answered", () => {
    const options = by("openai/gpt-5.5", { openai: { itemId: "msg_1" } })
    const crossed = cross(
      prompt(user("hi"), assistant(text("Yes.", options), call("call_1", options)), tool(result("call_1"))),
      claude
    )
    const parts = crossed.content[1]?.content as ReadonlyArray<Prompt.Part>
    for (const part of parts) assert.deepStrictEqual(part.options, by("openai/gpt-5.5"))
  })

  it("is taken out: tools that it ran by itself, and what came of them", () => {
    const options = by("anthropic/claude-opus-4-7", { anthropic: {} })
    const searched = prompt(
      user("hi"),
      assistant(call("srv_1", options, true), result("srv_1", 1, options, true), text("Found.", options))
    )
    assert.strictEqual(line(cross(searched, gpt)), "user hi | assistant Found.")
    assert.strictEqual(cross(searched, claude), searched)
  })

  it("is named: a file that another model made, which few take back", () => {
    const options = by("openai/gpt-5.5")
    const drawn = prompt(
      user("draw"),
      assistant(Prompt.makePart("file", { mediaType: "image/png", data: "AAAA", options }))
    )
    assert.strictEqual(line(cross(drawn, claude)), "user draw | assistant [a file of type image/png]")
  })

  it("is left alone in what the app wrote itself", () => {
    const cached: Options = { anthropic: { cacheControl: { type: "ephemeral" } } }
    const own = prompt(
      Prompt.makeMessage("system", { content: "Be brief.", options: cached }),
      Prompt.makeMessage("user", { content: [text("hi", cached)], options: cached })
    )
    assert.strictEqual(cross(own, gpt), own)
  })
})

describe("ids of tool calls", () => {
  const answered = by("elsewhere/other")
  const of = (id: string) => prompt(user("hi"), assistant(call(id, answered)), tool(result(id)))

  it.each([
    ["anthropic-messages", /^[a-zA-Z0-9_-]+$/, Number.POSITIVE_INFINITY],
    ["openai-completions", /^[\x21-\x7e]+$/, 40],
    ["openai-responses", /^[\x21-\x7e]+$/, 64],
    ["openai-codex-responses", /^[\x21-\x7e]+$/, 64],
    ["a-format-of-ones-own", /^[a-zA-Z0-9_-]+$/, 40]
  ] as const)("fit %s, for call and result alike", (api, pattern, longest) => {
    for (const id of [
      "call_1",
      "functions.add:0",
      "",
      "é",
      "a b",
      "x".repeat(41),
      "x".repeat(65),
      `${"x".repeat(80)}y`
    ]) {
      const { calls, results } = ids(cross(of(id), reader("target/model", api)))
      assert.deepStrictEqual(calls, results)
      assert.match(calls[0] ?? "", pattern)
      assert.isAtMost(calls[0]?.length ?? 0, longest)
      if (pattern.test(id) && id.length <= longest) assert.strictEqual(calls[0], id)
    }
  })

  it("that begin alike stay different, and never become another call's", () => {
    const long = "x".repeat(60)
    const taken = String(ids(cross(of(`${long}1`), chat)).calls[0])
    const parallel = prompt(
      user("hi"),
      assistant(call(`${long}1`, answered), call(`${long}2`, answered), call(taken, answered)),
      tool(result(`${long}2`, 2), result(taken, 3), result(`${long}1`, 1))
    )
    const crossed = cross(parallel, chat)
    const { calls, results } = ids(crossed)
    assert.strictEqual(new Set(calls).size, 3)
    assert.strictEqual(calls[2], taken)
    assert.deepStrictEqual<ReadonlyArray<unknown>>(results, [calls[1], calls[2], calls[0]])
  })

  it("are the same in a longer history, so that what is cached of it stays good", () => {
    const shorter = of("functions.add:0")
    const longer = prompt(
      ...shorter.content,
      assistant(call("functions_add_0", answered)),
      tool(result("functions_add_0"))
    )
    assert.strictEqual(ids(cross(longer, claude)).calls[0], ids(cross(shorter, claude)).calls[0])
  })

  it("that a later turn uses again are told apart for Anthropic, which refuses the second", () => {
    const again = prompt(
      user("hi"),
      assistant(call("call_0", answered)),
      tool(result("call_0", 1)),
      user("again"),
      assistant(call("call_0", answered)),
      tool(result("call_0", 2))
    )
    const { calls, results } = ids(cross(again, claude))
    assert.strictEqual(new Set(calls).size, 2)
    assert.deepStrictEqual(results, calls)
    assert.strictEqual(calls[0], "call_0")
    assert.strictEqual(line(cross(again, chat)), line(again))
  })
})

describe("calls and results", () => {
  const options = by("anthropic/claude-opus-4-7")
  const noResult = "There is no result: it is not known whether the tool has run."

  it("of an agent that was stopped: the call is answered with the truth", () => {
    const stopped = prompt(
      user("hi"),
      assistant(text("I add."), call("call_1", options), call("call_2")),
      tool(result("call_2")),
      user("well?")
    )
    for (const to of [claude, gpt, chat]) {
      assert.strictEqual(
        line(cross(stopped, to)),
        `user hi | assistant I add. call:call_1 call:call_2 | tool call_1=${noResult}! call_2=2 | user well?`
      )
    }
    const atTheEnd = prompt(user("hi"), assistant(call("call_1", options)))
    assert.strictEqual(line(cross(atTheEnd, claude)), `user hi | assistant call:call_1 | tool call_1=${noResult}!`)
  })

  it("of a history that was trimmed: the result goes the way of its call", () => {
    const trimmed = prompt(tool(result("call_1")), assistant(text("Two.")), user("and?"))
    assert.strictEqual(line(cross(trimmed, claude)), "assistant Two. | user and?")
  })

  it("of a tool that was approved later: the result moves behind its call", () => {
    const late = prompt(
      user("hi"),
      assistant(call("call_1")),
      assistant(text("Done.")),
      tool(result("call_1")),
      user("and?")
    )
    assert.strictEqual(
      line(cross(late, chat)),
      "user hi | assistant call:call_1 | tool call_1=2 | assistant Done. | user and?"
    )
  })

  it("of one message that share an id are matched in their order", () => {
    const shared = prompt(
      user("hi"),
      assistant(call("", by("a/b")), call("", by("a/b"))),
      tool(result("", 1), result("", 2))
    )
    for (const to of [claude, gpt, chat]) {
      const { calls, results } = ids(cross(shared, to))
      assert.strictEqual(new Set(calls).size, 2)
      assert.deepStrictEqual(results, calls)
      assert.include(line(cross(shared, to)), `${calls[0]}=1 ${calls[1]}=2`)
    }
  })

  it("a result given twice is given once", () => {
    const twice = prompt(user("hi"), assistant(call("call_1")), tool(result("call_1", 1), result("call_1", 2)))
    assert.strictEqual(line(cross(twice, claude)), "user hi | assistant call:call_1 | tool call_1=1")
  })

  it("a call that waits for approval is answered with the truth, once the conversation has gone on", () => {
    const waiting = prompt(
      user("hi"),
      assistant(call("call_1"), Prompt.makePart("tool-approval-request", { approvalId: "a", toolCallId: "call_1" })),
      user("never mind")
    )
    assert.strictEqual(
      line(cross(waiting, chat)),
      `user hi | assistant call:call_1 tool-approval-request | tool call_1=${noResult}! | user never mind`
    )
  })
})
