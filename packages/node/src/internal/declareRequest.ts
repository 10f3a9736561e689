/** What a request of an `HttpClient` says of itself, read where its attempt failed. */
import * as Client from "@holdfast/core/Client"
import type { Declaration } from "@holdfast/core/Declaration"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import { declare, isGeneration } from "./generation.ts"

/** By its method; a POST of JSON to a generation endpoint that is known, by its body. */
export const declareRequest = (request: HttpClientRequest): Declaration => {
  const byMethod = Client.declare(request)
  if (byMethod !== "unknown" || request.method !== "POST") return byMethod
  const path = URL.parse(request.url)?.pathname ?? ""
  return isGeneration(path) ? declare(path, jsonOf(request)) : byMethod
}

const jsonOf = ({ body }: HttpClientRequest): unknown => {
  const content = body._tag === "Raw" ? body.body : body._tag === "Uint8Array" ? (body.text ?? body.body) : undefined
  try {
    if (content instanceof Uint8Array) return JSON.parse(new TextDecoder().decode(content))
    return typeof content === "string" ? JSON.parse(content) : undefined
  } catch {
    return undefined
  }
}
