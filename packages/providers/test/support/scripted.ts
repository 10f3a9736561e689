/** Answers for a scripted transport, what it saw, and the services a model stands on over it. */
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Model from "@holdfast/providers/Model"
import * as Providers from "@holdfast/providers/Providers"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as TestFailover from "@holdfast/testing/TestFailover"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

export type Reply = TestTransport.Step

/** A JSON answer. */
export const json = (body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Reply =>
  TestTransport.answer({
    status,
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body)
  })

/** An answer of any content type. */
export const page = (body: string, status: number, contentType = "text/html"): Reply =>
  TestTransport.answer({ status, headers: { "content-type": contentType }, body })

/** A stream of server-sent events, each text a chunk of its own. */
export const sse = (chunks: ReadonlyArray<string>): Reply =>
  TestTransport.answer({ headers: { "content-type": "text/event-stream; charset=utf-8" }, body: chunks })

/** The answer as it is, then a reset where its end should be. */
export const broken = TestTransport.cut("reset", Number.POSITIVE_INFINITY)

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

/** A transport that gives these answers, one to each request. */
export const scripted = (...replies: ReadonlyArray<Reply>): Scripted => {
  const { seen, transport } = Effect.runSync(TestTransport.make(replies))
  const attempts = () => Effect.runSync(seen.attempts)
  return {
    layer: Layer.succeed(HttpTransport, transport),
    get requests() {
      return attempts().map(({ request }) => request)
    },
    bodies: () => attempts().map(({ request }) => JSON.parse(String(request.body))),
    discarded: () => attempts().filter(({ outcome }) => outcome._tag === "Discarded").length
  }
}

/** Keys that no provider would take. */
export const settings: Providers.Options = {
  providers: {
    anthropic: { apiKey: Redacted.make("sk-ant-test") },
    openai: { api: "openai-completions", apiKey: Redacted.make("sk-test") },
    responses: { api: "openai-responses", baseUrl: "https://responses.test/v1", apiKey: Redacted.make("sk-test") }
  }
}

/** All that a model needs, over a scripted transport. */
export const services = (
  script: Scripted,
  options: { readonly providers?: Providers.Options; readonly policy?: FailoverPolicy.Overrides } = {}
) =>
  Layer.merge(script.layer, TestFailover.layer(options.policy)).pipe(
    Layer.provideMerge(Layer.mergeAll(Providers.layer(options.providers ?? settings), Telemetry.layer))
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
