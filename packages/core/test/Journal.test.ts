import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, layer } from "@effect/vitest"
import * as Journal from "@holdfast/core/Journal"
import * as Telemetry from "@holdfast/core/Telemetry"
import type * as TelemetryEvent from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { gpt, opus } from "./fixtures.ts"

const of = { call: "0a1b-1", turn: "turn-1", attempt: 1, candidate: opus } as const

/** An event of every tag. */
const drafts: ReadonlyArray<TelemetryEvent.Draft> = [
  { _tag: "AttemptStarted", ...of, connection: "fresh" },
  { _tag: "AttemptSucceeded", ...of, elapsedMs: 12.5 },
  {
    _tag: "AttemptFailed",
    ...of,
    elapsedMs: 3,
    reason: "StaleConnection",
    scope: "endpoint",
    message: "a reused connection was closed by the peer",
    advice: "lower keepAlive",
    verdict: "Ambiguous",
    rule: "stale-connection",
    exposure: "nothing",
    declaration: "repeatable",
    evidence: {
      _tag: "Observed",
      phase: "waiting",
      bytesWritten: 812,
      bytesRead: 0,
      connection: { reused: true, ageMs: 61_000, idleMs: 60_000, requestsServed: 3 },
      closed: "peer-fin",
      proxied: true
    }
  },
  { _tag: "Decided", ...of, decision: { _tag: "RetryHere", delayMs: 0, fresh: true, ground: "assumed" } },
  {
    _tag: "Decided",
    ...of,
    decision: {
      _tag: "NextCandidate",
      index: 1,
      candidate: gpt,
      ground: "proven",
      asks: false,
      skipped: [{ candidate: opus, why: "same-scope" }]
    }
  },
  { _tag: "Decided", ...of, decision: { _tag: "Surface", why: "unsafe", skipped: [] } },
  { _tag: "ReplayAssumed", candidate: opus, reason: "StaleConnection", rule: "stale-connection", by: "app" },
  { _tag: "Swapped", call: "0a1b-1", requested: opus, answered: gpt, why: "TurnContinues" },
  { _tag: "CallSucceeded", call: "0a1b-1", requested: opus, answered: gpt, attempts: 2, elapsedMs: 20 },
  {
    _tag: "CallFailed",
    call: "0a1b-1",
    requested: opus,
    reason: "TotalTimeout",
    scope: "request",
    message: "line one\nline two ü 🐚",
    advice: "none",
    verdict: "Unsafe",
    rule: "exposed",
    attempts: 2,
    elapsedMs: 20
  },
  { _tag: "ConnectionOpened", provider: "anthropic", origin: "https://api.anthropic.com", connectMs: 31.25 },
  {
    _tag: "ConnectionClosed",
    provider: "anthropic",
    origin: "https://api.anthropic.com",
    closed: "peer-fin",
    idle: true,
    idleMs: 60_000,
    ageMs: 61_000,
    requestsServed: 3
  }
]

const temporaryFile = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  Effect.map(fs.makeTempDirectoryScoped({ prefix: "holdfast-journal-" }), (directory) => `${directory}/events.ndjson`)
)

/** Publishes while a journal is open at the path, and closes it. */
const journalled = (path: string, events: ReadonlyArray<TelemetryEvent.Draft>) =>
  Effect.flatMap(Telemetry.Telemetry, (telemetry) =>
    Effect.sync(() => {
      for (const event of events) telemetry.publishUnsafe(event)
    })
  ).pipe(Effect.provide(Journal.layerFile(path)))

const readBack = (path: string) => Stream.runCollect(Journal.read(path))

const appendText = (path: string, text: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.writeFileString(path, text, { flag: "a" }))

const stamped = (events: ReadonlyArray<TelemetryEvent.Draft>) =>
  events.map((event) => ({ ...event, version: 1, at: 0 }))

describe("Journal", () => {
  layer(Layer.mergeAll(NodeFileSystem.layer, Telemetry.layer))((it) => {
    it.effect("reads back every event of every tag, in the order they were published", () =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        yield* journalled(path, drafts)
        assert.deepStrictEqual(yield* readBack(path), stamped(drafts))
      })
    )

    it.effect("has written all that was published before it closed, however much that is", () =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        const many = Array.from({ length: 5000 }, (_, i) => ({
          ...of,
          _tag: "AttemptSucceeded" as const,
          elapsedMs: i
        }))
        yield* journalled(path, many)
        const events = yield* readBack(path)
        assert.deepStrictEqual(
          events.map((event) => event._tag === "AttemptSucceeded" && event.elapsedMs),
          many.map(({ elapsedMs }) => elapsedMs)
        )
      })
    )

    it.effect("writes one JSON object a line", () =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        yield* journalled(path, drafts)
        const text = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(path))
        const lines = text.split("\n").filter((line) => line !== "")
        assert.deepStrictEqual(
          lines.map((line) => JSON.parse(line)),
          stamped(drafts)
        )
      })
    )

    it.effect("appends to what stands in the file", () =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        yield* journalled(path, drafts.slice(0, 2))
        yield* journalled(path, drafts.slice(2, 3))
        assert.deepStrictEqual(yield* readBack(path), stamped(drafts.slice(0, 3)))
      })
    )

    it.effect("stops listening when it closes", () =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        const telemetry = yield* Telemetry.Telemetry
        yield* journalled(path, drafts.slice(0, 1))
        assert.isFalse(telemetry.isActive())
      })
    )

    it.effect("skips events of tags it does not know, and empty lines", () =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        yield* journalled(path, drafts.slice(0, 1))
        yield* appendText(path, '{"_tag":"FromTheFuture","version":2,"what":{}}\n\n{"untagged":true}\n')
        yield* journalled(path, drafts.slice(1, 2))
        assert.deepStrictEqual(yield* readBack(path), stamped(drafts.slice(0, 2)))
      })
    )

    it.effect("skips what misses what its schema asks for, other versions, and what is no JSON", () =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        yield* appendText(path, '{"_tag":"AttemptSucceeded","version":1,"at":0}\nno JSON\n')
        yield* journalled(path, drafts.slice(0, 1))
        const text = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(path))
        yield* appendText(path, (text.split("\n").at(-2) ?? "").replace('"version":1', '"version":2'))
        assert.deepStrictEqual(yield* readBack(path), stamped(drafts.slice(0, 1)))
      })
    )

    it.effect("goes on on a line of its own where a process died in the middle of one", () =>
      Effect.gen(function* () {
        const path = yield* temporaryFile
        yield* journalled(path, drafts.slice(0, 1))
        yield* appendText(path, '{"_tag":"AttemptStarted","vers')
        yield* journalled(path, drafts.slice(1, 3))
        assert.deepStrictEqual(yield* readBack(path), stamped(drafts.slice(0, 3)))
      })
    )

    it.effect("fails to open in a directory that is not there, and says so as a value", () =>
      Effect.gen(function* () {
        const path = `${yield* temporaryFile}/nowhere/events.ndjson`
        assert.strictEqual((yield* Effect.flip(journalled(path, [])))._tag, "PlatformError")
        assert.strictEqual((yield* Effect.flip(readBack(path)))._tag, "PlatformError")
      })
    )
  })
})
