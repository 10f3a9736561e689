/**
 * A scripted `HttpTransport` for tests without sockets: each attempt meets the next step of a script.
 *
 * Answers, delays and failures come as a transport over sockets would give them, evidence included, and the request's
 * limits hold, against the clock of the test. What was sent, and what became of it, can be read. A script that has
 * come to its end fails with an `InvalidInput` that says so; no failover repairs that.
 */
import type { Evidence } from "@holdfast/core/Evidence"
import type { Failure } from "@holdfast/core/Failure"
import type { HttpRequest, HttpResponse } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as RequestHead from "@holdfast/core/RequestHead"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import type { Encounter } from "./internal/encounter.ts"
import type { Outcome } from "./internal/scriptedAttempt.ts"
import { ScriptedAttempt } from "./internal/scriptedAttempt.ts"
import type { Step } from "./internal/steps.ts"

export * from "./internal/steps.ts"
export type { Outcome }

/**
 * The steps that attempts meet, in the order in which they are sent: of all of them, or of those of one candidate, under
 * `"provider/model@credential"`, `"provider/model"` or `"provider"`, whichever is given first in this order.
 */
export type Script = Iterable<Step> | { readonly [candidate: string]: Iterable<Step> }

/**
 * One attempt that was sent.
 *
 * `Discarded`: its reader said that the rest was of no interest. `Aborted`: ended from our side, by interruption while it
 * waited for the head, by the closing of its scope before the body was read to its end, or by the caller's signal.
 */
export interface Attempt {
  /** From 1, in the order in which they were sent. */
  readonly number: number
  /** As it was handed over: secrets are still `Redacted`. */
  readonly request: HttpRequest
  /** By the clock of the test. */
  readonly sentAtMs: number
  readonly endedAtMs: number | undefined
  readonly outcome: Outcome
  readonly evidence: Evidence
}

/** What is seen of a scripted transport. */
export class TestTransport extends Context.Service<
  TestTransport,
  {
    /** Every attempt so far, as it stands now. Requests that were refused unsent are not among them. */
    readonly attempts: Effect.Effect<ReadonlyArray<Attempt>>
  }
>()("@holdfast/testing/TestTransport") {}

/** Makes a transport that follows a script, and what is seen of it. */
export const make = (
  script: Script
): Effect.Effect<{ readonly transport: HttpTransport["Service"]; readonly seen: TestTransport["Service"] }> =>
  Effect.sync(() => {
    const next = follow(script)
    const sent: Array<ScriptedAttempt> = []

    const send = Effect.fnUntraced(function* (
      request: HttpRequest
    ): Effect.fn.Return<HttpResponse, Failure | InvalidInput, Scope.Scope> {
      const head = yield* Effect.fromResult(RequestHead.read(request))
      const step = yield* next(request)
      const encounter = step.meet(request, sent.length + 1)
      yield* checkFresh(request, encounter)
      const attempt = new ScriptedAttempt(request, head, encounter, yield* Clock.Clock)
      sent.push(attempt)
      yield* listen(attempt)
      return yield* Effect.onInterrupt(attempt.head, () => Effect.sync(() => attempt.abort("interruption")))
    })

    return {
      transport: HttpTransport.of({ send }),
      seen: TestTransport.of({ attempts: Effect.sync(() => sent.map(describe)) })
    }
  })

/**
 * A transport that follows a script.
 *
 * **Example**
 *
 * ```ts
 * import { HttpTransport } from "@holdfast/core"
 * import { TestTransport } from "@holdfast/testing"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const transport = yield* HttpTransport.HttpTransport
 *   const response = yield* transport.send({
 *     candidate: { provider: "anthropic", model: "claude-opus-4-7" },
 *     method: "POST",
 *     url: "https://api.anthropic.com/v1/messages",
 *     headers: {},
 *     declaration: "repeatable"
 *   })
 *   return response.status
 * }).pipe(Effect.scoped, Effect.provide(TestTransport.layer([TestTransport.anthropicError(529)])))
 *
 * await Effect.runPromise(program) // => 529
 * ```
 */
export const layer = (script: Script): Layer.Layer<HttpTransport | TestTransport> =>
  Layer.effectContext(
    Effect.map(make(script), ({ seen, transport }) =>
      Context.make(HttpTransport, transport).pipe(Context.add(TestTransport, seen))
    )
  )

const describe = (attempt: ScriptedAttempt, index: number): Attempt => ({
  number: index + 1,
  request: attempt.request,
  sentAtMs: attempt.sentAtMs,
  endedAtMs: attempt.endedAtMs,
  outcome: attempt.outcome,
  evidence: attempt.evidence()
})

/** Until the scope closes, the caller's signal ends the attempt; then its closing does. */
const listen = (attempt: ScriptedAttempt): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (scope) =>
    Effect.suspend(() => {
      const { signal } = attempt.request
      const onAbort = () => attempt.abort("signal")
      signal?.addEventListener("abort", onAbort, { once: true })
      return Scope.addFinalizer(
        scope,
        Effect.sync(() => {
          signal?.removeEventListener("abort", onAbort)
          attempt.abort("scope")
        })
      )
    })
  )

type Follow = (request: HttpRequest) => Effect.Effect<Step, InvalidInput>

const follow = (script: Script): Follow => {
  if (Predicate.isIterable(script)) return take("script", script as Iterable<Step>)
  const scripts = new Map(Object.entries(script).map(([key, steps]) => [key, take(`script[${quote(key)}]`, steps)]))
  return (request) => {
    const { credential, model, provider } = request.candidate
    const name = `${provider}/${model}`
    const keys = [...(credential === undefined ? [] : [`${name}@${credential}`]), name, provider]
    for (const key of keys) {
      const steps = scripts.get(key)
      if (steps !== undefined) return steps(request)
    }
    return ill("script", `steps for ${keys.map(quote).join(" or ")}`, `steps for ${Array.from(scripts.keys(), quote)}`)
  }
}

const take = (place: string, steps: Iterable<Step>): Follow => {
  const iterator = steps[Symbol.iterator]()
  let taken = 0
  return () =>
    Effect.suspend(() => {
      const next = iterator.next()
      if (next.done === true) {
        return ill(place, `a step for its attempt ${taken + 1}`, `the script's end after ${taken}`)
      }
      taken += 1
      return Effect.succeed(next.value)
    })
}

const checkFresh = (request: HttpRequest, encounter: Encounter): Effect.Effect<void, InvalidInput> =>
  request.connection === "fresh" && "connection" in encounter && encounter.connection.reused
    ? ill("script", "a step on a fresh connection, which is what the request insists on", "one on a reused connection")
    : Effect.void

const ill = (place: string, expected: string, found: string): Effect.Effect<never, InvalidInput> =>
  Effect.fail(InvalidInput.of({ kind: "InvalidOption", place: `TestTransport ${place}`, expected, found }))

const quote = (text: string): string => JSON.stringify(text)
