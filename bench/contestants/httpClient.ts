/** Effect's `HttpClient` over undici. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Stream from "effect/Stream"
import type { Asked, Open } from "../contestant.ts"
import { effects } from "../contestant.ts"
import { apiKey, requestBody } from "../wire.ts"

/** A call through whichever `HttpClient` is provided. */
export const call = ({ base, streaming }: Asked): Effect.Effect<number, unknown, HttpClient.HttpClient> => {
  const url = `${base}/chat/completions`
  const headers = { authorization: `Bearer ${apiKey}` }
  const body = requestBody(streaming)
  return Effect.flatMap(HttpClient.HttpClient, (client) =>
    Effect.flatMap(
      client.execute(
        HttpClientRequest.post(url, { headers }).pipe(HttpClientRequest.bodyText(body, "application/json"))
      ),
      (response) =>
        streaming ? Stream.runFold(response.stream, zero, addBytes) : Effect.map(response.text, (text) => text.length)
    )
  )
}

const zero = () => 0
const addBytes = (bytes: number, chunk: Uint8Array): number => bytes + chunk.byteLength

export const layerUndici: Open = () => effects(NodeHttpClient.layerUndiciOptions({ allowH2: false }), call)
