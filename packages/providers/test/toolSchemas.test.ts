/** How the parameters of tools are written, in every format. */
import { assert, describe, it } from "@effect/vitest"
import type { ModelCall } from "@holdfast/providers/Codec"
import { table } from "@holdfast/providers/ProviderTable"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import { schemaOf } from "../src/internal/prompt/toolText.ts"

const spoken = table.flatMap((definition) => definition.codecs.map((codec) => ({ codec, definition })))

const encoded = ({ codec, definition }: (typeof spoken)[number], tool: Tool.Any) => {
  const call: ModelCall = {
    prompt: Prompt.make("hi"),
    tools: [tool],
    toolChoice: "auto",
    responseFormat: { type: "text" },
    params: {},
    settings: {}
  }
  return codec.encode(call, { model: "a-model", definition, facts: undefined }, false)
}

const Written = Schema.Struct({
  tools: Schema.Tuple([
    Schema.Union([
      Schema.Struct({ function: Schema.Struct({ parameters: Schema.Any }) }),
      Schema.Struct({ input_schema: Schema.Any }),
      Schema.Struct({ parameters: Schema.Any })
    ])
  ])
})

const parametersOf = (speaker: (typeof spoken)[number], tool: Tool.Any): unknown => {
  const { body } = Result.getOrThrowWith(encoded(speaker, tool), (error) => new Error(error.message))
  const [written] = Schema.decodeUnknownSync(Written)(body).tools
  if ("function" in written) return written.function.parameters
  return "input_schema" in written ? written.input_schema : written.parameters
}

class Place extends Schema.Class<Place>("Place")({ city: Schema.String }) {}

const cases: ReadonlyArray<readonly [string, Tool.Any]> = [
  ["no parameters", Tool.make("ping")],
  ["no parameters, strictly", Tool.make("ping").annotate(Tool.Strict, true)],
  ["a struct without fields", Tool.make("ping", { parameters: Schema.Struct({}) })],
  [
    "a struct without fields, strictly",
    Tool.make("ping", { parameters: Schema.Struct({}) }).annotate(Tool.Strict, true)
  ],
  [
    "a struct without fields that has a name",
    Tool.make("ping", { parameters: Schema.Struct({}).annotate({ identifier: "Nothing" }) })
  ]
]

describe.each(spoken.map((speaker) => [`${speaker.definition.id}, ${speaker.codec.api}`, speaker] as const))(
  "%s",
  (_, speaker) => {
    it.each(cases)("writes a tool with %s as an object without properties", (_, tool) => {
      assert.deepInclude(parametersOf(speaker, tool), { type: "object", properties: {}, additionalProperties: false })
    })

    it("writes parameters that have a name as the object that they are", () => {
      const written = parametersOf(speaker, Tool.make("find", { parameters: Place }))
      assert.deepInclude(written, { type: "object", properties: { city: { type: "string" } }, required: ["city"] })
    })

    it("refuses parameters that are no object before anything is sent", () => {
      const result = encoded(speaker, Tool.dynamic("any", { parameters: { type: "string" } }))
      if (Result.isSuccess(result)) return assert.fail("it was taken")
      const { kind, place } = result.failure.problems[0]
      return assert.deepStrictEqual([kind, place], ["UnsupportedContent", "tools[0].parameters"])
    })
  }
)

describe("the parameters of a tool", () => {
  it("are written once, and left as they are by every format", () => {
    const tool = Tool.make("shared", { parameters: Schema.Struct({ city: Schema.String }), success: Schema.String })
    const made = schemaOf(tool)
    const before = structuredClone(made)
    for (const speaker of spoken) parametersOf(speaker, tool)
    assert.strictEqual(schemaOf(tool), made)
    assert.deepStrictEqual(made, before)
  })
})
