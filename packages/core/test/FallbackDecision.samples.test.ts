/** Records of ours against the lines of a gateway of OpenClaw's. They lie beside the repository, and are no part of it. */
import { assert, describe, it } from "@effect/vitest"
import * as FallbackDecision from "@holdfast/core/FallbackDecision"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { eventsOf, goOn, recordsOf } from "./fallbackWorld.ts"
import { gpt, opus, stale } from "./fixtures.ts"

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../../..")
const named = process.env["HOLDFAST_SHARED"]
const folder = join(named ?? resolve(repository, "../shared"), "samples")

/** A suite over the samples. Where there are none it is skipped and says so; where a folder was named, it fails. */
const suite = (name: string, body: () => void): void => {
  const missing = `there are none in ${folder} (set HOLDFAST_SHARED)`
  if (existsSync(folder)) {
    describe(name, body)
  } else if (named !== undefined) {
    it(name, () => assert.fail(missing))
  } else {
    it.skip(`${name}: ${missing}`, () => {})
  }
}

const pair = /(\w+)=("(?:[^"\\]|\\.)*"|\[.*?\](?= \w+=|$)|\S+)/g

/** The record in a line: the name of the event, then `field=value`, a value that is no word in the way of JSON. */
const recordIn = (line: string): unknown => {
  const [, fields] = line.split("model_fallback_decision ")
  if (fields === undefined) return undefined
  const entries = [...fields.matchAll(pair)].map(([, key, value]) => [key, valueOf(value ?? "")])
  return { event: "model_fallback_decision", ...Object.fromEntries(entries) }
}

const valueOf = (text: string): unknown => {
  try {
    return JSON.parse(text.replace(/([{,]\s*)(\w+):/g, '$1"$2":'))
  } catch {
    return text
  }
}

/** The kind of a value, those of what it holds included. */
const kindOf = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.length === 0 ? [] : [kindOf(value[0])]
  if (typeof value !== "object" || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, kindOf(held)]))
}

suite("a gateway's lines", () => {
  const text = readFileSync(join(folder, "gateway-keepalive.log"), "utf8")
  const ndjson = readFileSync(join(folder, "gateway-keepalive.ndjson"), "utf8")
  const messages = ndjson
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => Reflect.get(JSON.parse(line) as object, "message"))
  const lines = text.split("\n").filter((line) => line.includes("model_fallback_decision"))
  const told = lines.map(recordIn)
  const strict = { onExcessProperty: "error" } as const
  const decode = Schema.decodeUnknownSync(Schema.toCodecJson(FallbackDecision.FallbackDecision), strict)

  it("are read whole, as text and as JSON", () => {
    assert.strictEqual(told.length, 3)
    assert.deepStrictEqual(
      messages.filter((message) => String(message).includes("model_fallback_decision")).map((m) => recordIn(String(m))),
      told
    )
    for (const record of told) assert.deepStrictEqual(decode(record), record)
  })

  it("have the failure and the swaps in them that the gateway had", () => {
    assert.deepStrictEqual(
      told
        .map((record) => decode(record))
        .map((record) => [record.decision, record.candidateModel, record.attempt, record.total]),
      [
        ["candidate_failed", "claude-opus-4-7", 1, 6],
        ["candidate_succeeded", "claude-opus-4-6", 2, 6],
        ["candidate_succeeded", "gpt-5.1-codex", 3, 6]
      ]
    )
  })

  it.effect("have no field that a record of ours of the same decision lacks, nor another kind of value in one", () =>
    Effect.gen(function* () {
      const records = yield* recordsOf(
        eventsOf({ chain: [opus, gpt], steps: [{ at: opus, failure: stale(), decision: goOn(gpt, 1) }, { at: gpt }] })
      )
      for (const theirs of told.map((record) => decode(record))) {
        const ours = records.find(({ decision }) => decision === theirs.decision)
        const asTold: unknown = JSON.parse(JSON.stringify(ours))
        assert.containSubset(kindOf(asTold), kindOf(theirs))
      }
    })
  )

  it.effect("file the failure as a record of ours does", () =>
    Effect.gen(function* () {
      const theirs = decode(told[0])
      const [ours] = yield* recordsOf(
        eventsOf({ chain: [opus, gpt], steps: [{ at: opus, failure: stale(), decision: goOn(gpt, 1) }] })
      )
      assert.strictEqual(ours?.fallbackStepFromFailureReason, theirs.fallbackStepFromFailureReason)
      const [mine] = ours?.previousAttempts ?? []
      const [its] = theirs.previousAttempts ?? []
      assert.deepStrictEqual({ ...mine, errorHash: undefined }, { ...its, errorHash: undefined })
      for (const hash of [mine?.errorHash, its?.errorHash]) assert.match(hash ?? "", /^sha256:[0-9a-f]{12}$/)
    })
  )
})
