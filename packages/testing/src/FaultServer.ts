/**
 * A server in a process of its own, on real TCP and TLS sockets, that speaks three LLM wire formats and misbehaves exactly as a script says,
 * while it records the truth: every byte received, whether each request was complete, whether the model ran.
 *
 * It is another process because a server in the client's own event loop makes stale sockets up to ten times likelier than they are.
 * Everything listens on 127.0.0.1.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as FaultConfig from "./FaultConfig.ts"
import type * as FaultScript from "./FaultScript.ts"
import { FaultServerError } from "./FaultServerError.ts"
import * as FaultTruth from "./FaultTruth.ts"
import { start } from "./internal/child.ts"
import { makeControlClient } from "./internal/controlClient.ts"
import type { Address } from "./internal/ready.ts"

export { FaultServerError }

/** Where an endpoint, or the control plane, is; `ca` is the PEM to trust, on TLS endpoints only. */
export type Endpoint = Address

/**
 * A running fault server.
 *
 * Every effect fails with a {@link FaultServerError} that names each wrong place and what was expected there; what failed has changed nothing.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { FaultScript, FaultServer } from "@holdfast/testing"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* FaultServer.FaultServer
 *   const { origin } = yield* server.endpoint("anthropic")
 *   yield* server.script("anthropic", [
 *     FaultScript.on({ nth: 1 }, FaultScript.cut("reset", FaultScript.afterRequest))
 *   ])
 *   // ... call `${origin}/v1/messages` with the client under test ...
 *   return (yield* server.truth).runs.duplicates
 * }).pipe(Effect.provide(FaultServer.layer({ endpoints: { anthropic: {} } })))
 * ```
 */
export class FaultServer extends Context.Service<
  FaultServer,
  {
    /** The control plane, for a process that records side effects by itself (`POST /effects {"key"}`), or for curl. */
    readonly control: Endpoint
    /** Where an endpoint is. */
    readonly endpoint: (name: string) => Effect.Effect<Endpoint, FaultServerError>
    /**
     * Replaces the rules of an endpoint and begins its truth anew; other endpoints and open connections stay as they are. Requests under
     * way are no longer recorded, so call it when the endpoint is quiet.
     */
    readonly script: (endpoint: string, rules: FaultScript.Script) => Effect.Effect<void, FaultServerError>
    /** What has happened. Bytes that a client had sent before this was asked for have been read. */
    readonly truth: Effect.Effect<FaultTruth.Truth, FaultServerError>
    /** Back to the configuration, with no truth, no effects, no storms; requests under way are cut with RST, idle connections stay. */
    readonly reset: Effect.Effect<void, FaultServerError>
    /** Begins the storm of the endpoint's configuration, or the given one, from its first period. */
    readonly armStorm: (endpoint: string, storm?: FaultConfig.Storm) => Effect.Effect<void, FaultServerError>
    /** Ends a storm; idle limits that were dealt hold. */
    readonly calmStorm: (endpoint: string) => Effect.Effect<void, FaultServerError>
    /** Closes every idle connection of an endpoint; ends with their number when each close has been handed to the kernel. */
    readonly closeIdle: (endpoint: string, how: FaultScript.IdleHow) => Effect.Effect<number, FaultServerError>
    /** Side effects that were recorded. */
    readonly effects: Effect.Effect<ReadonlyArray<FaultTruth.SideEffect>, FaultServerError>
    /** Records a side effect; succeeds with how often it has now happened. */
    readonly recordEffect: (key: string) => Effect.Effect<number, FaultServerError>
  }
>()("@holdfast/testing/FaultServer") {}

/** Starts a fault server. The process ends with the scope, and by itself when this process ends, however it ends. */
export const make = Effect.fnUntraced(function* (
  config: FaultConfig.Config
): Effect.fn.Return<FaultServer["Service"], FaultServerError, Scope.Scope> {
  const ready = yield* start(config)
  const call = makeControlClient(ready.control.origin)

  return FaultServer.of({
    control: ready.control,
    endpoint: (name) => {
      const address = ready.endpoints[name]
      if (address !== undefined) return Effect.succeed(address)
      const expected = `Expected one of ${Object.keys(ready.endpoints).join(", ")}`
      return new FaultServerError({ action: "endpoint", problems: [{ place: `endpoints.${name}`, expected }] })
    },
    script: (endpoint, rules) =>
      call({ action: "script", method: "PUT", path: at(endpoint, "script"), body: rules, answer: Anything }),
    truth: call({ action: "truth", method: "GET", path: "/truth", answer: FaultTruth.Truth }),
    reset: call({ action: "reset", method: "POST", path: "/reset", answer: Anything }),
    armStorm: (endpoint, storm) =>
      call({ action: "storm", method: "POST", path: at(endpoint, "storm"), body: storm, answer: Anything }),
    calmStorm: (endpoint) => call({ action: "storm", method: "DELETE", path: at(endpoint, "storm"), answer: Anything }),
    closeIdle: (endpoint, how) =>
      call({
        action: "closeIdle",
        method: "POST",
        path: at(endpoint, "close-idle"),
        body: { how },
        answer: Closed
      }).pipe(Effect.map(({ closed }) => closed)),
    effects: call({
      action: "effects",
      method: "GET",
      path: "/effects",
      answer: Schema.Array(FaultTruth.SideEffect)
    }),
    recordEffect: (key) =>
      call({
        action: "recordEffect",
        method: "POST",
        path: "/effects",
        body: { key },
        answer: FaultTruth.SideEffect
      }).pipe(Effect.map(({ count }) => count))
  })
})

/** A fault server for the life of the layer. */
export const layer = (config: FaultConfig.Config): Layer.Layer<FaultServer, FaultServerError> =>
  Layer.effect(FaultServer, make(config))

const at = (endpoint: string, verb: string): string => `/endpoints/${encodeURIComponent(endpoint)}/${verb}`

const Anything = Schema.Unknown
const Closed = Schema.Struct({ closed: Schema.Int })
