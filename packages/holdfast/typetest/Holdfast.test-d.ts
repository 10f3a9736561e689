/** The front door's types: the errors that building it may have, and that what it provides is what a model needs. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { LanguageModel, Model } from "effect/ai"
import type { Codec, Decision, Declaration, HttpTransport, InvalidInput, ProviderDefinition } from "holdfast"
import type { ProviderRegistry, Telemetry } from "holdfast"
import { Codecs, Dispatcher, Evidence, Failover, FailoverPolicy, Failure, Holdfast, Reason, Verdict } from "holdfast"
import { describe, expectTypeOf, it } from "vitest"

class NoProxy {
  readonly _tag = "NoProxy"
}
class NoCertificate {
  readonly _tag = "NoCertificate"
}

declare const proxied: Layer.Layer<Dispatcher.Dispatcher, NoProxy>
declare const certified: Layer.Layer<Dispatcher.Dispatcher, NoCertificate, Telemetry.Telemetry>
declare const needy: Layer.Layer<Dispatcher.Dispatcher, never, ProviderRegistry.ProviderRegistry>

type Fronts<E> = Layer.Layer<Holdfast.Services, E>

describe("layer", () => {
  it("fails with InvalidInput and nothing else where no dispatcher is given", () => {
    expectTypeOf(Holdfast.layer()).toEqualTypeOf<Fronts<InvalidInput.InvalidInput>>()
    expectTypeOf(Holdfast.layer({ policy: { maxAttempts: 1 } })).toEqualTypeOf<Fronts<InvalidInput.InvalidInput>>()
    expectTypeOf(Holdfast.layer({ dispatchers: {} })).toEqualTypeOf<Fronts<InvalidInput.InvalidInput>>()
    const pooled = Holdfast.layer({ dispatchers: { openai: Dispatcher.layerPool({ connections: 8 }) } })
    expectTypeOf(pooled).toEqualTypeOf<Fronts<InvalidInput.InvalidInput>>()
  })

  it("fails with the errors of every dispatcher", () => {
    expectTypeOf(Holdfast.layer({ dispatchers: { anthropic: proxied, openai: certified } })).toEqualTypeOf<
      Fronts<InvalidInput.InvalidInput | NoProxy | NoCertificate>
    >()
  })

  it("takes dispatchers by ids that only the program knows", () => {
    const dispatchers: Record<string, Layer.Layer<Dispatcher.Dispatcher, NoProxy>> = { anthropic: proxied }
    expectTypeOf(Holdfast.layer({ dispatchers })).toEqualTypeOf<Fronts<InvalidInput.InvalidInput | NoProxy>>()
  })

  it("takes options that are written down beforehand", () => {
    const options: Holdfast.Options = { traceHeaders: true }
    expectTypeOf(Holdfast.layer(options)).toEqualTypeOf<Fronts<InvalidInput.InvalidInput>>()
  })

  it("takes a configuration as an object, as a path, or none", () => {
    for (const config of [{ agents: { default: "anthropic/claude-opus-4-7" } }, "holdfast.json5", false] as const) {
      expectTypeOf(Holdfast.layer({ config })).toEqualTypeOf<Fronts<InvalidInput.InvalidInput>>()
    }
    // @ts-expect-error the default is to look for a file: there is no other way to say so
    Holdfast.layer({ config: true })
  })

  it("takes no dispatcher that needs what is not there", () => {
    // @ts-expect-error telemetry is all that a dispatcher's layer is given
    Holdfast.layer({ dispatchers: { anthropic: needy } })
  })
})

describe("model", () => {
  const model = Holdfast.model("anthropic/claude-opus-4-7")
  type Made = LanguageModel.LanguageModel | Model.ProviderName | Model.ModelName

  it("requires services of the layer by name", () => {
    expectTypeOf(model).toEqualTypeOf<
      Layer.Layer<
        Made,
        InvalidInput.InvalidInput,
        | Failover.Failover
        | FailoverPolicy.FailoverPolicy
        | HttpTransport.HttpTransport
        | ProviderRegistry.ProviderRegistry
        | Codecs.Codecs
      >
    >()
  })

  it("requires nothing more where the layer is provided", () => {
    const provided = Layer.provide(model, Holdfast.layer({ dispatchers: { anthropic: proxied } }))
    expectTypeOf(provided).toEqualTypeOf<Layer.Layer<Made, InvalidInput.InvalidInput | NoProxy>>()
  })
})

describe("the package alone", () => {
  it("has what an attempt of one's own is written with", () => {
    const declaration: Declaration.Declaration = "repeatable"
    const attempt = ({ attempt, candidate }: Failover.Attempt): Effect.Effect<string, Failure.Failure> =>
      Effect.fail(
        Failure.make({
          reason: new Reason.ConnectionLost({ how: "unknown", during: "request" }),
          evidence: Evidence.unsent,
          declaration,
          candidate,
          attempt
        })
      )
    const chain: ProviderRegistry.Chain = [{ provider: "local", model: "llama-4" }]
    const answer = Effect.flatMap(Failover.Failover, (failover) => failover.run({ chain, attempt }))
    expectTypeOf(answer).toEqualTypeOf<Effect.Effect<Failover.Answer<string>, Failover.GivenUp, Failover.Failover>>()
  })

  it("has what a decision and a verdict are read with", () => {
    expectTypeOf(FailoverPolicy.decide).returns.toEqualTypeOf<Decision.Decision>()
    expectTypeOf(Verdict.mayReplay("Safe", "unknown")).toEqualTypeOf<"proven" | "assumed" | "no">()
  })

  it("has what a provider of one's own is made of", () => {
    expectTypeOf<ProviderDefinition.ProviderDefinition["codecs"][number]>().toEqualTypeOf<Codec.Codec>()
    const codecs = Layer.succeed(Codecs.Codecs, { of: () => undefined })
    expectTypeOf(codecs).toEqualTypeOf<Layer.Layer<Codecs.Codecs>>()
  })
})
