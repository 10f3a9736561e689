/** `auth` in OpenClaw's configuration: which credentials there are, and their order. Keys stand elsewhere. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Schema from "effect/Schema"
import type { CredentialConfiguration } from "../../Configuration.ts"
import { orderedBy, profileOf } from "./common.ts"
import { Text } from "./fields.ts"
import { Cooldowns } from "./openclawCooldowns.ts"
import { placeOfPath } from "./path.ts"

/** The section. */
export const Auth = Schema.Struct({
  profiles: Schema.optionalKey(
    Schema.Record(
      Schema.String,
      Schema.Struct({
        provider: Schema.optionalKey(Text),
        mode: Schema.optionalKey(Schema.Literals(["api_key", "oauth", "token"]))
      })
    )
  ),
  order: Schema.optionalKey(Schema.Record(Schema.String, Schema.Array(Text))),
  cooldowns: Schema.optionalKey(Cooldowns)
})

/**
 * The credentials, in their order; where an order is given, no others.
 *
 * Their keys stand in OpenClaw's own store, which is not read: the first of a provider takes the provider's own
 * variables, and those behind it would have the same key, so they go to `unknown`.
 */
export const credentialsOf = (
  auth: typeof Auth.Type,
  problems: Array<Problem>,
  unknown: Array<Problem>
): ReadonlyArray<CredentialConfiguration> => {
  const root = { auth }
  const credentials: Array<CredentialConfiguration> = []
  for (const [id, { mode = "api_key", provider }] of Object.entries(auth.profiles ?? {})) {
    const place = placeOfPath(root, ["auth", "profiles", id])
    const profile = profileOf(id, provider)
    if (profile === undefined) {
      problems.push({
        kind: "InvalidOption",
        place,
        expected: 'a provider and a name, such as "anthropic:default"',
        found: "another text"
      })
    } else {
      credentials.push({ ...profile, mode: mode === "api_key" ? "api-key" : mode, place })
    }
  }
  const order = auth.order ?? {}
  const ordered = orderedBy(
    credentials,
    order,
    (provider, index) => placeOfPath(root, ["auth", "order", provider, index]),
    // A profile of its store may be named there, too.
    unknown
  ).filter(({ name, provider }) => isNamed(order[provider], provider, name))
  const first = ordered.filter(
    ({ provider }, index) => ordered.findIndex((each) => each.provider === provider) === index
  )
  for (const { place } of ordered.filter((credential) => !first.includes(credential))) {
    unknown.push({
      kind: "InvalidCredential",
      place,
      expected: "a key that can be told from the first one's",
      found: "a profile whose key stands in OpenClaw's own store, which is not read",
      fix: "write the profiles with their keys into holdfast.json5"
    })
  }
  return first
}

const isNamed = (order: ReadonlyArray<string> | undefined, provider: string, name: string): boolean =>
  order === undefined || order.length === 0 || order.includes(name) || order.includes(`${provider}:${name}`)
