/** What a name means: a reference, an alias, an agent, or a model that one provider has. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import { mayBeKey } from "@holdfast/core/Preview"
import * as Result from "effect/Result"
import type { AgentConfiguration, Configuration } from "../../Configuration.ts"
import { closest } from "../configuration/suggest.ts"
import { placeOfPath } from "../configuration/path.ts"
import { shown } from "../settings.ts"
import { isKnown } from "./definitions.ts"
import type { Entry } from "./entry.ts"

/** What names mean. */
export interface Names {
  /** The model that a name means; `place` is where the name stands. */
  readonly refOf: (name: string, place: string) => Result.Result<ModelRef.ModelRef, Problem>
  /** The agent that a name means, unless it is somebody's alias. */
  readonly agentNamed: (name: string) => AgentConfiguration | undefined
  /** An agent by its id. */
  readonly agent: (id: string, place: string) => Result.Result<AgentConfiguration, Problem>
}

/** Where the parts of an agent stand. */
export const placesOf = (
  agents: Configuration["agents"],
  id: string,
  { fallbacks, places }: AgentConfiguration
): NonNullable<AgentConfiguration["places"]> => {
  if (places !== undefined) return places
  const place = placeOfPath({ agents }, ["agents", id])
  return { primary: `${place}.primary`, fallbacks: fallbacks.map((_, index) => `${place}.fallbacks[${index}]`) }
}

/** Reads the names of a configuration; two models of one alias go to `problems`. */
export const make = (
  { agents, models }: Configuration,
  entries: ReadonlyMap<string, Entry>,
  problems: Array<Problem>
): Names => {
  const aliases = new Map<string, string>()
  const byModel = new Map<string, Array<string>>()
  for (const [ref, { alias }] of Object.entries(models)) {
    const model = ref.slice(ref.indexOf("/") + 1)
    byModel.set(model, [...(byModel.get(model) ?? []), ref])
    if (alias === undefined) continue
    const other = aliases.get(alias)
    if (other === undefined) aliases.set(alias, ref)
    else problems.push(taken(alias, placeOfPath({ models }, ["models", ref, "alias"]), other))
  }
  const own = new Map(Object.entries(agents))
  const named = new Map<string, Set<string>>()
  for (const { fallbacks, primary } of own.values()) {
    for (const name of [primary, ...fallbacks]) {
      const ref = Result.getOrUndefined(parsed(aliases.get(name) ?? name, "", entries))
      if (ref !== undefined) named.set(ref.model, (named.get(ref.model) ?? new Set()).add(ModelRef.format(ref)))
    }
  }
  const known = () => [...aliases.keys(), ...own.keys()].filter((name) => !mayBeKey(name))

  const refOf = (
    name: string,
    place: string,
    trail: ReadonlyArray<string> = []
  ): Result.Result<ModelRef.ModelRef, Problem> => {
    const written = aliases.get(name) ?? name
    if (written.includes("/") || written === "") return parsed(written, place, entries)
    const agent = own.get(name)
    if (agent !== undefined) {
      return trail.includes(name)
        ? Result.fail(loop([...trail, name], place))
        : refOf(agent.primary, place, [...trail, name])
    }
    const owners = ownersOf(name, byModel.get(name) ?? named.get(name), entries)
    const [only] = owners
    if (only !== undefined && owners.length === 1) return parsed(only, place, entries)
    return Result.fail(only === undefined ? unknown(name, place, known()) : ambiguous(name, place, owners))
  }

  return {
    refOf,
    agentNamed: (name) => (aliases.has(name) ? undefined : own.get(name)),
    agent: (id, place) => {
      const agent = own.get(id)
      return agent === undefined ? Result.fail(unknownAgent(id, place, [...own.keys()])) : Result.succeed(agent)
    }
  }
}

/**
 * The references that a bare name may mean: those that are configured as models, or that agents name; without any, those
 * that the table knows of.
 */
const ownersOf = (
  model: string,
  configured: Iterable<string> | undefined,
  entries: ReadonlyMap<string, Entry>
): ReadonlyArray<string> => {
  if (configured !== undefined) return [...configured]
  const owners = [...entries.values()].filter(
    // One that is not in the table says of every model what others know.
    ({ definition: { describe, id } }) => isKnown(id) && describe(model) !== undefined
  )
  return owners.map(({ definition: { id } }) => `${id}/${model}`)
}

const parsed = (
  text: string,
  place: string,
  entries: ReadonlyMap<string, Entry>
): Result.Result<ModelRef.ModelRef, Problem> => {
  const ref = Result.mapError(ModelRef.parse(text, place), ({ problems: [problem] }) => problem)
  return Result.isSuccess(ref) && !entries.has(ref.success.provider)
    ? Result.fail(unknownProvider(ref.success.provider, place, entries))
    : ref
}

/** A provider that nobody knows. */
export const unknownProvider = (id: string, place: string, entries: ReadonlyMap<string, Entry>): Problem => {
  const known = [...entries.keys()].filter((name) => !mayBeKey(name))
  const meant = mayBeKey(id) ? undefined : closest(id, known)
  return {
    kind: "UnknownProvider",
    place,
    expected: `a provider that is known: ${known.join(", ")}`,
    found: shown(id),
    fix:
      meant === undefined
        ? "name it in the options, with its baseUrl and api"
        : `did you mean ${JSON.stringify(meant)}?`
  }
}

const unknownAgent = (id: string, place: string, agents: ReadonlyArray<string>): Problem => {
  const known = agents.filter((name) => !mayBeKey(name))
  const meant = mayBeKey(id) ? undefined : closest(id, known)
  return {
    kind: "UnknownAgent",
    place,
    expected: known.length === 0 ? "an agent; none is configured" : `one of the agents ${known.join(", ")}`,
    found: shown(id),
    ...(meant === undefined ? undefined : { fix: `did you mean ${JSON.stringify(meant)}?` })
  }
}

const unknown = (name: string, place: string, known: ReadonlyArray<string>): Problem => {
  const meant = mayBeKey(name) ? undefined : closest(name, known)
  return {
    kind: "UnknownModel",
    place,
    expected:
      (known.length === 0 ? "" : `one of the names ${known.join(", ")}, `) +
      'a model that one provider has, or a reference such as "anthropic/claude-opus-4-7"',
    found: shown(name),
    ...(meant === undefined ? undefined : { fix: `did you mean ${JSON.stringify(meant)}?` })
  }
}

const ambiguous = (name: string, place: string, owners: ReadonlyArray<string>): Problem => ({
  kind: "UnknownModel",
  place,
  expected: `a model that one provider has; this may be ${owners.join(" or ")}`,
  found: shown(name),
  fix: "write it with its provider"
})

const loop = (trail: ReadonlyArray<string>, place: string): Problem => ({
  kind: "AliasLoop",
  place,
  expected: "a name that leads to a model",
  found: trail.map((name) => (mayBeKey(name) ? "a text that may be a key" : name)).join(" -> "),
  fix: "name a model in one of these agents"
})

const taken = (alias: string, place: string, other: string): Problem => ({
  kind: "InvalidOption",
  place,
  expected: "an alias that no other model has",
  found: mayBeKey(alias) ? "one that another has" : `${JSON.stringify(alias)}, which is the alias of ${other}`
})
