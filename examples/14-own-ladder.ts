/**
 * A ladder of one's own, from the parts that `Failover` is made of: this program makes each attempt, looks at how it
 * failed and says itself when to give up. Where it asks `Failover.next`, the policy decides and waits; cooldowns, retry
 * budget, time and telemetry are kept either way.
 */
import { Console, Effect } from "effect"
import { Candidate, Codecs, DirectModel, Failover, Failure, Holdfast, ModelCalls } from "holdfast"
import { ProviderHealth, ProviderRegistry, ReplaySafety, RetryBudget } from "holdfast"

/** One attempt: the candidate's own model, once, without a chain. */
const ask = Effect.fnUntraced(function* ({ attempt, candidate }: Failover.Attempt) {
  yield* Console.log(`attempt ${attempt} asks ${Candidate.label(candidate)}`)
  const { definition } = yield* Effect.fromNullishOr((yield* Codecs.Codecs).of(candidate))
  const model = ModelCalls.of(yield* DirectModel.make(definition, candidate.model))
  return (yield* model.generateText({ prompt: "Say hello in five words." })).text
})

/** The rungs: as the policy says, but nothing overloaded is waited for. */
const climb = Effect.fnUntraced(function* (ladder: Failover.Ladder) {
  while (true) {
    const rung = yield* Effect.result(Failover.attempt(ladder, ask))
    if (rung._tag === "Success") return rung.success
    const failure = rung.failure
    if (!Failure.isFailure(failure)) return yield* Effect.fail(failure)
    const ground = ReplaySafety.mayReplay(failure.verdict, failure.declaration)
    yield* Console.log(`  ${failure.reason._tag}, ${failure.verdict}: may it be replayed? ${ground}`)
    if (failure.reason._tag === "Overloaded") return yield* failure
    yield* Failover.next(ladder, failure)
  }
})

const program = Effect.gen(function* () {
  const registry = yield* ProviderRegistry.ProviderRegistry
  const failover = yield* Failover.Failover
  const { chain } = yield* registry.resolve({ model: "anthropic/claude-opus-4-7", fallbacks: ["openai/gpt-5.5"] })
  const text = yield* Effect.flatMap(failover.open({ chain, totalMs: 60_000 }), climb).pipe(
    Effect.map(({ answered, value }) => `${Candidate.label(answered)}: ${value}`),
    Effect.catchIf(Failure.isFailure, ({ reason }) => Effect.succeed(`given up: ${reason.advice}`))
  )
  yield* Console.log(text)

  const health = yield* ProviderHealth.ProviderHealth
  for (const { reason, scope, state } of yield* health.snapshot) {
    if (state === "open") yield* Console.log(`a ${scope} cools down: ${reason}`)
  }
  const budget = yield* RetryBudget.RetryBudget
  for (const { calls, provider, taken } of budget.snapshot()) {
    yield* Console.log(`${provider}: ${calls} call, ${taken} further attempts`)
  }
})

await program.pipe(Effect.provide(Holdfast.layer()), Effect.runPromise)
