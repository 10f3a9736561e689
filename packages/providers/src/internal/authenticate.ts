/** The ways in which providers want their keys. */
import * as Redacted from "effect/Redacted"

/** `Authorization: Bearer` (RFC 6750). */
export const bearer = (key: Redacted.Redacted): Readonly<Record<string, Redacted.Redacted>> => ({
  authorization: Redacted.make(`Bearer ${Redacted.value(key)}`)
})
