/**
 * What only an answer's words tell, by the reason that status, type and code have given: a 403 alone may be permission,
 * region, plan, billing, a blocked address or a bad key.
 *
 * The patterns are what the providers named in the tables beside this one are known to write; they say no more than that
 * a word of them occurs, and never look at a page's text.
 */
import type { AnswerReason, ErrorRule } from "../../ErrorRule.ts"

/** What a person can do, where several rules say the same. */
export const hints = {
  egress: "Check the address that the request leaves from: a proxy, a VPN, or the allow list of the key.",
  addressLimited:
    "An edge or a proxy counts the requests of this address: space them out, or look at the proxy's own limit.",
  plan: "The key's plan does not include this use: use a key of another plan, or the endpoint that the plan is for.",
  url: "Check the base URL: it does not lead to this API (is /v1 missing, or there twice?).",
  signIn: "Sign in again: the token cannot be refreshed.",
  size: "Send less: fewer or smaller images and files, a shorter history. A proxy in between may have a limit of its own.",
  requestAlone:
    "The request alone is larger than what is allowed in a minute, so waiting does not help: shorten it, raise the tier, or use another model."
} as const

type Texts = { readonly [R in AnswerReason]?: ReadonlyArray<ErrorRule> }

const overflow = (name: string, text: RegExp): ErrorRule => ({ name, when: { text }, reason: "ContextOverflow" })
const rule = (name: string, reason: AnswerReason, text: RegExp, hint?: string): ErrorRule => ({
  name,
  when: { text },
  reason,
  ...(hint === undefined ? undefined : { hint })
})

const revoked = rule(
  "revoked",
  "CredentialRevoked",
  /\b(?:revoked|deactivated|suspended|terminated)\b|\b(?:key|account|organi[sz]ation|workspace|project|user)\b.{0,40}\b(?:has been|is|was) (?:disabled|deleted|banned|locked)/i
)

const place = String.raw`(?:country|region|location|territory)`

// Of a refused request: `location` is a parameter's name as well, so the whole sentence has to be there.
const region = rule(
  "region",
  "RegionBlocked",
  new RegExp(
    String.raw`unsupported (?:countr|region)|user location is not supported|${place} not supported|not (?:supported|available|allowed|served) (?:in|from) (?:your|this) ${place}`,
    "i"
  )
)

const regionRefused = rule(
  "region",
  "RegionBlocked",
  new RegExp(
    String.raw`${region.when.text?.source}|unsupported location|${place}[^.]{0,60}\bnot (?:supported|available|allowed|served)`,
    "i"
  )
)

const address = rule(
  "address",
  "PermissionDenied",
  /\bip(?: address(?:es)?)?\b.{0,80}(?:not (?:authori[sz]ed|allowed|permitted|whitelisted)|allow ?list|blocked|denied)|(?:virtual network|firewall)[^.]{0,20} rules/i,
  hints.egress
)

const apiKey = rule(
  "api-key",
  "AuthenticationFailed",
  /\b(?:invalid|incorrect|wrong|missing|unknown|bad)\b.{0,12}\bapi[ _-]?(?:key|token)|api[ _-]?(?:key|token)\b.{0,24}\b(?:not valid|invalid|incorrect|expired|not found|missing|wrong)|invalid (?:authentication|credentials|bearer|access token)|authentication (?:fails|failed)/i
)

const billing = rule(
  "billing",
  "BillingExhausted",
  /insufficient[ _](?:account )?(?:balance|credits?|quota|funds)|(?:run |ran |is |are |)out of (?:credits?|extra usage|funds)|not enough (?:credits?|balance|funds)|exceeded your current quota|in arrears|overdue (?:balance|payment)|negative balance|spend(?:ing)? (?:limit|cap)|billing (?:hard )?limit|requires more credits|key limit exceeded|payment (?:method )?(?:is )?required|budget has been exceeded|usage limits?\b.{0,80}regain access/i
)

const refused = rule(
  "content",
  "ContentRefused",
  /content (?:management |filtering )?policy|content[ _]filter|contentpolicyviolation|\bflagged\b|usage polic(?:y|ies)|responsible ai|safety (?:reasons|system|policy|policies)|sensitive content/i
)

const overloaded = rule(
  "overloaded",
  "Overloaded",
  /\boverloaded\b|at (?:full )?capacity|(?:no|insufficient|exceeded|over|out of) capacity|high (?:demand|load|traffic)|server (?:is )?busy|too busy/i
)

const wrongUrl = rule(
  "wrong-url",
  "ModelNotFound",
  /^(?:the )?(?:requested )?(?:resource|page|url|route|path|endpoint)?[ :]*(?:was )?not found\.?$|invalid url|unknown (?:request )?(?:url|path|route|endpoint)|no (?:matching )?route|cannot (?:post|get) \/|(?:path|route|url)\b.{0,80}\b(?:not found|does not exist)|404 page not found/i,
  hints.url
)

const tooLarge: ErrorRule = {
  name: "too-large-for-limit",
  when: { text: /request too large\b.{0,300}\b(?:per min|tpm)/is },
  reason: "RateLimited",
  limited: "model",
  passes: false,
  hint: hints.requestAlone
}

const noModel = rule(
  "model",
  "ModelNotFound",
  /not a valid model( id)?\b|model .{0,80}\b(?:does not exist|not found|not exist|decommissioned|deprecated and)|no such model|unknown model|models\/\S{1,80} is not found/i
)

const context: ReadonlyArray<ErrorRule> = [
  overflow(
    "prompt-too-long",
    /prompt is too long|exceeds? (?:the )?(?:model'?s )?(?:maximum |max )?context|exceeds? the maximum (?:number of )?(?:allowed )?(?:context|input|prompt|tokens)/i
  ),
  overflow(
    "context-length",
    /(?:maximum|max) context length|prompt (?:is )?too long|context (?:length|window) exceeded|contextwindowexceeded|exceeded model token limit|exceeds? the available context|reduce the length of the (?:messages|prompt|input)|input (?:is )?too long|too many (?:input|prompt) tokens|tokens too long|Prompt 超长/i
  )
]

const cannot: ErrorRule = {
  name: "capability",
  when: {
    text: /\bdoes not support (tools|tool use|function calling|thinking|images?|image input|vision|insert|embeddings?|chat)\b/i
  },
  reason: "InvalidRequest",
  hint: "The model does not support $1: leave it out of the request, or use a model that does."
}

const itemGone: ErrorRule = {
  name: "item-gone",
  when: { text: /items are not persisted|previous response .{0,120}not found/i },
  reason: "SessionExpired",
  hint: "Send the full history: what the request refers to is not kept by the provider."
}

const aboutRequest: ReadonlyArray<ErrorRule> = [
  tooLarge,
  ...context,
  rule("credit-balance", "BillingExhausted", /credit balance/i),
  rule("organization-disabled", "CredentialRevoked", /organization has been disabled/i),
  billing,
  noModel,
  apiKey,
  region,
  refused,
  {
    name: "reasoning-item",
    when: { text: /of type '?reasoning'? was provided without its required/i },
    reason: "InvalidRequest",
    hint: "The history holds a reasoning item without the item that followed it: send both, or neither."
  },
  itemGone,
  cannot
]

/** By the reason found so far; the first that fits replaces it. */
export const texts: Texts = {
  InvalidRequest: aboutRequest,
  Unclassified: [
    ...aboutRequest,
    overloaded,
    rule("rate-limit", "RateLimited", /rate[ -]?limit|too many requests|throttl|quota exceeded|usage limit/i),
    rule("server", "ServerError", /internal (?:server )?error|server error|upstream (?:error|failed)|timed? ?out/i)
  ],
  PermissionDenied: [
    regionRefused,
    rule(
      "plan",
      "PermissionDenied",
      /coding plan|\b(?:your|current|this) (?:\w+ )?(?:plan|subscription|tier)\b|upgrade (?:your|to)\b/i,
      hints.plan
    ),
    billing,
    revoked,
    address,
    apiKey,
    refused
  ],
  AuthenticationFailed: [
    revoked,
    billing,
    address,
    regionRefused,
    rule(
      "token-expired",
      "SessionExpired",
      /\b(?:access |oauth |authentication |auth |session )?token (?:has |is )?expired|session (?:has |is )?expired/i,
      "Refresh the token, or sign in again."
    )
  ],
  // Of one's own accord a provider says 402 for a window as well: it passes.
  BillingExhausted: [
    {
      name: "period",
      when: {
        status: 402,
        text: /(?:try again|retry) (?:in|after|at|later)|\b(?:daily|weekly|monthly|hourly) (?:usage |spend(?:ing)? |request )?limit|\bresets? (?:at|in|on)\b|usage limit .{0,40}(?:period|window)/i
      },
      reason: "RateLimited",
      limited: "credential"
    }
  ],
  ModelNotFound: [itemGone, noModel, wrongUrl],
  RateLimited: [
    // Who says when to come again speaks of a window, whatever else is said of plans and billing.
    rule("window", "RateLimited", /(?:try again|retry) (?:in|after) ~?\d/i),
    tooLarge,
    { ...billing, name: "quota" },
    overloaded,
    {
      ...revoked,
      when: { text: /\b(?:account|organi[sz]ation|workspace)\b.{0,60}\b(?:deactivated|suspended|disabled|terminated)/i }
    }
  ],
  ServerError: [...context, overloaded]
}
