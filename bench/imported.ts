/** Imports the module that it is told to, and prints what that loaded. */
import { registerHooks } from "node:module"
import * as Predicate from "effect/Predicate"
import type { Loaded } from "./imports.ts"

/** Which modules are codecs; ChatGPT's is written in terms of the one for responses. */
const codecs: Readonly<Record<string, string>> = {
  "AnthropicMessages.ts": "anthropic-messages",
  "Ollama.ts": "ollama",
  "OpenAiCodexResponses.ts": "openai-codex-responses",
  "OpenAiCompletions.ts": "openai-completions",
  "OpenAiResponses.ts": "openai-responses"
}
const builtOn: Readonly<Record<string, ReadonlyArray<string>>> = { "openai-codex-responses": ["openai-responses"] }

const formats: Array<string> = []
let modules = 0

registerHooks({
  load: (url, context, next) => {
    const own = /\/packages\/([a-z]+\/src\/.*)$/.exec(url)?.[1]
    if (own !== undefined) modules++
    const format = codecs[own?.replace("providers/src/", "") ?? ""]
    if (format !== undefined) formats.push(format)
    return next(url, context)
  }
})

const begun = performance.now()
const exports: Readonly<Record<string, unknown>> = await import(process.argv[2] ?? "")
const ms = performance.now() - begun

const apis = Object.values(exports).flatMap((each) =>
  Predicate.hasProperty(each, "codecs")
    ? (each.codecs as ReadonlyArray<{ readonly api: string }>).map(({ api }) => api)
    : []
)
const spoken = [...apis, ...apis.flatMap((api) => builtOn[api] ?? [])]
process.stdout.write(JSON.stringify({ formats: formats.toSorted(), spoken, modules, ms } satisfies Loaded))
