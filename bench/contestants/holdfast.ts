/** Holdfast's transport and its failover around it. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Client from "@holdfast/core/Client"
import * as Failover from "@holdfast/core/Failover"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import * as Journal from "@holdfast/core/Journal"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as NodeHttpTransport from "@holdfast/node/HttpTransport"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { Asked, Open } from "../contestant.ts"
import { effects, effectsOneByOne } from "../contestant.ts"
import { call } from "./httpClient.ts"
import { apiKey, model, requestBody } from "../wire.ts"

const candidate = { provider: "openai", model }
const headers = { "content-type": "application/json", authorization: Redacted.make(`Bearer ${apiKey}`) }

const requestOf = ({ base, streaming }: Asked): Omit<HttpRequest, "candidate"> => ({
  method: "POST",
  url: `${base}/chat/completions`,
  headers,
  body: requestBody(streaming),
  declaration: "repeatable",
  streaming
})

const zero = () => 0
const addBytes = (bytes: number, chunk: Uint8Array): number => bytes + chunk.byteLength

const send = (asked: Asked): Effect.Effect<number, unknown, HttpTransport> => {
  const request = { ...requestOf(asked), candidate }
  return Effect.flatMap(HttpTransport, (transport) =>
    Effect.scoped(
      Effect.flatMap(transport.send(request), (response) =>
        asked.streaming
          ? Stream.runFold(response.body, zero, addBytes)
          : Effect.map(response.text, (text) => text.length)
      )
    )
  )
}

/** The simplest call that is right: what the attempt is told goes into the request, and a part of the body is output. */
const failover = (asked: Asked): Effect.Effect<number, unknown, HttpTransport | Failover.Failover> => {
  const request = requestOf(asked)
  return Effect.gen(function* () {
    const transport = yield* HttpTransport
    const calls = yield* Failover.Failover
    const sent = ({ attempt, candidate, connection }: Failover.Attempt) =>
      transport.send({ ...request, candidate, attempt, connection })
    if (asked.streaming) {
      const parts = calls.stream({
        chain: [candidate],
        attempt: (attempt) => Stream.unwrap(Effect.map(sent(attempt), (response) => response.body)),
        exposure: () => "output"
      })
      return yield* Stream.runFold(parts, zero, addBytes)
    }
    const answer = yield* calls.run({
      chain: [candidate],
      attempt: (attempt) => Effect.scoped(Effect.flatMap(sent(attempt), (response) => response.text))
    })
    return answer.value.length
  })
}

const transport = Layer.provideMerge(NodeHttpTransport.layer, Telemetry.layer)

const failovers = Layer.provideMerge(Failover.layerMemory(), transport)

const journaled = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "holdfast-bench-" })
    return Layer.provideMerge(Journal.layerFile(`${folder}/journal.ndjson`), failovers)
  })
).pipe(Layer.provide(NodeFileSystem.layer))

export const sent: Open = () => effects(transport, send)
export const sentOneByOne: Open = () => effectsOneByOne(transport, send)
export const failedOver: Open = () => effects(failovers, failover)
export const failedOverJournaled: Open = () => effects(journaled, failover)
export const client: Open = () => effects(Layer.provide(Client.layer("openai"), transport), call)
