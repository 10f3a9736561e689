/** The providers that there are: those of the table, and those that the settings define beyond it. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import { placeOf } from "@holdfast/core/Preview"
import type { Codec } from "../../Codec.ts"
import type { ProviderOptions } from "../../Configuration.ts"
import type { ProviderDefinition } from "../../ProviderDefinition.ts"
import { table } from "../../ProviderTable.ts"
import { bearer } from "../authenticate.ts"
import { shown } from "../settings.ts"
import { formatsOf } from "./keyProblem.ts"

/** How keys look. */
export const formats = formatsOf(table)

/** Whether a provider is known without configuration. */
export const isKnown = (id: string): boolean => table.some((definition) => definition.id === id)

const spoken: ReadonlyArray<Codec> = table.flatMap((definition) => definition.codecs)

/** The table, and what the settings define; what is wrong with a definition goes to `problems`. */
export const defined = (
  settings: Readonly<Record<string, ProviderOptions>>,
  problems: Array<Problem>
): ReadonlyArray<ProviderDefinition> => {
  const custom: Array<ProviderDefinition> = []
  for (const [index, [id, own]] of Object.entries(settings).entries()) {
    if (isKnown(id)) continue
    const place = placeOf("providers", id, index)
    const codec = spoken.find(({ api }) => api === own.api)
    if (!ModelRef.isProvider(id)) {
      problems.push({
        kind: "InvalidOption",
        place: "providers",
        expected: "ids of letters, digits, dots, dashes and underscores",
        found: shown(id)
      })
    } else if (codec === undefined) {
      problems.push(apiProblem(place, own.api, spoken, "because the provider is not known"))
    } else if (own.baseUrl === undefined) {
      problems.push({
        kind: "InvalidBaseUrl",
        place: `${place}.baseUrl`,
        expected: "an absolute http: or https: URL, because the provider is not known",
        found: "nothing"
      })
    } else {
      custom.push(customOf(id, codec, own.baseUrl))
    }
  }
  return [...table, ...custom]
}

/** A wire format that is not among those that can be spoken. */
export const apiProblem = (place: string, api: unknown, codecs: ReadonlyArray<Codec>, why: string): Problem => ({
  kind: "InvalidOption",
  place: `${place}.api`,
  expected: `one of ${[...new Set(codecs.map((codec) => codec.api))].join(", ")}, ${why}`,
  found: shown(api)
})

/** A provider that speaks a known wire format is taken to authenticate the way that format's first speaker does. */
const customOf = (id: string, codec: Codec, baseUrl: string): ProviderDefinition => {
  const like = table.find((definition) => definition.codecs.includes(codec))
  return {
    id,
    name: id,
    codecs: [codec],
    baseUrl,
    keyVariables: [],
    ...(like?.embeddings === undefined ? undefined : { embeddings: like.embeddings }),
    ...(like?.baseUrlOf === undefined ? undefined : { baseUrlOf: like.baseUrlOf }),
    authenticate: like?.authenticate ?? bearer,
    headers: like?.headers ?? {},
    // Nothing is known of the server, so undici's own caution holds.
    connections: { keepAliveMs: 4000 },
    describe: (model) => table.map((definition) => definition.describe(model)).find((known) => known !== undefined)
  }
}
