import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Secrets from "@holdfast/node/Secrets"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"

const secret = "sk-ant-api03-0123456789abcdef"

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "holdfast-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const told = (effect: Effect.Effect<Redacted.Redacted, InvalidInput>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.notInclude(JSON.stringify(error) + error.message, "sk-ant")
    assert.lengthOf(error.problems, 1)
    const [{ found, kind, place }] = error.problems
    assert.deepStrictEqual({ kind, place }, { kind: "InvalidCredential", place: "providers.anthropic.apiKey" })
    return found
  })

const read = (path: string) => Secrets.fromFile(path, "providers.anthropic.apiKey")

const node = (script: string, ...args: ReadonlyArray<string>) =>
  Secrets.fromCommand(process.execPath, ["-e", script, ...args], "providers.anthropic.apiKey")

describe("a key in a file", () => {
  it.effect("is read without one line break at its end, anew each time", () =>
    Effect.gen(function* () {
      const path = join(yield* temporary, "key")
      for (const [text, key] of [
        [secret, secret],
        [`${secret}\n`, secret],
        [`${secret}\r\n`, secret],
        // More than one is a mistake that the check of the key names.
        [`${secret}\n\n`, `${secret}\n`]
      ] as const) {
        writeFileSync(path, text)
        assert.strictEqual(Redacted.value(yield* read(path)), key)
      }
    })
  )

  it.effect("is refused where there is none, without the path, in whose place it may have been pasted", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      assert.strictEqual(yield* told(read(secret)), "no such file")
      assert.strictEqual(yield* told(read(directory)), "a directory")
      writeFileSync(join(directory, "empty"), "\n")
      assert.strictEqual(yield* told(read(join(directory, "empty"))), "an empty file")
      writeFileSync(join(directory, "large"), "x".repeat(65_537))
      assert.match(yield* told(read(join(directory, "large"))), /65537 bytes/)
    })
  )
})

describe("a key from a command", () => {
  it.live("is what it prints, without one line break at its end", () =>
    Effect.gen(function* () {
      assert.strictEqual(Redacted.value(yield* node(`console.log(${JSON.stringify(secret)})`)), secret)
    })
  )

  it.live("is printed by a command that no shell has read", () =>
    Effect.gen(function* () {
      const key = yield* node("process.stdout.write(process.argv[1])", "$HOME; echo `id`")
      assert.strictEqual(Redacted.value(key), "$HOME; echo `id`")
    })
  )

  it.live("is asked for with nothing to read, so that a command that asks back ends", () =>
    Effect.gen(function* () {
      const key = yield* node("process.stdin.on('end', () => console.log('asked')).resume()")
      assert.strictEqual(Redacted.value(key), "asked")
    })
  )

  it.live("is refused by how the command ended and what it said, never by what it printed", () =>
    Effect.gen(function* () {
      const failing = `console.log('${secret}'); console.error('locked: ${secret} is not for you'); process.exitCode = 3`
      assert.strictEqual(yield* told(node(failing)), "exit status 3: locked: [redacted] is not for you")
      assert.strictEqual(yield* told(node("process.kill(process.pid, 'SIGTERM')")), "an end by SIGTERM")
      assert.strictEqual(yield* told(node("")), "nothing printed")
      assert.strictEqual(yield* told(node("console.log('x'.repeat(70000))")), "more than 65536 bytes")
      const missing = Secrets.fromCommand(`/nowhere/${secret}`, [], "providers.anthropic.apiKey")
      assert.strictEqual(yield* told(missing), "no such command")
      const nul = Secrets.fromCommand("echo", ["a\0b"], "providers.anthropic.apiKey")
      assert.strictEqual(yield* told(nul), "ERR_INVALID_ARG_VALUE")
    })
  )

  it.effect("is refused after 10 s, and the command is killed", () =>
    Effect.gen(function* () {
      const begun = yield* Effect.forkChild(told(node("setInterval(() => {}, 1000)")), { startImmediately: true })
      yield* TestClock.adjust("9999 millis")
      assert.isUndefined(begun.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(begun), "no end within 10s")
    })
  )
})
