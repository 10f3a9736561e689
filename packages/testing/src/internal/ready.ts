/**
 * The first line of the process's output: where everything is, or why nothing is.
 */
import * as Schema from "effect/Schema"
import { Problem } from "../FaultServerError.ts"

/** Where an endpoint is. */
export const Address = Schema.Struct({
  /** `https://127.0.0.1:40123`: what a client takes as the base of its URLs. */
  origin: Schema.String,
  host: Schema.String,
  port: Schema.Port,
  /** The certificate of the authority that signs this server's certificates, as PEM; on TLS endpoints only. */
  ca: Schema.optionalKey(Schema.String)
})
/** @see {@link Address} */
export type Address = typeof Address.Type

/** @see module documentation */
export const Ready = Schema.Struct({
  ready: Schema.Literal(true),
  pid: Schema.Int,
  control: Address,
  endpoints: Schema.Record(Schema.String, Address)
})
/** @see {@link Ready} */
export type Ready = typeof Ready.Type

/** The process could not start. */
export const NotReady = Schema.Struct({ ready: Schema.Literal(false), problems: Schema.NonEmptyArray(Problem) })
/** @see {@link NotReady} */
export type NotReady = typeof NotReady.Type

/** The first line. */
export const FirstLine = Schema.fromJsonString(Schema.Union([Ready, NotReady]))
