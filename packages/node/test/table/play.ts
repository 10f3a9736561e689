/** Plays a row on real sockets and compares what is said with the row and with what the peer has seen. */
import { assert } from "@effect/vitest"
import { isFailure } from "@holdfast/core/Failure"
import type { Failure } from "@holdfast/core/Failure"
import type { HttpRequest, HttpTransport } from "@holdfast/core/HttpTransport"
import * as Verdict from "@holdfast/core/Verdict"
import type { FaultServer } from "@holdfast/testing/FaultServer"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ask, observed, send, transport } from "../support/harness.ts"
import { printed } from "../support/printed.ts"
import type { Answered, Answers, Cell, Expected, Fails, Judged, Placed, Row, Seen, Stage } from "./row.ts"
import { everywhere, isAnswers, nameOf, secret } from "./row.ts"

/** What a peer did not run although it had it: by its own word, and the one status that says so. */
const notRun: ReadonlySet<Verdict.Rule> = new Set(["refused-by-provider", "misdirected", "unprocessed"])

/** Plays a row in all of its cells. */
export const play = (row: Row): Effect.Effect<void, unknown, FaultServer> =>
  Effect.gen(function* () {
    const placed = (row.cells ?? everywhere).map((cell) => ({ cell, tag: nameOf(cell) }))
    const stage = yield* row.scene(placed)
    yield* Effect.forEach(placed, (place) => playCell(row, stage, place), { concurrency: "unbounded" })
  }).pipe(Effect.scoped)

const playCell = (row: Row, stage: Stage, { cell, tag }: Placed): Effect.Effect<void, unknown, FaultServer> =>
  Effect.gen(function* () {
    const expected = typeof row.expected === "function" ? row.expected(cell) : row.expected
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const services = yield* Layer.buildWithScope(transport({ drain: "50 millis", ...stage.pool }), scope)
    const given: Given = { text: "" }
    const request = requestOf(stage, cell, tag)
    const attempt = Effect.gen(function* () {
      if (cell.reused) {
        const before = `${tag}, before`
        yield* read(ask(stage.origin, { tag: before, text: before, streaming: cell.streaming }))
        yield* Effect.sleep("5 millis")
      }
      const sending = read(request, given)
      const arrived = Effect.asVoid(Effect.orDie(untilSeen(stage, tag, ({ complete }) => complete === 1)))
      const going = { request, send: sending, arrived, close: Scope.close(scope, Exit.void) }
      return yield* Effect.exit(stage.attempt === undefined ? sending : stage.attempt(going))
    }).pipe(Effect.provide(services))
    const exit = yield* attempt

    const where = nameOf(cell)
    const failure = yield* told(exit, expected, stage, { cell, tag })
    const gave = cell.streaming && typeof expected === "object" && "got" in expected
    if (failure !== undefined) assert.strictEqual(given.text !== "", gave, `${where}: what the app was given`)

    yield* untilSeen(stage, tag, ({ open }) => !open || goesOn(expected))
    if (row.last !== true) yield* Effect.provide(assertGoesOn(stage, expected, { cell, tag }), services)
    // At the end, when whatever was sent again would have come too.
    const seen = yield* stage.seen(tag)
    assert.deepInclude(seen, { requests: 1, ...row.server }, `${where}: what the peer has seen`)
    if (failure !== undefined) assertHonest(failure, seen, row.starts, cell)
  }).pipe(Effect.scoped)

/** The next request goes on the connection of the attempt. */
const goesOn = (expected: Expected): boolean => expected !== "interrupted" && expected.next === "reused"

const requestOf = ({ asked, origin }: Stage, cell: Cell, tag: string): HttpRequest => {
  const request = ask(origin, {
    text: secret,
    tag,
    url: `${origin}/v1/messages?key=${secret}`,
    streaming: cell.streaming,
    ...asked?.(cell)
  })
  return { ...request, headers: { ...request.headers, authorization: Redacted.make(`Bearer ${secret}`) } }
}

interface Given {
  text: string
}

/** Sends, and reads as it is wanted; what has been read is kept. */
const read = Effect.fnUntraced(function* (request: HttpRequest, given: Given = { text: "" }) {
  const response = yield* send(request)
  if (request.streaming === true) {
    const decoder = new TextDecoder()
    const keep = (chunk: Uint8Array) =>
      Effect.sync(() => {
        given.text += decoder.decode(chunk, { stream: true })
      })
    yield* Stream.runForEach(response.body, keep)
  } else {
    given.text = yield* response.text
  }
  const evidence = observed(response.evidence())
  const { rule, verdict } = Verdict.judge({ evidence, exposure: "nothing", declaration: request.declaration })
  return {
    status: response.status,
    text: given.text,
    reused: evidence.connection?.reused,
    judged: `${verdict} ${rule}`,
    bytesRead: evidence.bytesRead
  } satisfies Answered
}, Effect.scoped)

/** Waits until the peer has seen what it should; a peer that never does fails the test by its time limit. */
const untilSeen = (stage: Stage, tag: string, is: (seen: Seen) => boolean): Effect.Effect<Seen, unknown, FaultServer> =>
  Effect.flatMap(stage.seen(tag), (seen) =>
    is(seen) ? Effect.succeed(seen) : Effect.andThen(Effect.sleep("5 millis"), untilSeen(stage, tag, is))
  )

/** The pool serves on: on the connection of the attempt, or on another. */
const assertGoesOn = (
  stage: Stage,
  expected: Expected,
  { cell, tag }: Placed
): Effect.Effect<void, unknown, HttpTransport> =>
  Effect.gen(function* () {
    // From 1 ms on: undici takes a connection back one turn of the event loop after its answer.
    yield* Effect.sleep("5 millis")
    const { connectionOf, healthy = stage.origin } = stage
    const after = `${tag}, after`
    const next = yield* read(ask(healthy, { tag: after, text: after, streaming: cell.streaming }))
    assert.strictEqual(next.status, 200, `${nameOf(cell)}: the next request`)
    const same = connectionOf === undefined ? next.reused : connectionOf(tag) === connectionOf(after)
    assert.strictEqual(same, goesOn(expected), `${nameOf(cell)}: the next request is on the attempt's connection`)
  })

/** What is said, compared with the row; the failure, if it is one. */
const told = (
  exit: Exit.Exit<Answered, unknown>,
  expected: Expected,
  stage: Stage,
  place: Placed
): Effect.Effect<Failure | undefined, unknown> =>
  Effect.gen(function* () {
    const where = nameOf(place.cell)
    if (Exit.isSuccess(exit)) {
      assertAnswer(exit.value, expected, place, stage)
      return undefined
    }
    if (Cause.hasInterruptsOnly(exit.cause)) {
      assert.strictEqual<Expected>(expected, "interrupted", where)
      return undefined
    }
    const error = Cause.squash(exit.cause)
    if (!isFailure(error)) return yield* Effect.failCause(exit.cause)
    if (expected === "interrupted" || isAnswers(expected)) return assert.fail(`${where}: ${error.message}`)
    assertFailure(error, expected, where)
    return error
  })

const assertAnswer = (answer: Answered, expected: Expected, { cell }: Placed, stage: Stage): void => {
  const where = nameOf(cell)
  if (!isAnswers(expected)) return assert.fail(`${where}: an answer, ${answer.status} ${answer.text}`)
  const told: Omit<Answers, "next" | "judged" | "on"> = {
    status: answer.status,
    text:
      answer.text === ""
        ? "empty"
        : stage.isWhole(answer.text, cell)
          ? "whole"
          : expected.text === "cut"
            ? "cut"
            : "other"
  }
  assert.deepStrictEqual(told, { status: expected.status, text: expected.text }, where)
  assert.strictEqual(answer.reused, cell.reused && expected.on !== "fresh", `${where}: on a reused connection`)
  if (answer.status >= 400) assert.strictEqual<Judged | undefined>(answer.judged, expected.judged, where)
  assert.isAbove(answer.bytesRead, 0, where)
}

const assertFailure = (failure: Failure, expected: Fails, where: string): void => {
  const { closed, judged, phase, proxied, reason, status, unprocessed } = expected
  const evidence = observed(failure.evidence)
  const told = {
    reason: pick(failure.reason, reason),
    judged: `${failure.verdict} ${failure.rule}`,
    phase: evidence.phase,
    closed: evidence.closed,
    status: evidence.status,
    unprocessed: evidence.unprocessed,
    proxied: evidence.proxied
  }
  assert.deepStrictEqual<unknown>(told, { reason, judged, phase, closed, status, unprocessed, proxied }, where)
}

/** The fields that a row names; one that fits its pattern is the pattern. */
const pick = (actual: object, expected: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(expected).map(([field, wanted]: [string, unknown]) => {
      const value: unknown = Reflect.get(actual, field)
      const text = typeof value === "string" ? value : JSON.stringify(value)
      return [field, wanted instanceof RegExp && wanted.test(text) ? wanted : value]
    })
  )

/** What must hold of every failure, whatever the table says. */
const assertHonest = (failure: Failure, seen: Seen, starts: 0 | 1, cell: Cell): void => {
  const where = nameOf(cell)
  const { rule, verdict } = failure
  const evidence = observed(failure.evidence)
  assert.deepStrictEqual(Verdict.judge(failure), { verdict, rule }, `${where}: judged again`)
  if (seen.complete > 0 && !notRun.has(rule)) assert.notStrictEqual(verdict, "Safe", `${where}: it had arrived`)
  if (starts === 0) {
    assert.strictEqual(verdict, "Safe", `${where}: it never started`)
    assert.deepInclude(evidence, { bytesWritten: 0, bytesRead: 0 }, where)
    assert.notProperty(evidence, "connection", where)
    assert.strictEqual(seen.requests, 0, `${where}: what never started was not seen`)
  } else {
    assert.strictEqual(evidence.connection?.reused, cell.reused, `${where}: on a reused connection`)
    assert.isAtLeast(evidence.bytesWritten, seen.bytes ?? 0, `${where}: bytes written bound what was received`)
    assert.strictEqual(evidence.bytesRead > 0, evidence.phase === "responding", where)
  }
  assert.isAtMost(seen.requests, 1, `${where}: one request to an attempt`)
  assert.strictEqual(failure.attempts.length, 1, where)
  assert.notInclude(printed(failure), secret, where)
}
