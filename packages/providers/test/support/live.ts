/** Models over real sockets. */
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as HttpTransport from "@holdfast/node/HttpTransport"
import * as Model from "@holdfast/providers/Model"
import * as Providers from "@holdfast/providers/Providers"
import * as TestFailover from "@holdfast/testing/TestFailover"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

/** A model whose provider is at `origin`, whichever of these it is. */
export const live = (origin: string, model: string, policy?: FailoverPolicy.Overrides, options?: Model.Options) =>
  Model.layer(model, options).pipe(
    Layer.provideMerge(Layer.merge(HttpTransport.layer, TestFailover.layer(policy))),
    Layer.provideMerge(
      Layer.mergeAll(
        Providers.layer({
          providers: {
            anthropic: { baseUrl: origin, apiKey: Redacted.make("sk-ant-test") },
            openai: { api: "openai-completions", baseUrl: `${origin}/v1`, apiKey: Redacted.make("sk-test") },
            responses: { api: "openai-responses", baseUrl: `${origin}/v1`, apiKey: Redacted.make("sk-test") }
          }
        }),
        Telemetry.layer
      )
    )
  )
