import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { spawnSync } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as ConfigurationFile from "@holdfast/node/ConfigurationFile"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Watch from "../src/internal/configurationFile/watch.ts"

/** A directory that is gone with the test. */
const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "holdfast-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const put = (path: string, text = "{}") => {
  mkdirSync(join(path, ".."), { recursive: true })
  writeFileSync(path, text)
  return path
}

/** Nothing is forbidden to root: it does this as another user. */
const asOrdinaryUser = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  process.geteuid?.() !== 0
    ? effect
    : Effect.acquireUseRelease(
        Effect.sync(() => process.seteuid?.(12_345)),
        () => effect,
        () => Effect.sync(() => process.seteuid?.(0))
      )

const problemOf = Effect.fnUntraced(function* (effect: Effect.Effect<unknown, unknown>) {
  const error = yield* Effect.flip(effect)
  if (!isInvalidInput(error)) return yield* Effect.die(error)
  assert.lengthOf(error.problems, 1)
  return error.problems[0]
})

describe("the file that is found", () => {
  it.effect("is the nearest one, by the order of names in a directory, and the home's after all of them", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      const home = join(root, "home")
      const directory = join(root, "a", "b")
      mkdirSync(directory, { recursive: true })
      const where = { directory, home }
      const openclaw = put(join(home, ".config/openclaw/openclaw.json5"))
      assert.strictEqual(yield* ConfigurationFile.find(where), openclaw)
      const user = put(join(home, ".config/holdfast/holdfast.json5"))
      assert.strictEqual(yield* ConfigurationFile.find(where), user)
      const above = put(join(root, "a", "holdfast.json5"))
      assert.strictEqual(yield* ConfigurationFile.find(where), above)
      for (const name of ["openclaw.json5", "holdfast.json", "holdfast.json5"]) {
        const nearest = put(join(directory, name))
        assert.strictEqual(yield* ConfigurationFile.find(where), nearest)
      }
    })
  )

  it.effect.skipIf(process.getuid?.() !== 0)("is not another user's, unless it is in the working directory", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      const directory = join(root, "a")
      mkdirSync(directory)
      const path = put(join(root, "holdfast.json5"))
      chownSync(path, 12_345, 12_345)
      const problem = yield* problemOf(ConfigurationFile.find({ directory, home: root }))
      assert.deepInclude(problem, { place: path, found: "another user's" })
      assert.strictEqual(yield* ConfigurationFile.find({ directory: root, home: root }), path)
    })
  )

  it.effect("is none where there is none", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      assert.isUndefined(yield* ConfigurationFile.find({ directory: root, home: root }))
    })
  )
})

describe("a file", () => {
  it.effect("is read as JSON5", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      const path = put(join(root, "holdfast.json5"), "\uFEFF// ours\n{ agents: { chief: 'a/b', }, }")
      assert.deepStrictEqual(yield* ConfigurationFile.read(path), { agents: { chief: "a/b" } })
    })
  )

  it.effect("is read through a link", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      put(join(root, "elsewhere", "real.json5"), "{ a: 1 }")
      symlinkSync(join(root, "elsewhere", "real.json5"), join(root, "holdfast.json5"))
      assert.deepStrictEqual(yield* ConfigurationFile.read(join(root, "holdfast.json5")), { a: 1 })
    })
  )

  it.effect("is refused by its path where it is missing, no file, too large or a pipe that nobody writes to", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      const path = join(root, "holdfast.json5")
      const found = Effect.map(problemOf(ConfigurationFile.read(path)), (problem) => {
        assert.strictEqual(problem?.place, path)
        rmSync(path, { recursive: true, force: true })
        return problem.found
      })
      assert.strictEqual(yield* found, "no such file")
      mkdirSync(path)
      assert.strictEqual(yield* found, "a directory")
      assert.strictEqual(spawnSync("mkfifo", [path]).status, 0)
      assert.strictEqual(yield* found, "no ordinary file")
      put(path, " ".repeat(1024 * 1024 + 1))
      assert.match(yield* found, /1048577 bytes/)
    })
  )

  it.effect("is refused where this process may not read it", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      chmodSync(directory, 0o755)
      const path = put(join(directory, "holdfast.json5"))
      chmodSync(path, 0)
      const problem = yield* asOrdinaryUser(problemOf(ConfigurationFile.read(path)))
      assert.strictEqual(problem?.found, "a file that this process may not read")
    })
  )

  it.effect("is not named where a key was pasted in the place of its path", () =>
    Effect.gen(function* () {
      const problem = yield* problemOf(ConfigurationFile.read(`sk-ant-api03-${"x".repeat(80)}`))
      assert.strictEqual(problem?.place, "config")
    })
  )
})

describe("a mistake in JSON5", () => {
  const value = "a text in quotes, a number, true, false, null, { or ["
  const mistakes: ReadonlyArray<readonly [text: string, at: string, expected: string, found: string]> = [
    ["", "1:1", value, "the end"],
    ["// nothing\n", "2:1", value, "the end"],
    ["{", "1:2", "a name, or }", "the end"],
    ["{\n  a: 1\n  b: 2\n}", "3:3", "a comma, or }", '"b"'],
    ["{ a b }", "1:5", "a colon", '"b"'],
    ["{ 'a' 1 }", "1:7", "a colon", '"1"'],
    ["{ a: }", "1:6", value, '"}"'],
    ["{ a: nul }", "1:9", value, '" "'],
    ["{ a: 1,, }", "1:8", "a name, or }", '","'],
    ["[1 2]", "1:4", "a comma, or ]", '"2"'],
    ["[1,,]", "1:4", `${value}, or ]`, '","'],
    ["{ a: { b: [1, 2] }", "1:19", "a comma, or }", "the end"],
    ["{ a: 1 }}", "1:9", "the end of the file", '"}"'],
    ["{ a: 'it", "1:9", "the end of the text, '", "the end"],
    ["{ a: 'it\n' }", "1:9", "the end of the text, '", '"\\n"'],
    ["{ /* a: 1 }", "1:12", "the end of the comment, */", "the end"],
    ["{ url: 'http://x', // {\n  'b': \"}\" 3 }", "2:12", "a comma, or }", '"3"']
  ]

  it.each(mistakes)("%j is told at %s: expected %s", (text, at, expected, found) => {
    const parsed = ConfigurationFile.parse(text, "holdfast.json5")
    assert.isTrue(Result.isFailure(parsed))
    if (!Result.isFailure(parsed)) return
    assert.deepStrictEqual(parsed.failure.problems, [
      { kind: "InvalidOption", place: `holdfast.json5:${at}`, expected, found }
    ])
  })
})

describe("a file that is watched", () => {
  const watched = Effect.fnUntraced(function* (known: { fingerprint?: string } = {}) {
    const signs = yield* Queue.unbounded<void>()
    const file = { fingerprint: "1" }
    const told = yield* Queue.unbounded<void>()
    const changes = Watch.changes({
      triggers: Stream.fromQueue(signs),
      fingerprint: Effect.sync(() => file.fingerprint),
      known,
      settle: Watch.settle,
      poll: Watch.poll
    })
    yield* Effect.forkScoped(
      Stream.runForEach(changes, () => Queue.offer(told, undefined)),
      { startImmediately: true }
    )
    yield* TestClock.adjust(0)
    return { file, sign: Queue.offer(signs, undefined), told: Queue.size(told) }
  })

  it.effect("is told of once for several signs of one change, when it has settled", () =>
    Effect.gen(function* () {
      const { file, sign, told } = yield* watched()
      file.fingerprint = "2"
      yield* sign
      yield* sign
      yield* sign
      yield* TestClock.adjust("49 millis")
      assert.strictEqual(yield* told, 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* told, 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* told, 1)
    })
  )

  it.effect("is not told of where something else happened in its directory", () =>
    Effect.gen(function* () {
      const { sign, told } = yield* watched()
      yield* sign
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* told, 0)
    })
  )

  it.effect("is told of where it changed after it was read, before anybody watched", () =>
    Effect.gen(function* () {
      const { told } = yield* watched({ fingerprint: "0" })
      assert.strictEqual(yield* told, 1)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* told, 1)
    })
  )

  it.effect("is told of within 10 s without any sign", () =>
    Effect.gen(function* () {
      const { file, told } = yield* watched()
      file.fingerprint = "2"
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* told, 1)
      file.fingerprint = "none"
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* told, 2)
    })
  )
})
