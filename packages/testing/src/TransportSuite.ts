/**
 * The laws that every `HttpTransport` over sockets keeps, as a suite that tries them on one.
 *
 * It runs against a fault server of its own and compares what the transport says with what the server knows. It is a
 * module apart, `@holdfast/testing/TransportSuite`, because it needs `@effect/vitest`; nothing else here does.
 */
import { layer as withLayer } from "@effect/vitest"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as FaultConfig from "./FaultConfig.ts"
import * as FaultServer from "./FaultServer.ts"
import { endings } from "./internal/laws/endings.ts"
import { exchange } from "./internal/laws/exchange.ts"
import { failures } from "./internal/laws/failures.ts"
import { input } from "./internal/laws/input.ts"
import { config } from "./internal/laws/law.ts"
import { uploads } from "./internal/laws/uploads.ts"

/**
 * Registers the laws as tests of one transport, which is built anew for each.
 *
 * **Details**
 *
 * Evidence has to be observed: a transport whose evidence is `Unknown` cannot pass. It has to keep connections alive
 * and to trust the system's certificates only.
 *
 * **Example**
 *
 * ```ts
 * import * as Telemetry from "@holdfast/core/Telemetry"
 * import * as HttpTransport from "@holdfast/node/HttpTransport"
 * import * as TransportSuite from "@holdfast/testing/TransportSuite"
 * import * as Layer from "effect/Layer"
 *
 * TransportSuite.suite("HttpTransport.layer", HttpTransport.layer.pipe(Layer.provide(Telemetry.layer)))
 * ```
 */
export const suite = <E>(name: string, transport: Layer.Layer<HttpTransport, E>): void =>
  withLayer(FaultServer.layer(config), { excludeTestServices: true })(name, (it) => {
    it.effect.each(laws)("$says", ({ holds }) => holds.pipe(Effect.scoped, Effect.provide(transport)))
  })

/** The same laws over TLS, for a transport that trusts the authority whose certificate it is given, in PEM. */
export const suiteOverTls = <E>(name: string, transport: (ca: string) => Layer.Layer<HttpTransport, E>): void =>
  withLayer(FaultServer.layer(configOverTls), { excludeTestServices: true })(name, (it) => {
    it.effect.each(laws)("$says", ({ holds }) =>
      Effect.gen(function* () {
        const server = yield* FaultServer.FaultServer
        const { ca = "" } = yield* server.endpoint("plain")
        yield* holds.pipe(Effect.scoped, Effect.provide(transport(ca)))
      })
    )
  })

const laws = [...input, ...exchange, ...failures, ...uploads, ...endings]

const configOverTls: FaultConfig.Config = {
  ...config,
  endpoints: { ...config.endpoints, plain: { ...config.endpoints.plain, tls: "good" } }
}
