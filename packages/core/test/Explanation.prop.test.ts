/** A dry run decides what the run itself decides. */
import { assert, describe, it } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import * as Explanation from "@holdfast/core/Explanation"
import * as FailoverModule from "@holdfast/core/Failover"
import { Failover } from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as ModelRef from "@holdfast/core/ModelRef"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import * as Telemetry from "@holdfast/core/Telemetry"
import type * as Turn from "@holdfast/core/Turn"
import type { Chain } from "@holdfast/core/ProviderRegistry"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { failureOf } from "../src/internal/explanation/supposed.ts"
import { eventsFromHere, patiently } from "./failoverScript.ts"
import { gpt, opus, opusAtHome } from "./fixtures.ts"
import { AnyCandidate, AnyChain, AnyFault, AnyPolicy, failureAt, overridesOf } from "./policyWorld.ts"

const world = {
  /** Whether failures cool down, as `ProviderHealth` has it. */
  cooldowns: Schema.Boolean,
  /** How long the schedules wait: less or more than what cools down does. */
  spacedMs: Schema.Literals([0, 31_000]),
  named: Schema.Array(AnyCandidate).check(Schema.isMaxLength(2)),
  refreshes: Schema.Boolean,
  suits: Schema.Boolean,
  /** Whether the policy's own rules hold, or what the app says to every swap. */
  swaps: Schema.Literals(["by rule", "wanted", "unwanted"]),
  policy: AnyPolicy,
  chain: AnyChain,
  faults: Schema.Array(AnyFault).check(Schema.isMaxLength(8)),
  repeats: Schema.Boolean,
  midTurn: Schema.Boolean,
  totalMs: Schema.Literals([0, 0, 1_000, 60_000])
}

const codec = Schema.toCodecJson(Explanation.Explanation)
const strict = { onExcessProperty: "error" } as const

interface World extends Omit<{ readonly [K in keyof typeof world]: (typeof world)[K]["Type"] }, "chain" | "named"> {
  readonly chain: Chain
  readonly named: ReadonlyArray<Candidate>
}

/** A policy without chance. */
const policyOf = ({ policy, spacedMs, swaps }: Pick<World, "policy" | "spacedMs" | "swaps">) => {
  const overrides = overridesOf(policy)
  const schedule = Schedule.spaced(spacedMs).pipe(Schedule.upTo({ times: policy.retries }))
  const asks = { ask: () => Effect.succeed(swaps === "wanted") }
  return {
    ...overrides,
    retry: { reach: schedule, connection: schedule, response: schedule, capacity: schedule },
    ...(swaps === "by rule" ? undefined : { swap: { start: asks, midTurn: asks } })
  }
}

const layerOf = (overrides: FailoverPolicy.Overrides, cooldowns: boolean) =>
  Layer.orDie(
    FailoverModule.layer.pipe(
      Layer.provideMerge(
        Layer.mergeAll(
          FailoverPolicy.FailoverPolicy.layer(overrides),
          cooldowns ? ProviderHealth.layer() : ProviderHealth.layerOff,
          RetryBudget.layerOff
        )
      )
    )
  ).pipe(Layer.provideMerge(Telemetry.layer))

/** Makes a call, and asserts that the dry run of it comes to the same. Gives what was decided. */
const compare = (of: World) =>
  Effect.gen(function* () {
    const { chain, cooldowns, faults, midTurn, named, refreshes, repeats, suits, swaps, totalMs } = of
    const overrides = policyOf(of)
    const last = chain.at(-1) ?? chain[0]
    const moment: Turn.Moment = midTurn
      ? { at: "mid", answered: ModelRef.make(last.provider, last.model) }
      : { at: "start", answered: undefined }
    const call = {
      chain,
      totalMs,
      moment,
      chains: { ContextOverflow: named },
      suits: ({ model }: Candidate) => suits || model !== "gpt"
    }
    const places: ReadonlyArray<Candidate> = [...chain, ...named]
    const faultOf = (attempt: number) => faults[attempt - 1] ?? (repeats ? faults.at(-1) : undefined)

    const failover = yield* Failover
    const events = yield* eventsFromHere
    const asked: Array<string> = []
    const exit = yield* Effect.exit(
      patiently(
        failover.run({
          ...call,
          ...(refreshes ? { refresh: () => Effect.succeed(true) } : undefined),
          attempt: ({ attempt, candidate, connection }) => {
            asked.push(`${attempt} ${places.indexOf(candidate)} ${connection}`)
            const fault = faultOf(attempt)
            return fault === undefined ? Effect.succeed("answer") : Effect.fail(failureAt(candidate, fault))
          }
        })
      )
    )
    const explanation = yield* FailoverPolicy.explain(FailoverPolicy.make(overrides), {
      ...call,
      repeats,
      refreshes,
      cooldowns,
      agrees: swaps === "wanted",
      failures: faults.map((fault) => failureAt(chain[0], fault))
    })

    const taken = events.flatMap((event) => (event._tag === "Decided" ? [event.decision] : []))
    assert.deepStrictEqual(
      explanation.steps.flatMap(({ decisions }) => decisions.map(({ decision }) => decision)),
      taken
    )
    const { end, steps } = explanation
    const made = steps.map(({ attempt, connection, index }) => `${attempt} ${index} ${connection}`)
    assert.deepStrictEqual(
      end._tag === "Asks" ? [...made, `${end.attempt} ${end.index} ${end.connection}`] : made,
      asked
    )
    assert.strictEqual(end._tag === "Asks", Exit.isSuccess(exit))
    if (end._tag === "Fails") assert.strictEqual(end.error, (yield* Effect.flip(exit))._tag)

    const read = Schema.decodeUnknownSync(codec, strict)(JSON.parse(JSON.stringify(explanation)))
    assert.deepStrictEqual(read, explanation)
    return taken
  }).pipe(Effect.provide(layerOf(policyOf(of), of.cooldowns)), Effect.scoped)

const failedBy = (fault: Explanation.Fault): typeof AnyFault.Type => {
  const { declaration, evidence, exposure, reason } = failureOf(fault, { candidate: opus, attempt: 1 }, 0)
  return {
    declaration: declaration === "repeatable" ? declaration : "unknown",
    evidence,
    exposure,
    reason,
    assumed: false
  }
}

describe("explain", () => {
  it.effect.prop(
    "gives, for any sequence of failures, the decisions that a run of the same policy takes",
    world,
    compare,
    {
      arbitrary: { runs: 300, seed: 20261121 },
      timeout: 60_000
    }
  )

  /** Two credentials of one model, and another model. */
  const chain = [opus, opusAtHome, gpt] as const
  const usual = { named: [], refreshes: false, suits: true, swaps: "by rule", midTurn: false, totalMs: 0 } as const

  it.effect.each([
    { what: "a probe that failed, for longer", faults: ["Overloaded"], retries: 1, spacedMs: 31_000, waits: true },
    { what: "a model at its fifth fault in a row", faults: ["ServerError"], retries: 4, spacedMs: 0, waits: true },
    { what: "no model before that", faults: ["ServerError"], retries: 3, spacedMs: 0, waits: false },
    {
      what: "a model for as long as its provider asked",
      faults: [{ reason: "Overloaded", retryAfterMs: 50_000 }],
      retries: 0,
      spacedMs: 0,
      waits: true
    },
    {
      what: "no other credential's use of a model for the limit of one",
      faults: [{ reason: "RateLimited", retryAfterMs: 50_000 }],
      retries: 0,
      spacedMs: 0,
      waits: false
    },
    {
      what: "a model whose probe met other trouble",
      faults: ["Overloaded", "ServerError", "ModelNotFound"],
      retries: 1,
      spacedMs: 31_000,
      waits: true
    }
  ] as const)("holds $what, as the run does", ({ faults, retries, spacedMs, waits }) =>
    Effect.gen(function* () {
      // Under the default table whoever shares what failed is left out; here the cooldown alone is against it.
      const row = { same: "capacity", onward: "next" } as const
      const policy = { start: "any", midTurn: "any", maxAttempts: 12, retries, row } as const
      const given = { ...usual, policy, spacedMs, faults: faults.map(failedBy), repeats: true, cooldowns: true }
      const taken = yield* compare({ ...given, chain })
      assert.strictEqual(
        taken.some(({ _tag }) => _tag === "Wait"),
        waits
      )
    })
  )
})
