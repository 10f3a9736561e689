/** The `params` of OpenClaw's models: settings of ours and fields of the request, in one object. */
import type { Problem } from "@holdfast/core/InvalidInput"
import type { ModelSettings } from "@holdfast/core/ProviderRegistry"
import { shown } from "../settings.ts"
import type { Path } from "./path.ts"
import { placeOfPath } from "./path.ts"

const settings = {
  cacheRetention: ["none", "short", "long"],
  context1m: [true, false],
  transport: ["auto", "sse", "websocket"]
} as const

const isSetting = (name: string): name is keyof typeof settings => Object.hasOwn(settings, name)

// OpenClaw's own spelling of fields that the formats share.
const fields: Readonly<Record<string, string>> = { maxTokens: "max_tokens", topP: "top_p" }

/** What of them is ours to take. Other names of OpenClaw's own making go to `unknown`: a provider would refuse them. */
export const paramsOf = (
  written: Readonly<Record<string, unknown>>,
  root: unknown,
  path: Path,
  problems: Array<Problem>,
  unknown: Array<Problem>
): Partial<ModelSettings> => {
  const taken: Record<string, unknown> = {}
  const params: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(written)) {
    const place = placeOfPath(root, [...path, name])
    if (isSetting(name)) {
      const allowed: ReadonlyArray<unknown> = settings[name]
      if (allowed.includes(value)) taken[name] = value
      else
        problems.push({ kind: "InvalidOption", place, expected: `one of ${allowed.join(", ")}`, found: shown(value) })
    } else if (/[A-Z]/.test(name) && !Object.hasOwn(fields, name)) {
      unknown.push({
        kind: "UnknownOption",
        place,
        expected: "cacheRetention, context1m, transport, or a field of the provider's own request",
        found: "a parameter of OpenClaw's own",
        fix: "it is not sent"
      })
    } else {
      params[fields[name] ?? name] = value
    }
  }
  return { ...taken, ...(Object.keys(params).length === 0 ? undefined : { params }) }
}
