/**
 * A whole fault server in this process: all endpoints and the control plane, listening.
 */
import type * as Http from "node:http"
import * as Effect from "effect/Effect"
import type * as FaultConfig from "../FaultConfig.ts"
import { FaultServerError } from "../FaultServerError.ts"
import type { Certificates } from "./certificates.ts"
import { makeControl } from "./control.ts"
import { Endpoint, loopback, portOf } from "./endpoint.ts"
import type { Address, Ready } from "./ready.ts"
import { Tally } from "./truth.ts"

/** Starts everything and says where it is. What listens then listens until the process ends. */
export const serve = Effect.fnUntraced(function* (
  config: FaultConfig.Config
): Effect.fn.Return<Ready, FaultServerError> {
  const certificates = yield* certificatesFor(config)
  const nextSerial = counter()
  const endpoints = new Map<string, Endpoint>()
  const addresses: Record<string, Address> = {}
  for (const [name, options] of Object.entries(config.endpoints)) {
    const kind = options.tls === undefined || options.tls === false ? undefined : options.tls
    const secureContext =
      kind === undefined || certificates === undefined
        ? undefined
        : yield* attempt(`endpoints.${name}.tls`, () => certificates.context(kind))
    const endpoint = new Endpoint(options, { keep: config.record ?? "full", nextSerial, secureContext })
    const port = yield* listening(`endpoints.${name}.port`, (ready, failed) => endpoint.listen(ready, failed))
    endpoints.set(name, endpoint)
    addresses[name] = addressOf(port, kind === undefined ? undefined : certificates?.ca)
  }
  const about = (port: number): Ready => ({
    ready: true,
    pid: process.pid,
    control: addressOf(port, undefined),
    endpoints: addresses
  })
  const control: Http.Server = makeControl({ endpoints, effects: new Tally(), about: () => about(portOf(control)) })
  const port = yield* listening("controlPort", (ready, failed) => {
    control.once("error", failed)
    control.listen({ port: config.controlPort ?? 0, host: loopback }, () => ready(portOf(control)))
  })
  return about(port)
})

const certificatesFor = (config: FaultConfig.Config): Effect.Effect<Certificates | undefined, FaultServerError> =>
  Object.values(config.endpoints).some((endpoint) => endpoint.tls !== undefined && endpoint.tls !== false)
    ? attempt("certificates", async () => (await import("./certificates.ts")).makeCertificates())
    : Effect.undefined

const attempt = <A>(place: string, run: () => Promise<A>): Effect.Effect<A, FaultServerError> =>
  Effect.tryPromise({ try: run, catch: (cause) => failure(place, cause) })

const listening = (
  place: string,
  listen: (ready: (port: number) => void, failed: (cause: Error) => void) => void
): Effect.Effect<number, FaultServerError> =>
  Effect.callback((resume) => {
    listen(
      (port) => resume(Effect.succeed(port)),
      (cause) => resume(Effect.fail(failure(place, cause)))
    )
  })

const failure = (place: string, cause: unknown): FaultServerError =>
  new FaultServerError({
    action: "start",
    problems: [{ place, expected: cause instanceof Error ? cause.message : "It failed" }],
    cause
  })

const addressOf = (port: number, ca: string | undefined): Address => ({
  origin: `${ca === undefined ? "http" : "https"}://${loopback}:${port}`,
  host: loopback,
  port,
  ...(ca !== undefined && { ca })
})

const counter = (): (() => number) => {
  let count = 0
  return () => {
    count += 1
    return count
  }
}
