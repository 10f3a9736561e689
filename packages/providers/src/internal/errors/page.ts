/** Answers that are nobody's error object: pages and lines of proxies, gateways and web servers. */
import * as Json from "../json.ts"
import type { Headers } from "./wait.ts"

/** Whether a body is a page of HTML. */
export const isHtml = (body: string): boolean => /^\s*(?:<!doctype|<html|<head|<body|<\?xml|<!--)/i.test(body)

/** What a page or a line of text says: a page by its title. */
export const textOf = (body: string): string => {
  if (!isHtml(body)) return body.trim()
  return (/<title[^>]{0,100}>([^<]+)/i.exec(body)?.[1] ?? "").replace(/\s+/g, " ").trim()
}

/** Whether a gateway relayed or made the answer: LiteLLM and Portkey say so in headers, LiteLLM in its words as well. */
export const isGateway = (headers: Headers, text: string): boolean =>
  text.startsWith("litellm.") || Object.keys(headers).some((name) => /^x-(?:litellm|portkey)-/.test(name))

/**
 * Whether an edge turned the sender away for where it comes from: a challenge meant for browsers, or a ban of its address
 * (developers.cloudflare.com, "1xxx errors": 1005 to 1012, 1020; "Challenge": `cf-mitigated`).
 */
export const isBlockedAddress = (headers: Headers, body: string): boolean =>
  headers["cf-mitigated"] === "challenge" ||
  (isHtml(body) &&
    /just a moment\.\.\.|attention required! \| cloudflare|error code: 10(?:0[5-9]|1[0-2]|20)|you have been blocked/i.test(
      body.slice(0, 16_384)
    ))

/** Who says he answered. */
export const serverOf = (headers: Headers): string | undefined => headers["server"] ?? headers["via"]

/** An error of unknown shape in the usual places, or nothing. */
export const messageIn = (body: Json.Json): string | undefined => {
  const detail = body["detail"]
  const [first] = Json.array(body["errors"])
  return (
    Json.string(body["message"]) ??
    Json.string(body["msg"]) ??
    Json.string(body["error_msg"]) ??
    Json.string(body["error_description"]) ??
    Json.string(detail) ??
    Json.string(Json.object(detail)["message"]) ??
    Json.string(Json.object(first)["message"])
  )
}
