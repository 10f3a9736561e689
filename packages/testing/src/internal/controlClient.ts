/**
 * Talks to a control plane: one connection a call, by `node:http` alone, so that nothing a test does to fetch, to undici or to a
 * global dispatcher can reach it.
 */
import * as Http from "node:http"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { FaultServerError, Problem } from "../FaultServerError.ts"

/** One control request. */
export interface ControlCall<A> {
  /** What the error names. */
  readonly action: string
  readonly method: "GET" | "PUT" | "POST" | "DELETE"
  readonly path: string
  readonly body?: unknown
  readonly answer: Schema.Codec<A, unknown>
}

/** Makes the caller of a control plane. */
export const makeControlClient =
  (origin: string) =>
  <A>(call: ControlCall<A>): Effect.Effect<A, FaultServerError> =>
    Effect.gen(function* () {
      const { status, text } = yield* send(origin, call)
      if (status !== 200) {
        const { problems } = yield* Schema.decodeEffect(Refusal)(text)
        return yield* new FaultServerError({ action: call.action, problems })
      }
      return yield* Schema.decodeEffect(Schema.fromJsonString(call.answer))(text)
    }).pipe(
      Effect.catchTag("SchemaError", (cause) => failed(call, "Expected an answer of the control plane", cause)),
      Effect.withSpan("FaultServer.control", { attributes: { action: call.action } })
    )

const Refusal = Schema.fromJsonString(Schema.Struct({ problems: Schema.NonEmptyArray(Problem) }))

interface Received {
  readonly status: number
  readonly text: string
}

const send = (origin: string, call: ControlCall<unknown>): Effect.Effect<Received, FaultServerError> =>
  Effect.callback((resume) => {
    const fail = (cause: Error) => resume(failed(call, "Expected the fault server to answer", cause))
    const request = Http.request(`${origin}${call.path}`, { method: call.method, agent: false }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("error", fail)
      response.on("end", () => {
        resume(Effect.succeed({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }))
      })
    })
    request.on("error", fail)
    request.end(call.body === undefined ? undefined : JSON.stringify(call.body))
    return Effect.sync(() => request.destroy())
  })

const failed = (call: ControlCall<unknown>, expected: string, cause: unknown) =>
  new FaultServerError({ action: call.action, problems: [{ place: `${call.method} ${call.path}`, expected }], cause })
