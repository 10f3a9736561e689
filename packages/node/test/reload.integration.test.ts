/** Servers that are reloaded under load: each reload closes every idle connection, some of them under a request. */
import { assert, it } from "@effect/vitest"
import type * as Failure from "@holdfast/core/Failure"
import { isFailure } from "@holdfast/core/Failure"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import * as Telemetry from "@holdfast/core/Telemetry"
import { mayReplay } from "@holdfast/core/Verdict"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as NodeTransport from "../src/HttpTransport.ts"
import { patient } from "./support/harness.ts"
import * as Front from "./support/front.ts"
import { describeWith } from "./support/programs.ts"

const workers = 20

interface Attempt {
  readonly name: string
  readonly failure: Failure.Failure
}

/** Sends one attempt, each worker over connections of its own, and reads its answer. */
const attempt = (origin: string, worker: number, name: string, connection: "any" | "fresh") =>
  Effect.gen(function* () {
    const transport = yield* HttpTransport
    const response = yield* transport.send({
      candidate: { provider: `worker-${worker}`, model: "any" },
      method: "POST",
      url: `${origin}/v1/messages`,
      headers: { "x-attempt": name },
      body: "{}",
      declaration: "repeatable",
      limits: patient,
      connection
    })
    yield* response.text
    return response.status
  }).pipe(Effect.scoped)

/** Calls with pauses of up to 20 ms; one that fails is repeated once, on a fresh connection, if its verdict allows. */
const load = (origin: string, requests: number) =>
  Effect.gen(function* () {
    const failed: Array<Attempt> = []
    const lost: Array<Attempt> = []
    const statuses = new Map<number, number>()
    const note = (name: string, failures: Array<Attempt>) => (failure: unknown) =>
      Effect.sync(() => {
        if (!isFailure(failure)) throw failure
        failures.push({ name, failure })
        return failure
      })
    const call = (worker: number, name: string) =>
      attempt(origin, worker, `${name}.1`, "any").pipe(
        Effect.catch((error) =>
          Effect.flatMap(note(`${name}.1`, failed)(error), (failure) =>
            mayReplay(failure.verdict, "repeatable") === "no"
              ? Effect.fail(failure)
              : attempt(origin, worker, `${name}.2`, "fresh")
          )
        ),
        Effect.map((status) => void statuses.set(status, (statuses.get(status) ?? 0) + 1)),
        Effect.catch(note(name, lost))
      )
    yield* Effect.forEach(
      Array.from({ length: workers }, (_, worker) => worker),
      (worker) =>
        Effect.forEach(
          Array.from({ length: requests / workers }, (_, nth) => nth),
          (nth) => Effect.delay(call(worker, `${worker}-${nth}`), Math.random() * 20),
          { discard: true }
        ),
      { concurrency: "unbounded", discard: true }
    )
    return { failed, lost, statuses }
  })

const reloading = (server: Front.Name, signal: NodeJS.Signals, requests: number) =>
  Effect.gen(function* () {
    const front = yield* Front.make(server, { idleMs: 5000 })
    let reloads = 0
    const reload = Effect.andThen(
      front.signal(signal),
      Effect.sync(() => reloads++)
    )
    yield* Effect.forkScoped(Effect.repeat(reload, Schedule.spaced("500 millis")))
    const { failed, lost, statuses } = yield* load(front.origin, requests)

    assert.deepStrictEqual(lost, [])
    assert.deepStrictEqual([...statuses], [[200, requests]])
    assert.isAbove(reloads, 3)
    const safe = failed.filter(({ failure }) => failure.verdict === "Safe").map(({ name }) => name)
    const truth = yield* front.truth(safe)
    assert.deepStrictEqual(truth.arrived, [])
    assert.strictEqual(truth.calls, requests)
    // What ran twice was called ambiguous, and repeated because the call was declared repeatable.
    const ambiguous = failed.filter(({ failure }) => failure.verdict === "Ambiguous").map(({ name }) => name)
    for (const twice of truth.twice) assert.include(ambiguous, `${twice}.1`)
  }).pipe(Effect.scoped, Effect.provide(Layer.provide(NodeTransport.layer, Telemetry.layer)))

describeWith(["nginx"], "20,000 requests through an nginx that is reloaded twice a second", () => {
  it.live("are all answered, and none ran twice that was called safe", () => reloading("nginx", "SIGHUP", 20_000))
})

describeWith(["haproxy"], "4,000 requests through an haproxy that is reloaded twice a second", () => {
  it.live("are all answered, and none ran twice that was called safe", () => reloading("haproxy", "SIGUSR2", 4000))
})
