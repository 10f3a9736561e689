/** What a tool says of running it twice: by annotations that were set, and by the app's word before them. */
import { assert, describe, it } from "@effect/vitest"
import * as ToolSafety from "@holdfast/core/ToolSafety"
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import * as Tool from "effect/ai/Tool"

const plain = Tool.make("plain")
const dynamic = Tool.dynamic("dynamic", { parameters: { type: "object" } })
const search = Tool.providerDefined({
  id: "anthropic.search",
  customName: "Search",
  providerName: "search",
  success: Schema.String
})()
const editor = Tool.providerDefined({
  id: "anthropic.editor",
  customName: "Editor",
  providerName: "editor",
  requiresHandler: true,
  success: Schema.String
})({})

/** Every combination of what may stand on a tool: nothing, true, false. */
const set = [undefined, true, false] as const
const annotated = <T extends Tool.Any>(
  tool: T,
  readonly: boolean | undefined,
  idempotent: boolean | undefined,
  destructive: boolean | undefined
): Tool.Any => {
  let made: Tool.Any = tool
  if (readonly !== undefined) made = made.annotate(Tool.Readonly, readonly)
  if (idempotent !== undefined) made = made.annotate(Tool.Idempotent, idempotent)
  if (destructive !== undefined) made = made.annotate(Tool.Destructive, destructive)
  return made
}

describe("a tool that the app runs", () => {
  it.each([
    ["made by hand", plain],
    ["made of a JSON schema", dynamic],
    ["defined by its provider, run by the app", editor]
  ] as const)("is what was set on it, and unknown where nothing was: %s", (_, tool) => {
    for (const readonly of set) {
      for (const idempotent of set) {
        for (const destructive of set) {
          const expected =
            readonly === true
              ? destructive === true
                ? "unknown"
                : "readonly"
              : idempotent === true
                ? "idempotent"
                : "unknown"
          assert.strictEqual(ToolSafety.of(annotated(tool, readonly, idempotent, destructive)), expected)
        }
      }
    }
  })

  it("is destructive by default, which does not speak against what was set", () => {
    const tool = plain.annotate(Tool.Readonly, true)
    assert.isTrue(Context.get(tool.annotations, Tool.Destructive))
    assert.strictEqual(ToolSafety.of(tool), "readonly")
  })

  it("is not taken at a word that is none", () => {
    for (const word of ["true", 1, {}, null]) {
      const annotations = Context.makeUnsafe<never>(new Map<string, unknown>([[Tool.Readonly.key, word]]))
      assert.strictEqual(ToolSafety.of(plain.annotateMerge(annotations)), "unknown")
    }
  })

  it("says nothing by an open world: reading the web changes nothing", () => {
    assert.strictEqual(ToolSafety.of(plain.annotate(Tool.Readonly, true).annotate(Tool.OpenWorld, true)), "readonly")
    assert.strictEqual(ToolSafety.of(plain.annotate(Tool.OpenWorld, false)), "unknown")
  })
})

describe("a tool that its provider runs", () => {
  it("is unknown, whatever its annotations", () => {
    assert.isTrue(ToolSafety.isProviderExecuted(search))
    assert.isFalse(ToolSafety.isProviderExecuted(editor))
    assert.isFalse(ToolSafety.isProviderExecuted(plain))
    for (const readonly of set) {
      for (const idempotent of set) {
        assert.strictEqual(ToolSafety.of(annotated(search, readonly, idempotent, undefined)), "unknown")
      }
    }
  })

  it("is what the app declares of it", () => {
    assert.strictEqual(ToolSafety.of(search.annotate(ToolSafety.Declared, "readonly")), "readonly")
  })
})

describe("the app's word", () => {
  it("goes before every annotation, in either direction", () => {
    for (const declared of ["readonly", "idempotent", "unknown"] as const) {
      for (const readonly of set) {
        const tool = annotated(plain, readonly, true, true).annotate(ToolSafety.Declared, declared)
        assert.strictEqual(ToolSafety.of(tool), declared)
      }
    }
  })

  it("is unknown where it is no word of ours", () => {
    const annotations = Context.makeUnsafe<never>(new Map([[ToolSafety.Declared.key, "harmless"]]))
    assert.strictEqual(ToolSafety.of(plain.annotate(Tool.Readonly, true).annotateMerge(annotations)), "unknown")
  })
})

it("what is unknown may not be run again", () => {
  assert.deepStrictEqual((["readonly", "idempotent", "unknown"] as const).map(ToolSafety.isReplayable), [
    true,
    true,
    false
  ])
})
