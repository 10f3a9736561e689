/** What a failed TLS handshake tells. */
import * as Predicate from "effect/Predicate"

/** The facts of a certificate that was not accepted. */
export interface Certificate {
  readonly subject: string
  readonly issuer: string
  readonly validTo: string
}

// X509_V_ERR_* as Node names them (nodejs.org/api/tls.html, "X509 certificate error codes").
const verification =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH|CRL_|ERROR_IN_)/

/** Whether a code is TLS's own: a certificate that was not accepted, a protocol that did not match. */
export const isTlsCode = (code: string): boolean =>
  verification.test(code) || code.startsWith("ERR_TLS_") || code.startsWith("ERR_SSL_") || code === "EPROTO"

/** The certificate that Node attaches to an error of host name verification. */
export const certificateOf = (error: Error): Certificate | undefined => {
  if (!Predicate.hasProperty(error, "cert") || !Predicate.isObject(error.cert)) return undefined
  const { cert } = error
  return {
    subject: nameOf(cert, "subject"),
    issuer: nameOf(cert, "issuer"),
    validTo: Predicate.hasProperty(cert, "valid_to") && Predicate.isString(cert.valid_to) ? cert.valid_to : ""
  }
}

const nameOf = (cert: object, field: "subject" | "issuer"): string => {
  if (!Predicate.hasProperty(cert, field)) return ""
  const name = cert[field]
  if (!Predicate.isObject(name)) return ""
  return Object.entries(name)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(", ")
}
