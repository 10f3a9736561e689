/** What the tests on sockets share: a transport with its pool, requests to a fault server, and waiting for the truth. */
import * as HttpTransport from "@holdfast/core/HttpTransport"
import type { HttpRequest, HttpResponse } from "@holdfast/core/HttpTransport"
import type * as Evidence from "@holdfast/core/Evidence"
import type * as Failure from "@holdfast/core/Failure"
import { isFailure } from "@holdfast/core/Failure"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import type * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import type * as FaultTruth from "@holdfast/testing/FaultTruth"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Dispatcher from "../../src/Dispatcher.ts"
import * as Dispatchers from "../../src/Dispatchers.ts"
import * as NodeTransport from "../../src/HttpTransport.ts"

export const candidate = { provider: "anthropic", model: "claude-opus-4-7" }

/** Limits that no test reaches. */
export const patient: TimeLimits.Resolved = TimeLimits.resolve({ connect: "20 seconds", headers: "20 seconds" })

export interface Asked extends Partial<HttpRequest> {
  readonly text?: string
  readonly tag?: string
}

/** A call of the model at an origin. */
export const ask = (origin: string, { tag, text = "hi", ...rest }: Asked = {}): HttpRequest => ({
  candidate,
  method: "POST",
  url: `${origin}/v1/messages`,
  headers: { "content-type": "application/json", ...(tag === undefined ? {} : { "x-fault-tag": tag }) },
  body: JSON.stringify({
    model: candidate.model,
    max_tokens: 64,
    stream: rest.streaming === true,
    messages: [{ role: "user", content: text }]
  }),
  declaration: "repeatable",
  limits: patient,
  ...rest
})

export const send = (
  request: HttpRequest
): Effect.Effect<HttpResponse, Failure.Failure | InvalidInput, HttpTransport.HttpTransport | Scope.Scope> =>
  Effect.flatMap(HttpTransport.HttpTransport, (transport) => transport.send(request))

export interface Answer {
  readonly status: number
  readonly text: string
  readonly evidence: Evidence.Observed
}

/** Sends and reads the whole answer. */
export const fetchText = Effect.fnUntraced(function* (request: HttpRequest) {
  const response = yield* send(request)
  const text = yield* response.text
  return { status: response.status, text, evidence: observed(response.evidence()) } satisfies Answer
}, Effect.scoped)

/** Sends, reads, and gives the failure that comes of it. */
export const failureOf = (request: HttpRequest): Effect.Effect<Failure.Failure, never, HttpTransport.HttpTransport> =>
  fetchText(request).pipe(
    Effect.matchEffect({
      onFailure: (error) => (isFailure(error) ? Effect.succeed(error) : Effect.die(error)),
      onSuccess: ({ status, text }) => Effect.die(new Error(`an answer and no failure: ${status} ${text}`))
    })
  )

export const observed = (evidence: Evidence.Evidence): Evidence.Observed => {
  if (evidence._tag === "Observed") return evidence
  throw new Error("evidence is unknown")
}

/** A transport whose pool for `anthropic` is made with options. */
export const transport = (
  pool: Dispatcher.PoolOptions = {},
  options: NodeTransport.Options = {}
): Layer.Layer<HttpTransport.HttpTransport, InvalidInput> =>
  NodeTransport.layerOptions(options).pipe(
    Layer.provide(Dispatchers.swap(candidate.provider, Dispatcher.layerPool({ proxy: false, ...pool }))),
    Layer.provide(Telemetry.layer)
  )

/** What the environment says, whatever this machine's does. */
export const environment = (env: Record<string, string>): Layer.Layer<never> =>
  ConfigProvider.layer(ConfigProvider.fromEnv({ env }))

/** One provider's dispatcher in place of its pool. */
export type Swap = Layer.Layer<never, unknown, Telemetry.Telemetry>

/** A transport with the dispatchers of some providers swapped. */
export const swapped = (...swaps: ReadonlyArray<Swap>) => {
  let layer: Layer.Layer<HttpTransport.HttpTransport, unknown, Telemetry.Telemetry> = NodeTransport.layer
  for (const swap of swaps) layer = Layer.provide(layer, swap)
  return layer.pipe(Layer.provide(Telemetry.layer), Layer.provide(environment({})))
}

/** A registry that says how long connections are kept, after a while. */
export const registry = (keepAliveMs: number, delayMs = 0): Layer.Layer<ProviderRegistry> =>
  Layer.succeed(ProviderRegistry, {
    resolve: () => Effect.succeed({ chain: [candidate], suppressedDuplicates: 0, strict: true }),
    settings: () => ({ params: {} }),
    provider: (id) =>
      Effect.delay(Effect.succeed({ id, baseUrl: "", headers: {}, connections: { keepAliveMs } }), delayMs)
  })

/** Sets the script of endpoint `a` and says where it is. */
export const prepare = Effect.fnUntraced(function* (script: FaultScript.Script, name = "a") {
  const server = yield* FaultServer.FaultServer
  yield* server.script(name, script)
  return yield* server.endpoint(name)
})

/** The truth of an endpoint. */
export const truthOf = Effect.fnUntraced(function* (name = "a") {
  const server = yield* FaultServer.FaultServer
  const truth = yield* server.truth
  const endpoint = truth.endpoints[name]
  if (endpoint === undefined) return yield* Effect.die(new Error(`no endpoint ${name}`))
  return endpoint
})

/** Waits until the truth of an endpoint is as it should be; a truth that never is fails the test by its time limit. */
export const untilTruth = (
  is: (endpoint: FaultTruth.Endpoint) => boolean,
  name = "a"
): Effect.Effect<FaultTruth.Endpoint, unknown, FaultServer.FaultServer> =>
  Effect.flatMap(truthOf(name), (truth) =>
    is(truth) ? Effect.succeed(truth) : Effect.andThen(Effect.sleep("10 millis"), untilTruth(is, name))
  )
