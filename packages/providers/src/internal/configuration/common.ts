/** How agents, aliases and credentials are written in every shape. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { isProvider } from "@holdfast/core/ModelRef"
import type { AgentConfiguration, CredentialConfiguration } from "../../Configuration.ts"
import { shown } from "../settings.ts"
import { closest } from "./suggest.ts"

/** Whether a text can be an alias or an agent's id: with a slash or a space, it would be read as something else. */
export const isAlias = (text: string): boolean => /^[^\s/]+$/.test(text)

/** What {@link isAlias} takes. */
export const aliasExpected = "a name without slashes and spaces"

/** A model, or a model and those that may stand in. */
export type AgentText = string | { readonly primary: string; readonly fallbacks?: ReadonlyArray<string> }

/** An agent, whichever way it is written. */
export const agentOf = (agent: AgentText, place: string): AgentConfiguration =>
  typeof agent === "string"
    ? { primary: agent, fallbacks: [], places: { primary: place, fallbacks: [] } }
    : agentAt(agent.primary, agent.fallbacks ?? [], place)

/** An agent that is written as an object. */
export const agentAt = (primary: string, fallbacks: ReadonlyArray<string>, place: string): AgentConfiguration => ({
  primary,
  fallbacks,
  places: { primary: `${place}.primary`, fallbacks: fallbacks.map((_, index) => `${place}.fallbacks[${index}]`) }
})

/** Provider and name of `anthropic:work`; without a name, it is `default`. */
export const profileOf = (
  id: string,
  provider: string | undefined
): { readonly provider: string; readonly name: string } | undefined => {
  const colon = id.indexOf(":")
  const before = colon === -1 ? id : id.slice(0, colon)
  const owner = provider ?? before
  const name = colon === -1 ? (provider === undefined ? "default" : id) : id.slice(colon + 1)
  return isProvider(owner) && name !== "" ? { provider: owner, name } : undefined
}

/** Credentials with those that `order` names first, each provider's in its order. */
export const orderedBy = (
  credentials: ReadonlyArray<CredentialConfiguration>,
  order: Readonly<Record<string, ReadonlyArray<string>>>,
  placeOf: (provider: string, index: number) => string,
  problems: Array<Problem>
): ReadonlyArray<CredentialConfiguration> => {
  const first = new Set<CredentialConfiguration>()
  for (const [provider, names] of Object.entries(order)) {
    const own = credentials.filter((credential) => credential.provider === provider)
    for (const [index, written] of names.entries()) {
      const name = written.startsWith(`${provider}:`) ? written.slice(provider.length + 1) : written
      const credential = own.find((each) => each.name === name)
      if (credential === undefined) {
        const known = own.map((each) => each.name)
        const meant = closest(name, known)
        problems.push({
          kind: "InvalidCredential",
          place: placeOf(provider, index),
          expected: known.length === 0 ? `a profile of ${provider}; there is none` : `one of ${known.join(", ")}`,
          found: shown(written),
          ...(meant === undefined ? undefined : { fix: `did you mean ${JSON.stringify(meant)}?` })
        })
      } else {
        first.add(credential)
      }
    }
  }
  return [...first, ...credentials.filter((credential) => !first.has(credential))]
}
