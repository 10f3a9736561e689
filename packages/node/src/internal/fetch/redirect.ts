/**
 * Which redirects `fetch` follows: as GET or HEAD, without a body, and to another origin without anything that could be
 * a credential. What would have to be sent again with its body is the caller's to send.
 */
import type { HttpResponse } from "@holdfast/core/HttpTransport"
import type { Target } from "./call.ts"
import type { Outgoing } from "./outgoing.ts"

/** The most redirects of one call: Fetch, "HTTP-redirect fetch". */
const mostHops = 20

/** What an answer means for its call: it is the caller's, it leads elsewhere, or it may not be. */
export type Next =
  | { readonly _tag: "Answer" }
  | { readonly _tag: "Follow"; readonly target: Target }
  | { readonly _tag: "Refuse"; readonly detail: string }

const answer: Next = { _tag: "Answer" }
const refuse = (detail: string): Next => ({ _tag: "Refuse", detail })

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** What an answer means for its call. */
export const next = (
  mode: Outgoing["redirect"],
  { headers, method, url }: Target,
  response: HttpResponse,
  hops: number
): Next => {
  if (!redirects.has(response.status)) return answer
  if (mode === "error") return refuse("a redirect, which the caller would not have")
  const location = response.headers["location"]
  if (mode === "manual" || location === undefined) return answer
  const asGet = method === "POST" ? response.status <= 303 : response.status === 303
  if (method !== "GET" && method !== "HEAD" && !asGet) return answer
  const to = URL.parse(location, url)
  if (to === null || (to.protocol !== "http:" && to.protocol !== "https:"))
    return refuse("a redirect to no http(s) URL")
  if (hops >= mostHops) return refuse(`more than ${mostHops} redirects`)
  const from = new URL(url)
  if (to.hash === "") to.hash = from.hash
  return {
    _tag: "Follow",
    target: {
      method: method === "HEAD" ? "HEAD" : "GET",
      url: to.href,
      headers: to.origin === from.origin ? withoutBody(headers) : onlySafe(headers),
      body: undefined
    }
  }
}

// Fetch, "request-body-header name".
const ofBody: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-type"
])

// What says nothing of who asks. Providers have many headers for keys, so nothing else goes to another origin.
const safe: ReadonlySet<string> = new Set(["accept", "accept-encoding", "accept-language", "user-agent"])

const withoutBody = (headers: Target["headers"]) => filtered(headers, (name) => !ofBody.has(name))

const onlySafe = (headers: Target["headers"]) => filtered(headers, (name) => safe.has(name))

const filtered = (headers: Target["headers"], keep: (name: string) => boolean): Target["headers"] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => keep(name)))
