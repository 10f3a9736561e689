/** A transport that answers from a script and keeps what it was asked, and the services a model stands on over it. */
import * as Failover from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import type { HttpRequest, HttpResponse } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { Reason } from "@holdfast/core/Reason"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Model from "@holdfast/providers/Model"
import * as Providers from "@holdfast/providers/Providers"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Headers from "effect/http/Headers"

/** An answer: its head, its chunks, and the failure that ends them, if one does. */
export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly chunks: ReadonlyArray<Uint8Array>
  readonly breaks?: Reason
}

/** No answer at all. */
export interface Lost {
  readonly lost: Reason
  readonly evidence: Evidence.Evidence
}

export type Reply = Answer | Lost

const utf8 = new TextEncoder()

/** A JSON answer. */
export const json = (body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  chunks: [utf8.encode(typeof body === "string" ? body : JSON.stringify(body))]
})

/** An answer of any content type. */
export const page = (body: string, status: number, contentType = "text/html"): Answer => ({
  status,
  headers: { "content-type": contentType },
  chunks: [utf8.encode(body)]
})

/** A stream of server-sent events, each text a chunk of its own. */
export const sse = (chunks: ReadonlyArray<string>, breaks?: Reason): Answer => ({
  headers: { "content-type": "text/event-stream; charset=utf-8" },
  chunks: chunks.map((chunk) => utf8.encode(chunk)),
  ...(breaks === undefined ? undefined : { breaks })
})

/** A script under way. */
export interface Scripted {
  readonly layer: Layer.Layer<HttpTransport>
  /** What was asked, in order. */
  readonly requests: ReadonlyArray<HttpRequest>
  /** The bodies of what was asked, as JSON. */
  readonly bodies: () => ReadonlyArray<Record<string, unknown>>
  /** How many answers were given up as of no further interest. */
  readonly discarded: () => number
}

/** A transport that gives these answers, one to each request. A request too many is a defect. */
export const scripted = (...replies: ReadonlyArray<Reply>): Scripted => {
  const requests: Array<HttpRequest> = []
  let discarded = 0
  const onDiscard = () => discarded++
  const transport = HttpTransport.of({
    send: (request) =>
      Effect.suspend(() => {
        const reply = replies[requests.length]
        requests.push(request)
        if (reply === undefined) return Effect.die(new Error(`request ${requests.length} was not in the script`))
        return "lost" in reply
          ? Effect.fail(failureOf(request, reply.lost, reply.evidence))
          : Effect.succeed(responseTo(request, reply, onDiscard))
      })
  })
  return {
    layer: Layer.succeed(HttpTransport, transport),
    requests,
    bodies: () => requests.map(({ body }) => JSON.parse(String(body))),
    discarded: () => discarded
  }
}

const failureOf = (request: HttpRequest, reason: Reason, evidence: Evidence.Evidence): Failure.Failure =>
  Failure.make({
    reason,
    evidence,
    declaration: request.declaration,
    candidate: request.candidate,
    attempt: request.attempt ?? 1
  })

const responseTo = (request: HttpRequest, reply: Answer, onDiscard: () => void): HttpResponse => {
  const status = reply.status ?? 200
  let bytesRead = 100
  const evidence = (): Evidence.Evidence => ({
    _tag: "Observed",
    phase: "responding",
    bytesWritten: String(request.body).length,
    bytesRead,
    connection: { reused: false, ageMs: 0, idleMs: 0, requestsServed: 0 },
    status
  })
  const { breaks } = reply
  const end =
    breaks === undefined
      ? Stream.empty
      : Stream.suspend(() =>
          Stream.fail(failureOf(request, breaks, { ...(evidence() as Evidence.Observed), closed: "peer-reset" }))
        )
  const body = Stream.fromIterable(reply.chunks).pipe(
    Stream.rechunk(1),
    Stream.tap((chunk) => Effect.sync(() => (bytesRead += chunk.length))),
    Stream.concat(end)
  )
  return {
    status,
    headers: Headers.fromInput(reply.headers ?? {}),
    body,
    text: Effect.map(Stream.runCollect(body), (chunks) => Buffer.concat(chunks).toString("utf8")),
    discard: Effect.sync(onDiscard),
    evidence,
    elapsedMs: () => 0
  }
}

/** Keys that no provider would take. */
export const settings: Providers.Options = {
  providers: {
    anthropic: { apiKey: Redacted.make("sk-ant-test") },
    openai: { apiKey: Redacted.make("sk-test") }
  }
}

/** All that a model needs, over a scripted transport. */
export const services = (
  script: Scripted,
  options: { readonly providers?: Providers.Options; readonly policy?: FailoverPolicy.Overrides } = {}
) =>
  Layer.merge(script.layer, Failover.layer).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Providers.layer(options.providers ?? settings),
        FailoverPolicy.FailoverPolicy.layer(options.policy),
        Telemetry.layer
      )
    )
  )

/** A model over a scripted transport. */
export const over = (
  script: Scripted,
  model: string,
  options?: Model.Options,
  settings?: Parameters<typeof services>[1]
) => Layer.provideMerge(Model.layer(model, options), services(script, settings))

/** A model that asks once and tries nothing again. */
export const once = (script: Scripted, model: string) => over(script, model, undefined, { policy: { maxAttempts: 1 } })
