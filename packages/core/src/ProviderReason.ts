/**
 * Why a provider answered with an error, from its status, its structured error type and code, and only then its text.
 */
import * as Schema from "effect/Schema"
import { inWords } from "./internal/inWords.ts"
import type { Scope } from "./Reason.ts"

const tagged = "@holdfast/core/Reason"

/** What every provider reason carries. */
const answer = {
  /** HTTP status; absent where the error came inside a 200. */
  status: Schema.optionalKey(Schema.Int),
  /** The provider's own error type, as it wrote it. */
  type: Schema.optionalKey(Schema.String),
  /** The provider's own error code, as it wrote it. */
  code: Schema.optionalKey(Schema.String),
  /** The provider's own words, cut and scrubbed of anything that looks like a key. */
  said: Schema.optionalKey(Schema.String),
  requestId: Schema.optionalKey(Schema.String),
  /** Present where something in front of the provider answered, or answered for it: a proxy, a gateway. */
  from: Schema.optionalKey(Schema.Literals(["provider", "intermediary"])),
  /** Who that was, as it calls itself: `nginx`. */
  server: Schema.optionalKey(Schema.String),
  /** What a person can do in this very case; `advice` says it instead of what it says in general. */
  hint: Schema.optionalKey(Schema.String),
  /** The classification rule that matched. */
  rule: Schema.String
}

interface Answer {
  readonly status?: number
  readonly type?: string
  readonly code?: string
  readonly hint?: string
  readonly from?: "provider" | "intermediary"
  readonly server?: string
}

const between = ({ server }: Answer): string =>
  server === undefined
    ? "The answer is not the provider's own: look at the proxy or gateway in between."
    : `The answer is not the provider's own but that of ${server}: look at the proxy or gateway in between.`

/** What is said of this very case, or in general, and that somebody else answered where that is so. */
const adviceOf = (self: Answer, general: string): string => {
  if (self.hint !== undefined) return self.hint
  return self.from === "intermediary" ? `${general} ${between(self)}` : general
}

const describe = (what: string, self: Answer): string => {
  const facts = [self.status, self.type, self.code].filter((fact) => fact !== undefined)
  return facts.length === 0 ? what : `${what} (${facts.join(", ")})`
}

/** The key or token was not accepted. */
export class AuthenticationFailed extends Schema.TaggedError<AuthenticationFailed>(`${tagged}/AuthenticationFailed`)(
  "AuthenticationFailed",
  answer
) {
  readonly scope: Scope = "credential"
  override get message(): string {
    return describe("the provider did not accept the credential", this)
  }
  get advice(): string {
    return adviceOf(
      this,
      "Check the key: whole, without spaces or line breaks, of this provider, and re-read by the process."
    )
  }
}

/** The credential was revoked or its account deactivated; no refresh helps. */
export class CredentialRevoked extends Schema.TaggedError<CredentialRevoked>(`${tagged}/CredentialRevoked`)(
  "CredentialRevoked",
  answer
) {
  readonly scope: Scope = "credential"
  override get message(): string {
    return describe("the credential was revoked", this)
  }
  get advice(): string {
    return adviceOf(this, "Make a new key, or sign in again.")
  }
}

/** The credential is valid but may not do this. */
export class PermissionDenied extends Schema.TaggedError<PermissionDenied>(`${tagged}/PermissionDenied`)(
  "PermissionDenied",
  answer
) {
  readonly scope: Scope = "credential"
  override get message(): string {
    return describe("the credential may not do this", this)
  }
  get advice(): string {
    return adviceOf(this, "Check the key itself, and that its project or plan includes this model and this use.")
  }
}

/** The provider does not serve the place the request came from. */
export class RegionBlocked extends Schema.TaggedError<RegionBlocked>(`${tagged}/RegionBlocked`)(
  "RegionBlocked",
  answer
) {
  readonly scope: Scope = "provider"
  override get message(): string {
    return describe("the provider does not serve this region", this)
  }
  get advice(): string {
    return adviceOf(
      this,
      "Check the egress address, a VPN or a proxy; otherwise use a provider that serves the region."
    )
  }
}

/** Credit, quota or plan is used up; waiting does not help soon. */
export class BillingExhausted extends Schema.TaggedError<BillingExhausted>(`${tagged}/BillingExhausted`)(
  "BillingExhausted",
  answer
) {
  readonly scope: Scope = "credential"
  override get message(): string {
    return describe("credit or quota is used up", this)
  }
  get advice(): string {
    return adviceOf(this, "Add credit or a payment method, or use another credential.")
  }
}

/** Too many requests or tokens in the provider's window. */
export class RateLimited extends Schema.TaggedError<RateLimited>(`${tagged}/RateLimited`)("RateLimited", {
  ...answer,
  /** How long the provider asked to wait, in milliseconds. */
  retryAfterMs: Schema.optionalKey(Schema.Finite),
  /** What the limit is on, as far as the answer tells: a model, all that the credential may ask, or everybody. */
  limited: Schema.Literals(["model", "credential", "provider"]),
  /** What is counted, where the answer tells. */
  counted: Schema.optionalKey(Schema.Literals(["requests", "tokens", "concurrency"])),
  /** The window it is counted in, where the answer tells. */
  window: Schema.optionalKey(Schema.Literals(["second", "minute", "hour", "day", "week", "month"]))
}) {
  get scope(): Scope {
    return this.limited
  }
  override get message(): string {
    return describe("rate limited", this)
  }
  get advice(): string {
    if (this.retryAfterMs === undefined) return adviceOf(this, "Wait, spread the calls out, or raise the tier.")
    const wait = `Wait ${inWords(this.retryAfterMs)}`
    return this.hint === undefined
      ? adviceOf(this, `${wait}, spread the calls out, or raise the tier.`)
      : `${wait}. ${this.hint}`
  }
}

/** The provider is short of capacity. */
export class Overloaded extends Schema.TaggedError<Overloaded>(`${tagged}/Overloaded`)("Overloaded", {
  ...answer,
  retryAfterMs: Schema.optionalKey(Schema.Finite)
}) {
  readonly scope: Scope = "model"
  override get message(): string {
    return describe("the provider is overloaded", this)
  }
  get advice(): string {
    return adviceOf(this, "Back off; look at the provider's status page; another model may have capacity.")
  }
}

/** The provider, or something in front of it, failed. */
export class ServerError extends Schema.TaggedError<ServerError>(`${tagged}/ServerError`)("ServerError", {
  ...answer,
  /** Whether the answer had the provider's own shape, or looked like a page of something in between. */
  from: Schema.Literals(["provider", "intermediary"])
}) {
  readonly scope: Scope = "model"
  override get message(): string {
    return describe(
      this.from === "provider" ? "the provider failed" : "something in front of the provider failed",
      this
    )
  }
  get advice(): string {
    if (this.hint !== undefined) return this.hint
    return this.from === "provider" ? "Look at the provider's status page." : between(this)
  }
}

/** The model does not exist here, or the base URL leads elsewhere. */
export class ModelNotFound extends Schema.TaggedError<ModelNotFound>(`${tagged}/ModelNotFound`)(
  "ModelNotFound",
  answer
) {
  readonly scope: Scope = "model"
  override get message(): string {
    return describe("the model was not found", this)
  }
  get advice(): string {
    return adviceOf(
      this,
      "Check the model's name and that the key has access to it; check the base URL (is /v1 missing?)."
    )
  }
}

/** The provider refused the request as it stands. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>(`${tagged}/InvalidRequest`)("InvalidRequest", {
  ...answer,
  /** The parameter the provider named. */
  parameter: Schema.optionalKey(Schema.String)
}) {
  readonly scope: Scope = "request"
  override get message(): string {
    return describe("the provider refused the request", this)
  }
  get advice(): string {
    return adviceOf(this, "The request itself must change; the provider's words say where.")
  }
}

/** Prompt and answer do not fit the model's context. */
export class ContextOverflow extends Schema.TaggedError<ContextOverflow>(`${tagged}/ContextOverflow`)(
  "ContextOverflow",
  answer
) {
  readonly scope: Scope = "request"
  override get message(): string {
    return describe("the prompt does not fit the model's context", this)
  }
  get advice(): string {
    return adviceOf(this, "Shorten or compact the history, or name a chain of models with larger contexts.")
  }
}

/** The provider refused the content, of the prompt or of its own answer. */
export class ContentRefused extends Schema.TaggedError<ContentRefused>(`${tagged}/ContentRefused`)(
  "ContentRefused",
  answer
) {
  readonly scope: Scope = "request"
  override get message(): string {
    return describe("the provider refused the content", this)
  }
  get advice(): string {
    return adviceOf(this, "The content itself was refused; asking again does not help.")
  }
}

/** A session, conversation or response the request builds on is gone. */
export class SessionExpired extends Schema.TaggedError<SessionExpired>(`${tagged}/SessionExpired`)(
  "SessionExpired",
  answer
) {
  readonly scope: Scope = "credential"
  override get message(): string {
    return describe("the session has expired", this)
  }
  get advice(): string {
    return adviceOf(this, "Start a new session or send the full history.")
  }
}

/** None of the rules matched. */
export class Unclassified extends Schema.TaggedError<Unclassified>(`${tagged}/Unclassified`)("Unclassified", answer) {
  readonly scope: Scope = "request"
  override get message(): string {
    return describe("the failure fits no rule", this)
  }
  get advice(): string {
    return adviceOf(this, "Report the status, type and code so that a rule can be added.")
  }
}
