/** ChatGPT's backend for Codex, for subscribers: OpenAI's models with an OAuth token in place of a key. */
import * as Base64Url from "effect/encoding/Base64Url"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { bearer } from "../internal/authenticate.ts"
import { openaiCodexErrors } from "../internal/errors/openaiCodex.ts"
import * as Json from "../internal/json.ts"
import * as OpenAiCodexResponses from "../OpenAiCodexResponses.ts"
import type { ModelFacts, ProviderDefinition } from "../ProviderDefinition.ts"
import { describe as describeModel } from "../internal/models/gpt.ts"

/** The models are OpenAI's; a subscription pays for them, not their tokens. */
export const describe = (model: string): ModelFacts | undefined => {
  const facts = describeModel(model)
  if (facts === undefined) return undefined
  const { price: _, ...rest } = facts
  return rest
}

/** The claim under which OpenAI's tokens say for whom they stand. */
const claim = "https://api.openai.com/auth"

/** The account that a token (a JWT, RFC 7519) stands for, where it says so. */
const accountOf = (token: Redacted.Redacted): string | undefined => {
  const payload = Redacted.value(token).split(".")[1]
  const text = payload === undefined ? undefined : Result.getOrUndefined(Base64Url.decodeString(payload))
  const claims = Json.object(text === undefined ? undefined : Json.objectIn(text)[claim])
  const account = Json.string(claims["chatgpt_account_id"])
  // It becomes a header.
  return account !== undefined && /^[\x21-\x7e]+$/.test(account) ? account : undefined
}

/** ChatGPT's backend for Codex. */
export const openaiCodex: ProviderDefinition = {
  id: "openai-codex",
  name: "OpenAI Codex",
  codecs: [OpenAiCodexResponses.codec],
  baseUrl: "https://chatgpt.com/backend-api",
  // As the Codex command line reads it.
  keyVariables: ["CODEX_ACCESS_TOKEN"],
  // A JSON web token: what its first part begins with.
  keyFormat: { prefix: "eyJ", example: "a token, eyJ..." },
  authenticate: (token) => {
    const account = accountOf(token)
    return account === undefined ? bearer(token) : { ...bearer(token), "chatgpt-account-id": Redacted.make(account) }
  },
  headers: { "openai-beta": "responses=experimental", originator: "holdfast" },
  // Cloudflare stands before it, which keeps idle connections longer; as for OpenAI's own API.
  connections: { keepAliveMs: 50_000 },
  describe,
  statusPage: "https://status.openai.com",
  errors: openaiCodexErrors
}
