/** Responses of providers that other projects recorded. They lie beside the repository, and are no part of it. */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

import { assert, describe, it } from "@effect/vitest"

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../../../..")

const named = process.env["HOLDFAST_SHARED"]

const folder = join(named ?? resolve(repository, "../shared"), "fixtures")

const isPresent = existsSync(join(folder, "INDEX.tsv"))

/** A suite over the recorded responses. Where there are none it is skipped and says so; where a folder was named, it fails. */
export const suite = (name: string, body: () => void): void => {
  const missing = `there are none in ${folder} (set HOLDFAST_SHARED)`
  if (isPresent) {
    describe(name, body)
  } else if (named !== undefined) {
    it(name, () => assert.fail(missing))
  } else {
    it.skip(`${name}: ${missing}`, () => {})
  }
}

/** A recorded response. */
export interface Fixture {
  /** Below the folder. */
  readonly path: string
  readonly api: string
  readonly kind: "stream" | "json" | "error" | "headers" | "request"
}

/** A recorded error, or the head of a success. */
export interface Head {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

const kindOf = (path: string): Fixture["kind"] => {
  if (path.endsWith(".error.json")) return "error"
  if (path.endsWith(".headers.json")) return "headers"
  if (path.endsWith(".request.json")) return "request"
  return path.endsWith(".json") ? "json" : "stream"
}

/** What the index lists. */
export const all: ReadonlyArray<Fixture> = isPresent
  ? readFileSync(join(folder, "INDEX.tsv"), "utf8")
      .split("\n")
      .slice(1)
      .filter((line) => line !== "")
      .map((line) => {
        const [path = "", , api = ""] = line.split("\t")
        return { path, api, kind: kindOf(path) }
      })
  : []

/** The recorded responses of one format and kind. */
export const of = (api: string, kind: Fixture["kind"]): ReadonlyArray<Fixture> =>
  all.filter((fixture) => fixture.api === api && fixture.kind === kind)

/** A fixture's text. */
export const read = ({ path }: Fixture): string => readFileSync(join(folder, path), "utf8")

/** A fixture's bytes. */
export const bytes = ({ path }: Fixture): Uint8Array => new Uint8Array(readFileSync(join(folder, path)))

/** A fixture that is JSON. */
export const json = (fixture: Fixture): unknown => JSON.parse(read(fixture))

/** An error, or the head of a success. */
export const head = (fixture: Fixture): Head => json(fixture) as Head

/** The bodies of a stream: one, or several where a recording holds the streams of a conversation. */
export const streams = (fixture: Fixture): ReadonlyArray<Uint8Array> => {
  if (!fixture.path.endsWith(".chunks.jsonl")) return [bytes(fixture)]
  const bodies: Array<string> = []
  let last: string | undefined
  for (const line of read(fixture).split("\n")) {
    if (line === "") continue
    const { type } = JSON.parse(line) as { readonly type: string }
    // The recording has no framing; this is Anthropic's.
    const event = `event: ${type}\ndata: ${line}\n\n`
    if (bodies.length === 0 || last === "message_stop") bodies.push("")
    bodies.push(`${bodies.pop()}${event}`)
    last = type
  }
  return bodies.map((body) => new TextEncoder().encode(body))
}
