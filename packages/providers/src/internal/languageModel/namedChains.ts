/** The models that a policy names for failures of one reason alone. */
import type { NamedReason } from "@holdfast/core/CallState"
import type { Candidate } from "@holdfast/core/Candidate"
import type { CallOptions } from "@holdfast/core/Failover"
import type { Policy } from "@holdfast/core/FailoverPolicy"
import type { Problem } from "@holdfast/core/InvalidInput"
import type { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Result from "effect/Result"

type Registry = Pick<ProviderRegistry["Service"], "resolve">

type Named = { readonly [R in NamedReason]?: ReadonlyArray<string> }

const none = Effect.succeed(undefined)

/** The candidates of the models that are named; nothing where none are. A model that cannot be resolved now is left out. */
export const resolve = (
  registry: Registry,
  chains: Policy["chains"]
): Effect.Effect<Pick<CallOptions, "chains"> | undefined> =>
  Object.keys(chains).length === 0
    ? none
    : Effect.map(
        Effect.all(Record.map(named(chains), (names) => Effect.forEach(names, (name) => candidatesOf(registry, name)))),
        (found) => ({ chains: Record.map(found, (each) => each.flat()) })
      )

const candidatesOf = (registry: Registry, name: string): Effect.Effect<ReadonlyArray<Candidate>> =>
  Effect.match(registry.resolve({ model: name, fallbacks: [] }), {
    onFailure: () => [],
    onSuccess: ({ chain }) => chain
  })

/** What is wrong with the names, each at its place in the policy. */
export const problems = (registry: Registry, chains: Policy["chains"]): Effect.Effect<ReadonlyArray<Problem>> =>
  Effect.map(
    Effect.forEach(
      Object.entries(named(chains)).flatMap(([reason, names]) =>
        names.map((name, index) => ({ name, place: `policy.chains.${reason}[${index}]` }))
      ),
      ({ name, place }) =>
        Effect.map(Effect.result(registry.resolve({ model: name, fallbacks: [] })), (resolved) =>
          Result.isSuccess(resolved) ? [] : resolved.failure.problems.map((problem) => ({ ...problem, place }))
        )
    ),
    (each) => each.flat()
  )

/** Without the reasons for which nobody is named. */
const named = (chains: Named): Record<string, ReadonlyArray<string>> =>
  Object.fromEntries(Object.entries(chains).filter(([, names]) => names !== undefined))
