/** Calls of some origins, with the TLS options given as JSON; prints each one's status, or its reason and code. */
import { HttpTransport } from "@holdfast/core/HttpTransport"
import { isFailure } from "@holdfast/core/Failure"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dispatcher from "../../src/Dispatcher.ts"
import * as Dispatchers from "../../src/Dispatchers.ts"
import * as Transport from "../../src/HttpTransport.ts"

const [, , json = "{}", ...urls] = process.argv

const call = Effect.fnUntraced(function* (url: string) {
  const transport = yield* HttpTransport
  const candidate = { provider: "p", model: "m" }
  const response = yield* transport.send({ candidate, method: "GET", url, headers: {}, declaration: "repeatable" })
  return String(response.status)
}, Effect.scoped)

const told = (url: string) =>
  call(url).pipe(
    Effect.catch((error) => {
      if (!isFailure(error)) return Effect.succeed(error.message)
      const { reason } = error
      const subject = reason._tag === "TlsFailure" ? (reason.certificate?.subject ?? "none") : "none"
      return Effect.succeed(`${reason._tag} ${"code" in reason ? reason.code : ""} ${subject}`)
    })
  )

const pool = Dispatchers.swap("p", Dispatcher.layerPool({ proxy: false, tls: JSON.parse(json) }))

await Effect.forEach(urls, told).pipe(
  Effect.map((lines) => lines.join("\n")),
  Effect.provide(Transport.layer.pipe(Layer.provide(pool), Layer.provide(Telemetry.layer))),
  // The options may be wrong.
  Effect.catch((error) => Effect.succeed(error.message)),
  Effect.flatMap((text) => Effect.sync(() => process.stdout.write(text))),
  Effect.runPromise
)
