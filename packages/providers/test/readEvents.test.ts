import { assert, describe, it } from "@effect/vitest"
import type { Codec, StreamEvent } from "@holdfast/providers/Codec"
import { complete, malformed, proceed } from "@holdfast/providers/Codec"
import { codec as ollamaCodec } from "@holdfast/providers/Ollama"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import type { Decoded } from "./support/decoding.ts"
import { amountOf, decode, random, split, splitWithinCharacters } from "./support/decoding.ts"
import { ollama, piece } from "./support/ollamaWire.ts"
import { anthropic, openai } from "./support/wire.ts"

/** A format whose decoder writes down what it is given, until an event says `end`. */
const recording = (framing: Codec["framing"]) => {
  const events: Array<StreamEvent> = []
  const codec: Codec = {
    ...ollamaCodec,
    framing,
    endMarker: "end",
    makeStreamDecoder: () => ({
      read: (event) => {
        events.push(event)
        return event.data === "end" ? complete : event.data === "half" ? malformed("half an event") : proceed
      }
    })
  }
  return { codec, events }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const chunks = (...texts: ReadonlyArray<string>): ReadonlyArray<Uint8Array> => texts.map(bytes)

/** What a decoder is given of a stream. */
const eventsOf = Effect.fnUntraced(function* (framing: Codec["framing"], body: ReadonlyArray<Uint8Array>) {
  const { codec, events } = recording(framing)
  const { reason } = yield* decode(codec, body)
  return { events: events.map(({ data, event }) => `${event}:${data}`), reason }
})

const mebibyte = new Uint8Array(1024 * 1024).fill(0x61)

describe("server-sent events", () => {
  const text = "event: é\r\ndata: ü🌊\r\ndata:zwei\r\n\r\n: comment\n\ndata: 3\n\ndata: end\n\n"
  const expected = ["é:ü🌊\nzwei", "message:3", "message:end"]

  it.effect("are read whatever the chunks, within characters and between carriage return and line feed", () =>
    Effect.gen(function* () {
      const body = bytes(text)
      for (let at = 0; at <= body.length; at++) {
        const { events } = yield* eventsOf("sse", [body.subarray(0, at), body.subarray(at)])
        assert.deepStrictEqual(events, expected, `cut at ${at}`)
      }
      for (const cut of [split(body, () => 0, 1), splitWithinCharacters(body), split(body, random(1), 5)]) {
        assert.deepStrictEqual((yield* eventsOf("sse", cut)).events, expected)
      }
    })
  )

  it.effect("may end their lines with carriage returns alone, mixed or not", () =>
    Effect.gen(function* () {
      for (const body of [bytes(text.replaceAll("\r\n", "\r")), bytes(text.replaceAll(/\r?\n/g, "\r"))]) {
        for (const cut of [[body], split(body, () => 0, 1), split(body, random(3), 6)]) {
          assert.deepStrictEqual((yield* eventsOf("sse", cut)).events, expected)
        }
      }
      const alone = bytes("data: 1\rdata: 2\r\rdata: 3\r\rdata: end\r\r")
      for (const cut of [[alone], split(alone, () => 0, 1), split(alone, random(2), 4)]) {
        assert.deepStrictEqual((yield* eventsOf("sse", cut)).events, ["message:1\n2", "message:3", "message:end"])
      }
    })
  )

  it.effect("whose lines end with carriage returns alone are given out as they come, not held until the end", () =>
    Effect.gen(function* () {
      const event = [bytes("data: "), mebibyte, bytes("\r\r")]
      const { reason } = yield* decode(recording("sse").codec, [
        ...Array.from({ length: 12 }, () => event).flat(),
        bytes("data: end\r\r")
      ])
      assert.isUndefined(reason)
    })
  )

  it.effect("may come after a byte order mark, and a character like it within is data", () =>
    Effect.gen(function* () {
      const body = bytes("\uFEFFdata: \uFEFF1\n\n\uFEFFdata: 2\n\ndata: end\n\n")
      for (const cut of [[body], split(body, () => 0, 1)]) {
        assert.deepStrictEqual((yield* eventsOf("sse", cut)).events, ["message:\uFEFF1", "message:end"])
      }
    })
  )

  it.effect(
    "know comments, blank keep-alives, `retry:` and `id:` lines, and events without data, which say nothing",
    () =>
      Effect.gen(function* () {
        const noise = [
          ": ping\n\n",
          "\n\n\n",
          "retry: 3000\n\n",
          "id: 7\n\n",
          "event: ping\n\n",
          "data:\n\n",
          "data\n\n",
          "data:  \n\n"
        ]
        const { events } = yield* eventsOf("sse", chunks(...noise, "data: 1\n\n", ...noise, "data: end\n\n"))
        assert.deepStrictEqual(events, ["message:1", "message:end"])
      })
  )

  it.effect("have fields that only begin like known ones, which say nothing", () =>
    Effect.gen(function* () {
      const { events } = yield* eventsOf("sse", chunks("database: 1\nevents: 2\nerrors: 3\ndata: end\n\n"))
      assert.deepStrictEqual(events, ["message:end"])
    })
  )

  it.effect("take one space after the colon and no more", () =>
    Effect.gen(function* () {
      const { events } = yield* eventsOf("sse", chunks("data:  1 \n\ndata:2\n\ndata: end\n\n"))
      assert.deepStrictEqual(events, ["message: 1 ", "message:2", "message:end"])
    })
  )

  it.effect("are read without the empty line that ends the last, and without its line's end", () =>
    Effect.gen(function* () {
      for (const ended of ["data: 1\n\ndata: end\n", "data: 1\n\ndata: end", "data: 1\n\ndata: end\r"]) {
        assert.deepStrictEqual(yield* eventsOf("sse", chunks(ended)), {
          events: ["message:1", "message:end"],
          reason: undefined
        })
      }
    })
  )

  it.effect("are truncated without the end marker, where the last breaks off, too", () =>
    Effect.gen(function* () {
      for (const body of ["", "\n", "data: 1\n\n", "data: 1\n\ndata: half", "data: 1\n\nda"]) {
        const { reason } = yield* eventsOf("sse", chunks(body))
        assert.deepInclude(reason, { _tag: "StreamTruncated", missing: "end" }, JSON.stringify(body))
      }
    })
  )

  it.effect("have a bound each, which is named, in one line and in many", () =>
    Effect.gen(function* () {
      const line = yield* decode(recording("sse").codec, [bytes("data: "), ...Array<Uint8Array>(11).fill(mebibyte)])
      const many = Array.from({ length: 11 }, () => [bytes("data: "), mebibyte, bytes("\n")]).flat()
      const lines = yield* decode(recording("sse").codec, many)
      const below = yield* decode(recording("sse").codec, [...many.slice(6), bytes("\n"), bytes("data: end\n\n")])
      for (const { reason } of [line, lines]) {
        assert.deepInclude(reason, { _tag: "MalformedResponse", what: "size", detail: "an event of more than 10 MiB" })
      }
      assert.isUndefined(below.reason)
    })
  )

  it.effect("that have ended are not undone by what follows, however much it is", () =>
    Effect.gen(function* () {
      const { codec } = recording("sse")
      const { reason } = yield* decode(codec, [
        bytes("data: end\n\ndata: half\n\n"),
        ...Array<Uint8Array>(11).fill(mebibyte)
      ])
      assert.isUndefined(reason)
    })
  )
})

describe("a field `error:`, which no standard knows,", () => {
  const cases: ReadonlyArray<readonly [line: string, said: string]> = [
    ['error: {"error":{"message":"Model is overloaded","type":"overloaded_error"}}', "Model is overloaded"],
    ['error: {"message":"out of memory","type":"server_error"}', "out of memory"],
    ["error: upstream gave up", "upstream gave up"],
    ['error:{"error":"out of memory","error_type":"generation"}', "out of memory"]
  ]

  it.effect("is the stream's failure, in JSON or in words", () =>
    Effect.gen(function* () {
      for (const { codec, textStream } of [anthropic, openai]) {
        for (const [line, said] of cases) {
          const { reason } = yield* decode(
            codec,
            chunks(...textStream("A").slice(0, 2), `${line}\n\n`, ...textStream("B"))
          )
          assert.isDefined(reason)
          assert.notInclude(["StreamTruncated", "MalformedResponse"], reason?._tag)
          assert.strictEqual((reason as { said?: string }).said, said)
        }
      }
    })
  )

  it.effect("that is empty, or comes after the end, says nothing", () =>
    Effect.gen(function* () {
      const whole = openai.textStream("A")
      const { parts, reason } = yield* decode(openai.codec, chunks("error:\n\n", ...whole, "error: late\n\n"))
      assert.isUndefined(reason)
      assert.strictEqual(amountOf(parts).text, "A")
    })
  )
})

describe("lines of JSON", () => {
  const text = '{"a":"é"}\r\n\r\n\n  \n{"b":"🌊"}\nend\n'
  const expected = [':{"a":"é"}', ':{"b":"🌊"}', ":end"]

  it.effect("are read whatever the chunks; blank ones say nothing", () =>
    Effect.gen(function* () {
      const body = bytes(text)
      for (let at = 0; at <= body.length; at++) {
        const { events } = yield* eventsOf("ndjson", [body.subarray(0, at), body.subarray(at)])
        assert.deepStrictEqual(events, expected, `cut at ${at}`)
      }
      for (const cut of [split(body, () => 0, 1), splitWithinCharacters(body), [bytes("\uFEFF"), body]]) {
        assert.deepStrictEqual((yield* eventsOf("ndjson", cut)).events, expected)
      }
    })
  )

  it.effect("are read without the last line's end", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* eventsOf("ndjson", chunks("1\nend")), { events: [":1", ":end"], reason: undefined })
    })
  )

  it.effect("are truncated without the end marker, where the last breaks off, too", () =>
    Effect.gen(function* () {
      for (const body of ["", "\n", "1\n", "1\nhalf"]) {
        const { reason } = yield* eventsOf("ndjson", chunks(body))
        assert.deepInclude(reason, { _tag: "StreamTruncated", missing: "end" }, JSON.stringify(body))
      }
    })
  )

  it.effect("have a bound each, which is named", () =>
    Effect.gen(function* () {
      const { codec, events } = recording("ndjson")
      const { reason } = yield* decode(codec, [bytes("1\n"), ...Array<Uint8Array>(11).fill(mebibyte), bytes("\nend\n")])
      assert.deepInclude(reason, { _tag: "MalformedResponse", what: "size", detail: "a line of more than 10 MiB" })
      assert.deepStrictEqual(
        events.map(({ data }) => data),
        ["1"]
      )
    })
  )

  it.effect("that follow the end are nobody's", () =>
    Effect.gen(function* () {
      const { parts, reason } = yield* decode(
        ollama.codec,
        chunks(...ollama.textStream("A"), piece({ content: "B" }), "nonsense")
      )
      assert.isUndefined(reason)
      assert.strictEqual(amountOf(parts).text, "A")
    })
  )
})

const pick = (from: ReadonlyArray<string>, next: () => number) => from[Math.floor(next() * from.length)] ?? ""

describe("a property: what server-sent events are", () => {
  const pieces = [
    "data: a",
    "data:b",
    "data",
    "data:",
    "event: e",
    "event:",
    "event",
    ": c",
    ":",
    "id: 1",
    "retry: 5",
    "x: y",
    "é🌊"
  ]
  const ends = ["\n", "\n", "\n\n", "\r", "\r\n", "\r\n\r\n", "\r\r", ""]

  it.effect("is what effect's own parser takes them for, whatever they hold and wherever they are cut", () =>
    Effect.gen(function* () {
      for (let seed = 0; seed < 200; seed++) {
        const next = random(seed)
        const lines = Array.from({ length: Math.floor(next() * 30) }, () => pick(pieces, next) + pick(ends, next))
        const text = `${next() < 0.2 ? "\uFEFF" : ""}${lines.join("")}\n\ndata: end\n\n`
        const expected: Array<string> = []
        const judge = Sse.makeParser((event) => {
          // Events without data are keep-alives here.
          if (event._tag === "Event" && event.data.trim() !== "") expected.push(`${event.event}:${event.data}`)
        })
        judge.feed(text)
        const { events, reason } = yield* eventsOf("sse", split(bytes(text), next, 1 + Math.floor(next() * 20)))
        assert.deepStrictEqual(events, expected, `seed ${seed}`)
        assert.isUndefined(reason)
      }
    })
  )
})

describe("a property: a stream cut at random points", () => {
  it.effect("gives the same parts as one that comes at once, in every framing", () =>
    Effect.gen(function* () {
      const streams: ReadonlyArray<readonly [Codec, string]> = [
        [ollama.codec, ollama.textStream("Grüße ", "🌊🌊", "\r\n", "").join("\n")],
        [ollama.codec, ollama.toolCallStream("", "add", '{"a":"é"}').join("\r\n")],
        [openai.codec, openai.textStream("Grüße ", "🌊", "\n\n").join(": ping\r\n")],
        [anthropic.codec, anthropic.textStream("Grüße ", "🌊").join("").replaceAll("\n", "\r")]
      ]
      for (const [codec, text] of streams) {
        const body = bytes(text)
        const whole: Decoded = yield* decode(codec, [body])
        assert.isUndefined(whole.reason)
        for (let seed = 0; seed < 60; seed++) {
          const next = random(seed)
          const cut = split(body, next, 1 + Math.floor(next() * 80))
          assert.deepStrictEqual(yield* decode(codec, cut), whole, `seed ${seed}`)
        }
      }
    })
  )
})
