/** Any conversation, whoever took part in it and however it was cut, can be put to any format that the table speaks. */
import { assert, describe, it } from "@effect/vitest"
import type { Codec, ModelCall } from "@holdfast/providers/Codec"
import type { ProviderDefinition } from "@holdfast/providers/ProviderDefinition"
import { table } from "@holdfast/providers/ProviderTable"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/ai/Prompt"
import type { Reader } from "../src/internal/prompt/crossing.ts"
import { cross } from "../src/internal/prompt/crossing.ts"

const models: Readonly<Record<string, string>> = { anthropic: "claude-opus-4-7", openai: "gpt-5.5", ollama: "llama3" }

interface Speaker {
  readonly codec: Codec
  readonly definition: ProviderDefinition
  readonly reader: Reader
}

/** One speaker of every format, and a second provider of one that has several. */
const speakers: ReadonlyArray<Speaker> = table.flatMap((definition) =>
  definition.codecs.map((codec): Speaker => {
    const model = models[definition.id] ?? "a-model"
    const makerOf = (name: string) => definition.describe(name)?.family?.maker
    return { codec, definition, reader: { provider: definition.id, model, api: codec.api, makerOf } }
  })
)

const places = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))

/** Every format that there is: a new one is checked as soon as a provider speaks it. */
const checked = /^(anthropic-messages|openai-completions|openai-(codex-)?responses|ollama)$/

/** What a call of a tool is like, and what becomes of it. */
const AnyCall = Schema.Struct({
  id: Schema.Literals(["call_1", "call_2", "functions.add:0", "", "a b", "x".repeat(70), `${"x".repeat(69)}y`]),
  hosted: Schema.Boolean,
  result: Schema.Literals(["behind it", "later", "none"])
})

const AnyTurn = Schema.Struct({
  /** By its place among the speakers; one more: nobody says who it was. */
  by: places,
  thinks: Schema.Literals(["no", "signed", "encrypted", "plainly"]),
  draws: Schema.Boolean,
  says: Schema.Literals(["", "I add.", "Two."]),
  calls: Schema.Array(AnyCall).check(Schema.isMaxLength(3)),
  shows: Schema.Boolean
})

const world = {
  turns: Schema.Array(AnyTurn).check(Schema.isMaxLength(4)),
  trimmed: Schema.Boolean,
  to: places
}

type Turn = typeof AnyTurn.Type

const runs = { arbitrary: { runs: 600, seed: 20261121 }, timeout: 60_000 }

const signs: Readonly<Record<Turn["thinks"], Prompt.Part["options"]>> = {
  no: {},
  signed: { anthropic: { signature: "c2ln" } },
  encrypted: { openai: { itemId: "rs_1", index: 0, encryptedContent: "gAAA" } },
  plainly: {}
}

const conversationOf = (turns: ReadonlyArray<Turn>, trimmed: boolean): Prompt.Prompt => {
  const messages: Array<Prompt.Message> = [Prompt.makeMessage("system", { content: "Be brief." })]
  const late: Array<Prompt.ToolResultPart> = []
  for (const turn of turns) {
    const { reader } = speakers[turn.by % (speakers.length + 1)] ?? { reader: undefined }
    const answered = reader === undefined ? undefined : `${reader.provider}/${reader.model}`
    const options = answered === undefined ? {} : { holdfast: { requested: answered, answered } }
    messages.push(
      Prompt.makeMessage("user", {
        content: [
          Prompt.makePart("text", { text: "hi" }),
          ...(turn.shows ? [Prompt.makePart("file", { mediaType: "image/png", data: "iVBORw0KGgo=" })] : [])
        ]
      })
    )
    const content: Array<Prompt.AssistantMessagePart> = []
    if (turn.thinks !== "no") {
      content.push(Prompt.makePart("reasoning", { text: "Hm.", options: { ...signs[turn.thinks], ...options } }))
    }
    if (turn.says !== "") content.push(Prompt.makePart("text", { text: turn.says, options }))
    const results: Array<Prompt.ToolResultPart> = []
    for (const { hosted, id, result } of turn.calls) {
      const ran = { id, name: "add", providerExecuted: hosted, options }
      content.push(Prompt.makePart("tool-call", { ...ran, params: { a: 1 } }))
      const part = Prompt.makePart("tool-result", { ...ran, result: 2, isFailure: false })
      if (hosted) content.push(part)
      else if (result === "behind it") results.push(part)
      else if (result === "later") late.push(part)
    }
    if (content.length > 0) messages.push(Prompt.makeMessage("assistant", { content }))
    if (results.length > 0) messages.push(Prompt.makeMessage("tool", { content: results }))
  }
  if (late.length > 0) messages.push(Prompt.makeMessage("tool", { content: late }))
  messages.push(Prompt.makeMessage("user", { content: [Prompt.makePart("text", { text: "and?" })] }))
  // What a conversation that grew too long begins with.
  return Prompt.fromMessages(trimmed ? messages.slice(Math.min(3, messages.length - 1)) : messages)
}

const speakerAt = (place: number): Speaker => {
  const speaker = speakers[place % speakers.length]
  if (speaker === undefined) throw new Error("the table is empty")
  return speaker
}

const partsOf = ({ content }: Prompt.Prompt): ReadonlyArray<Prompt.Part> =>
  content.flatMap((message) =>
    typeof message.content === "string" ? [] : (message.content as ReadonlyArray<Prompt.Part>)
  )

const own = (each: Prompt.Message | undefined, type: "tool-call" | "tool-result"): Array<string> =>
  each === undefined || typeof each.content === "string"
    ? []
    : (each.content as ReadonlyArray<Prompt.Part>).flatMap((part) =>
        part.type === type && !part.providerExecuted ? [part.id] : []
      )

const said = (prompt: Prompt.Prompt): ReadonlyArray<string> =>
  partsOf(prompt).flatMap((part) => (part.type === "text" ? [part.text] : []))

describe("the formats", () => {
  it("are all checked for what they refuse", () => {
    for (const { codec } of speakers) assert.match(codec.api, checked)
  })
})

describe("any conversation", () => {
  it.prop(
    "is not changed by crossing it again",
    world,
    ({ to, trimmed, turns }) => {
      const { reader } = speakerAt(to)
      const crossed = cross(conversationOf(turns, trimmed), reader)
      assert.strictEqual(cross(crossed, reader), crossed)
    },
    runs
  )

  it.prop(
    "keeps every word that was said, and says to a second reader what it would have said at once",
    { ...world, via: places },
    ({ to, trimmed, turns, via }) => {
      const whole = conversationOf(turns, trimmed)
      const { reader } = speakerAt(to)
      assert.deepStrictEqual(said(cross(whole, reader)), said(whole))
      assert.deepStrictEqual(said(cross(cross(whole, speakerAt(via).reader), reader)), said(whole))
    },
    runs
  )

  it.prop(
    "has each call's result right behind it, once, and none besides",
    world,
    ({ to, trimmed, turns }) => {
      const { content } = cross(conversationOf(turns, trimmed), speakerAt(to).reader)
      for (const [at, message] of content.entries()) {
        const calls = own(message, "tool-call")
        assert.strictEqual(new Set(calls).size, calls.length, "the ids of one message are different")
        if (message.role === "tool") continue
        const results: Array<string> = []
        for (let i = at + 1; content[i]?.role === "tool"; i++) results.push(...own(content[i], "tool-result"))
        assert.deepStrictEqual(results.toSorted(), calls.toSorted())
      }
    },
    runs
  )

  it.prop(
    "is a request of the format, in which nothing of another provider's thoughts is left",
    world,
    ({ to, trimmed, turns }) => {
      const { codec, definition, reader } = speakerAt(to)
      const call: ModelCall = {
        prompt: cross(conversationOf(turns, trimmed), reader),
        tools: [],
        toolChoice: "auto",
        responseFormat: { type: "text" },
        params: {},
        settings: {}
      }
      const { model } = reader
      const encoded = codec.encode(call, { model, definition, facts: undefined }, false)
      if (Result.isFailure(encoded)) throw encoded.failure
      const body = JSON.stringify(encoded.success.body)
      if (codec.api !== "anthropic-messages") assert.notInclude(body, "c2ln")
      if (!codec.api.startsWith("openai-")) assert.notInclude(body, "gAAA")
      if (codec.api === "anthropic-messages") checkAnthropic(encoded.success.body)
      // What the provider called a call itself, it takes back.
      const own = turns.some(({ by }) => speakers[by % (speakers.length + 1)]?.reader.provider === reader.provider)
      if (codec.api === "ollama") checkOllama(encoded.success.body)
      if (/^openai-.*responses$/.test(codec.api))
        checkResponses(encoded.success.body, own ? Number.POSITIVE_INFINITY : 64)
      if (codec.api === "openai-completions") checkChat(encoded.success.body, own ? Number.POSITIVE_INFINITY : 40)
    },
    runs
  )
})

interface Item {
  readonly type?: string
  readonly call_id?: string
}

/** What the Responses API refuses: a call without its output, an output without its call, and long ids. */
const checkResponses = (body: Readonly<Record<string, unknown>>, longest: number): void => {
  const open: Array<string> = []
  for (const { call_id: id = "", type } of body["input"] as ReadonlyArray<Item>) {
    if (type === "function_call") {
      assert.isTrue(id.length > 0 && id.length <= longest)
      open.push(id)
    } else if (type === "function_call_output") {
      assert.include(open, id)
      open.splice(open.indexOf(id), 1)
    }
  }
  assert.deepStrictEqual(open, [])
}

/** Ollama has no ids: results stand behind their calls, one each. */
const checkOllama = (body: Readonly<Record<string, unknown>>): void => {
  let open = 0
  for (const message of body["messages"] as ReadonlyArray<{
    readonly role: string
    readonly tool_calls?: ReadonlyArray<unknown>
  }>) {
    if (message.role === "tool") open--
    else {
      assert.strictEqual(open, 0)
      open = message.tool_calls?.length ?? 0
    }
  }
  assert.strictEqual(open, 0)
}

interface Block {
  readonly type: string
  readonly id?: string
  readonly tool_use_id?: string
}

/** What Anthropic refuses a conversation for (docs.anthropic.com, "Messages" and "Tool use"). */
const checkAnthropic = (body: Readonly<Record<string, unknown>>): void => {
  const messages = body["messages"] as ReadonlyArray<{ readonly role: string; readonly content: ReadonlyArray<Block> }>
  const used = new Set<string>()
  for (const [at, { content, role }] of messages.entries()) {
    if (at > 0) assert.notStrictEqual(role, messages[at - 1]?.role)
    assert.isNotEmpty(content)
    for (const { id, type } of content) {
      if (type !== "tool_use") continue
      assert.match(id ?? "", /^[a-zA-Z0-9_-]+$/)
      assert.isFalse(used.has(id ?? ""))
      used.add(id ?? "")
    }
    const calls = content.flatMap(({ id, type }) => (type === "tool_use" ? [id] : []))
    const next = messages[at + 1]?.content ?? []
    const results = next.flatMap((block) => (block.type === "tool_result" ? [block.tool_use_id] : []))
    assert.deepStrictEqual(results.toSorted(), calls.toSorted())
    assert.isTrue(next.slice(0, results.length).every(({ type }) => type === "tool_result"))
  }
}

interface ChatMessage {
  readonly role: string
  readonly tool_calls?: ReadonlyArray<{ readonly id: string }>
  readonly tool_call_id?: string
}

/** What OpenAI refuses a conversation for: results that are not right behind their calls, and long ids. */
const checkChat = (body: Readonly<Record<string, unknown>>, longest: number): void => {
  let open: Array<string> = []
  for (const message of body["messages"] as ReadonlyArray<ChatMessage>) {
    if (message.role === "tool") {
      assert.include(open, message.tool_call_id)
      open = open.filter((id) => id !== message.tool_call_id)
      continue
    }
    assert.deepStrictEqual(open, [])
    open = (message.tool_calls ?? []).map(({ id }) => id)
    for (const id of open) assert.isTrue(id.length > 0 && id.length <= longest)
  }
  assert.deepStrictEqual(open, [])
}
