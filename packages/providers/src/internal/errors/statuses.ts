/** What a status means where type and code say nothing. */
import type { ErrorRule } from "../../ErrorRule.ts"
import { hints } from "./texts.ts"

type Meaning = Pick<ErrorRule, "reason" | "hint">

const invalid: Meaning = { reason: "InvalidRequest" }
const given: Meaning = { reason: "ServerError" }
const moved: Meaning = {
  reason: "Unclassified",
  hint: "The answer is a redirect: write where it leads as the base URL."
}

const meanings: Readonly<Record<number, Meaning>> = {
  301: moved,
  302: moved,
  303: moved,
  307: moved,
  308: moved,
  400: invalid,
  401: { reason: "AuthenticationFailed" },
  402: { reason: "BillingExhausted" },
  403: { reason: "PermissionDenied" },
  404: { reason: "ModelNotFound" },
  405: invalid,
  407: { reason: "Unclassified", hint: "A proxy wants credentials of its own: write them into the proxy's URL." },
  // Somebody gave the request up; what it had done by then nobody says.
  408: given,
  409: given,
  413: { reason: "InvalidRequest", hint: hints.size },
  415: invalid,
  422: invalid,
  424: given,
  429: { reason: "RateLimited" },
  // RFC 7725.
  451: { reason: "RegionBlocked" },
  499: given,
  529: { reason: "Overloaded" }
}

// developers.cloudflare.com, "5xx errors": an edge that could not reach what is behind it.
const edge: Readonly<Record<number, string>> = {
  520: "sent an answer that makes no sense",
  521: "refused the connection",
  522: "did not answer the connection",
  523: "cannot be reached",
  524: "did not answer in time",
  525: "failed the TLS handshake",
  526: "has a certificate that is not valid",
  530: "cannot be resolved"
}

/** The rule of a status, if it has a meaning. */
export const ofStatus = (status: number, foreign: boolean): Meaning | undefined => {
  const meaning = meanings[status]
  if (meaning !== undefined) return meaning
  if (status < 500 || status > 599) return undefined
  const origin = foreign ? edge[status] : undefined
  return origin === undefined
    ? given
    : { reason: "ServerError", hint: `An edge (Cloudflare) answered: the server behind it ${origin}.` }
}
