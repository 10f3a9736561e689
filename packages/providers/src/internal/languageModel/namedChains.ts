/**
 * The models that an app or a policy names for failures of one reason alone.
 *
 * They are resolved as fallbacks of what is asked: the allow list lets them pass, and one whose key cannot be used is left
 * out with a warning.
 */
import type { NamedReason } from "@holdfast/core/CallState"
import type { Candidate } from "@holdfast/core/Candidate"
import type { CallOptions } from "@holdfast/core/Failover"
import type { Problem } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import type { Asked, ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"

type Registry = Pick<ProviderRegistry["Service"], "resolve">

/** Names of models, by the reason that they are asked for. */
export type Named = { readonly [R in NamedReason]?: ReadonlyArray<string> }

/** The app's own names come before the policy's, reason by reason. */
export const either = (own: Named | undefined, policy: Named): Named =>
  own === undefined ? policy : { ...policy, ...given(own) }

/** The candidates of the models that are named; nothing where none are. A model that cannot be resolved now is left out. */
export const resolve = (
  registry: Registry,
  asked: Asked,
  chains: Named
): Effect.Effect<Pick<CallOptions, "chains"> | undefined> =>
  Object.keys(chains).length === 0
    ? Effect.undefined
    : Effect.map(
        Effect.all(
          Record.map(given(chains), (names) => Effect.forEach(names, (name) => candidatesOf(registry, asked, name)))
        ),
        (found) => ({ chains: Record.map(found, (each) => each.flat()) })
      )

const candidatesOf = (registry: Registry, asked: Asked, name: string): Effect.Effect<ReadonlyArray<Candidate>> =>
  Effect.match(registry.resolve(behind(asked, name)), {
    onFailure: () => [],
    onSuccess: ({ chain: [first, ...rest] }) => rest.filter((candidate) => !ModelRef.equals(candidate, first))
  })

// Where the registry says that the name stands.
const behindAt = "fallbacks[0]"

/** What was asked, and the name behind it. An agent beside a model would add its primary. */
const behind = ({ agent, model }: Asked, name: string): Asked => ({
  ...(model === undefined ? (agent === undefined ? undefined : { agent }) : { model }),
  fallbacks: [name]
})

/** What is wrong with the names of the app and of the policy, each at its place. */
export const problems = (
  registry: Registry,
  asked: Asked,
  own: Named = {},
  policy: Named
): Effect.Effect<ReadonlyArray<Problem>> => {
  const ofPolicy = Record.filter(given(policy), (_, reason) => !Object.hasOwn(given(own), reason))
  return Effect.map(
    Effect.forEach([...placed("chains", given(own)), ...placed("policy.chains", ofPolicy)], ({ name, place }) =>
      Effect.match(registry.resolve(behind(asked, name)), {
        onFailure: ({ problems }) => problems.flatMap((each) => (each.place === behindAt ? [{ ...each, place }] : [])),
        onSuccess: () => []
      })
    ),
    (each) => each.flat()
  )
}

type Names = Readonly<Record<string, ReadonlyArray<string>>>

const placed = (place: string, chains: Names) =>
  Object.entries(chains).flatMap(([reason, names]) =>
    names.map((name, index) => ({ name, place: `${place}.${reason}[${index}]` }))
  )

/** Without the reasons for which nobody is named. */
const given = (chains: Named): Names =>
  Object.fromEntries(Object.entries(chains).filter(([, names]) => names !== undefined))
