/**
 * What an error answer means, for every format: the provider's own rules, then the format's, then the status, and words
 * only to tell apart what these do not.
 */
import * as Reason from "@holdfast/core/Reason"
import type { Classified, ErrorAnswer, Reading } from "../../Codec.ts"
import { plain } from "../../Codec.ts"
import type { AnswerReason, ErrorRule } from "../../ErrorRule.ts"
import type { Facts, Said } from "./facts.ts"
import { headersOf, objectIn, requestIdOf, saidOf, saidStatusOf, upstreamOf } from "./facts.ts"
import { limitOf } from "./limit.ts"
import type { Match, View } from "./match.ts"
import { first, viewOf } from "./match.ts"
import * as Page from "./page.ts"
import { ofStatus } from "./statuses.ts"
import { hints, texts } from "./texts.ts"
import { askedMs, emptyBucket, nowOf } from "./wait.ts"
import * as Json from "../json.ts"

/** How a format words its errors. */
export interface Format {
  /** Its first speaker: whose answers they are if nobody says. */
  readonly speaker: string
  /** What code and type say. */
  readonly words: ReadonlyArray<ErrorRule>
  /** What they say that says less than the status. */
  readonly types: ReadonlyArray<ErrorRule>
  /** Whether a body has the shape that the format's speakers give an error. */
  readonly isOwn: (body: Json.Json) => boolean
  /** Whether an answer without a body is the provider's by what it calls the request. */
  readonly isOwnId: (headers: ErrorAnswer["headers"]) => boolean
  /** The statuses with which the format's speakers refuse what they have not run. */
  readonly notRun: ReadonlySet<number>
}

/**
 * Statuses with which providers refuse a request that they have not run (docs.anthropic.com, "Errors";
 * platform.openai.com/docs, "Error codes"), in their own shape. 408, 409, 424 and 5xx, 529 among them, are not: a
 * request may run and be given up.
 */
export const notRunStatuses: ReadonlySet<number> = new Set([400, 401, 402, 403, 404, 405, 413, 415, 422, 429])

// Reasons that an answer of these statuses has although it ran, or may have: what the model wrote was refused, or the
// request was given up on the way.
const mayHaveRun: ReadonlySet<Reason.Tag> = new Set<Reason.Tag>(["ContentRefused", "Overloaded", "ServerError"])

/** What an error answer in a format means. */
export const classifyAs =
  (format: Format) =>
  (answer: ErrorAnswer, reading: Reading = plain): Classified => {
    const facts = factsOf(format, answer, reading)
    const reason = reasonOf(format, facts, reading)
    return { reason, notRun: isProofOfNotRun(format, facts, reason) }
  }

/** What an error object inside a 200 or a stream means. */
export const classifyInBandAs =
  (format: Format) =>
  (payload: Json.Json, reading: Reading): Reason.Reason => {
    const headers = headersOf({}, payload)
    const facts: Facts = {
      ...saidOf(payload),
      status: undefined,
      saidStatus: saidStatusOf(payload),
      upstream: upstreamOf(payload),
      requestId: requestIdOf(headers, payload),
      own: true,
      intermediary: false,
      page: false,
      blocked: false,
      headers,
      body: payload,
      now: nowOf(headers, undefined),
      clean: reading.clean,
      provider: reading.provider ?? format.speaker
    }
    return reasonOf(format, facts, reading)
  }

const factsOf = (format: Format, answer: ErrorAnswer, reading: Reading): Facts => {
  const body = objectIn(answer.body)
  const headers = headersOf(answer.headers, body)
  const isEmpty = answer.body.trim() === ""
  // Without a body the id alone tells; with one, the body must be the provider's, or somebody wrote it in between.
  const own = isEmpty ? format.isOwnId(answer.headers) : isObject(answer.body) && format.isOwn(body)
  const said = saidOf(body)
  const page = Page.isHtml(answer.body)
  const text = said.text === "" && !own && Object.keys(body).length === 0 ? Page.textOf(answer.body) : said.text
  const gateway = Page.isGateway(headers, text)
  return {
    ...said,
    text,
    status: answer.status,
    saidStatus: saidStatusOf(body),
    upstream: upstreamOf(body),
    requestId: requestIdOf(headers, body),
    own,
    intermediary: gateway || (!own && (page || answer.status >= 500)),
    page,
    blocked: Page.isBlockedAddress(headers, answer.body),
    headers,
    body,
    now: nowOf(headers, answer.at),
    clean: reading.clean,
    provider: reading.provider ?? format.speaker
  }
}

const isObject = (body: string): boolean => /^\s*\{/.test(body)

/** Some 4xx judge what the model has written: it ran (Groq's `failed_generation`, content filters). */
const isProofOfNotRun = (format: Format, facts: Facts, reason: Reason.Reason): boolean =>
  facts.own &&
  !facts.intermediary &&
  facts.status !== undefined &&
  format.notRun.has(facts.status) &&
  !mayHaveRun.has(reason._tag) &&
  Json.object(facts.body["error"])["failed_generation"] === undefined

const reasonOf = (format: Format, facts: Facts, reading: Reading): Reason.Reason => {
  const view = viewOf(facts, facts.status ?? facts.saidStatus)
  const match = first(reading.errors ?? [], view) ?? refined(found(format, facts, view), facts, view)
  return make(match, facts, reading)
}

/** What structure tells. */
const found = (format: Format, facts: Facts, view: View): Match =>
  first(format.words, view) ??
  upstreamMatch(format, facts, view) ??
  turnedAway(facts) ??
  elsewhere(facts) ??
  statusMatch(facts, view.status) ??
  first(format.types, view) ?? {
    name: facts.status === undefined ? "no-rule" : `status-${facts.status}`,
    reason: "Unclassified"
  }

/** A reason that words tell apart. */
const refined = (match: Match, facts: Facts, view: View): Match => {
  const rules = facts.page ? undefined : texts[match.reason]
  const better = rules === undefined ? undefined : first(rules, view)
  // A rule that says the same again keeps those after it from saying something else.
  const isSame = better?.reason === match.reason && (better.hint === undefined || match.hint !== undefined)
  return better === undefined || isSame ? match : { ...match, ...better, name: `${match.name}/${better.name}` }
}

// What the upstream says of the request and the model is true of ours; what it says of keys, money and limits is the
// router's own trouble.
const passedOn: ReadonlySet<AnswerReason> = new Set<AnswerReason>([
  "ContextOverflow",
  "ContentRefused",
  "InvalidRequest",
  "ModelNotFound",
  "Overloaded"
])

const upstreamMatch = (format: Format, { upstream }: Facts, { status }: View): Match | undefined => {
  if (upstream === undefined) return undefined
  const view = viewOf(upstream, status)
  const match = first(format.words, view) ?? first(texts.InvalidRequest ?? [], view)
  return match !== undefined && passedOn.has(match.reason) ? { ...match, name: `upstream/${match.name}` } : undefined
}

/** An edge that lets nobody in from this address. */
const turnedAway = (facts: Facts): Match | undefined => {
  if (facts.status === 429 && facts.page) {
    return { name: "status-429/address", reason: "RateLimited", limited: "provider", hint: hints.addressLimited }
  }
  return facts.blocked
    ? { name: `status-${facts.status}/blocked-address`, reason: "RegionBlocked", hint: hints.egress }
    : undefined
}

/** A path that nobody serves: the base URL leads elsewhere, unless the words speak of a model. */
const elsewhere = (facts: Facts): Match | undefined => {
  if (facts.own || (facts.status !== 404 && facts.status !== 405)) return undefined
  const reason = "ModelNotFound"
  return !facts.page && /\bmodels?\b/i.test(facts.text)
    ? { name: `status-${facts.status}`, reason }
    : { name: `status-${facts.status}/wrong-url`, reason, hint: hints.url }
}

const statusMatch = (facts: Facts, status: number | undefined): Match | undefined => {
  const meaning = status === undefined ? undefined : ofStatus(status, !facts.own)
  return meaning === undefined
    ? undefined
    : { ...meaning, name: facts.status === undefined ? `said-status-${status}` : `status-${status}` }
}

const longestWord = 100

/** The reasons that carry nothing besides the answer. */
const plainReasons = {
  AuthenticationFailed: Reason.AuthenticationFailed,
  BillingExhausted: Reason.BillingExhausted,
  ContentRefused: Reason.ContentRefused,
  ContextOverflow: Reason.ContextOverflow,
  CredentialRevoked: Reason.CredentialRevoked,
  ModelNotFound: Reason.ModelNotFound,
  PermissionDenied: Reason.PermissionDenied,
  RegionBlocked: Reason.RegionBlocked,
  SessionExpired: Reason.SessionExpired,
  Unclassified: Reason.Unclassified
} as const

const make = (match: Match, facts: Facts, reading: Reading): Reason.Reason => {
  const hint = hintOf(match, facts, reading)
  const said = facts.clean(wordsOf(facts))
  const kept = (text: string) => facts.clean(text, longestWord)
  const server = facts.intermediary && !facts.own ? Page.serverOf(facts.headers) : undefined
  const answer = {
    rule: `${facts.provider}/${match.name}`,
    ...(Number.isSafeInteger(facts.status) ? { status: Number(facts.status) } : undefined),
    ...(facts.type === undefined ? undefined : { type: kept(facts.type) }),
    ...(facts.code === undefined ? undefined : { code: kept(facts.code) }),
    ...(said === "" ? undefined : { said }),
    ...(facts.requestId === undefined ? undefined : { requestId: kept(facts.requestId) }),
    ...(facts.intermediary ? { from: "intermediary" as const } : undefined),
    ...(server === undefined ? undefined : { server: kept(server) }),
    ...(hint === undefined ? undefined : { hint })
  }
  switch (match.reason) {
    case "RateLimited": {
      const limit = limitOf(facts.words, wordsOf(facts), facts.headers)
      const bucket = emptyBucket(facts.headers, facts.now)
      const wait = waitOf(facts) ?? bucket?.resetMs
      return new Reason.RateLimited({
        ...answer,
        ...(bucket?.counted === undefined ? undefined : { counted: bucket.counted }),
        ...limit,
        ...(match.limited === undefined ? undefined : { limited: match.limited }),
        ...(wait === undefined || match.passes === false ? undefined : { retryAfterMs: wait })
      })
    }
    case "Overloaded": {
      const wait = waitOf(facts)
      return new Reason.Overloaded({ ...answer, ...(wait === undefined ? undefined : { retryAfterMs: wait }) })
    }
    case "ServerError":
      return new Reason.ServerError({ ...answer, from: facts.own && !facts.intermediary ? "provider" : "intermediary" })
    case "InvalidRequest":
      return new Reason.InvalidRequest({
        ...answer,
        ...(facts.parameter === undefined ? undefined : { parameter: kept(facts.parameter) })
      })
    default:
      return new plainReasons[match.reason](answer)
  }
}

const waitOf = ({ body, headers, now, text }: Facts): number | undefined => askedMs(headers, body, text, now)

/** A router's own words say only that somebody failed; his words stand beside them, and his name. */
const wordsOf = ({ text, upstream }: Facts): string => {
  if (upstream === undefined) return text
  const name = upstream.name === undefined ? "" : ` (${upstream.name})`
  return `${text}${name}: ${upstream.text === "" ? wordsIn(upstream) : upstream.text}`
}

const wordsIn = ({ words }: Said): string => words.join(", ")

const hintOf = ({ captured, hint, reason }: Match, facts: Facts, { statusPage }: Reading): string | undefined => {
  if (hint !== undefined) return hint.replaceAll("$1", () => facts.clean(captured ?? "", longestWord))
  // Who stands in between is not on the provider's page.
  if (facts.intermediary || statusPage === undefined) return undefined
  if (reason === "ServerError") return `Look at ${statusPage}.`
  return reason === "Overloaded" ? `Back off; look at ${statusPage}; another model may have capacity.` : undefined
}
