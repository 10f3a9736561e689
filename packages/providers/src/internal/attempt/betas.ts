/** Headers in which a provider's trial features are asked for, by configuration and by a call: neither replaces the other. */
import type { HttpRequest } from "@holdfast/core/HttpTransport"

type Headers = HttpRequest["headers"]

const isBeta = (name: string): boolean => /^(?:anthropic|openai)-beta$/i.test(name)

/** A call's own headers, with the trial features of the provider's headers added to its own. */
export const betasJoined = (provider: Headers, own: Readonly<Record<string, string>> | undefined): Headers => {
  if (own === undefined) return {}
  const headers: Record<string, Headers[string]> = {}
  for (const [name, value] of Object.entries(own)) {
    const configured = isBeta(name) ? find(provider, name) : undefined
    if (configured === undefined) headers[name] = value
    else headers[configured[0]] = joined(configured[1], value)
  }
  return headers
}

/** The configured header of that name, however its letters are written. */
const find = (headers: Headers, name: string): readonly [string, string] | undefined => {
  for (const [other, value] of Object.entries(headers)) {
    if (other.toLowerCase() === name.toLowerCase() && typeof value === "string") return [other, value]
  }
  return undefined
}

const joined = (...lists: ReadonlyArray<string>): string => {
  const values = lists.flatMap((list) => list.split(",")).map((value) => value.trim())
  return [...new Set(values.filter((value) => value !== ""))].join(",")
}
