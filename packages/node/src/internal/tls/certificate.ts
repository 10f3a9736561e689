/** What a failed TLS handshake tells. */
import { X509Certificate } from "node:crypto"
import type { Socket } from "node:net"
import { TLSSocket } from "node:tls"
import type * as Reason from "@holdfast/core/Reason"
import * as Predicate from "effect/Predicate"

/** The facts of a certificate that was not accepted. */
export type Certificate = NonNullable<Reason.TlsFailure["certificate"]>

// X509_V_ERR_* as Node names them (nodejs.org/api/tls.html, "X509 certificate error codes").
const verification =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH|CRL_|ERROR_IN_)/

/** Whether a code is TLS's own: a certificate that was not accepted, a protocol that did not match. */
export const isTlsCode = (code: string): boolean =>
  verification.test(code) || code.startsWith("ERR_TLS_") || code.startsWith("ERR_SSL_") || code === "EPROTO"

/** Whether the peer ended TLS with an alert. */
export const isAlert = (code: string): boolean => code.startsWith("ERR_SSL_") && code.includes("_ALERT_")

/**
 * The certificate that was not accepted: the one that was seen in the handshake, or what Node attaches to an error of
 * host name verification and to no other.
 */
export const certificateOf = (error: Error, code: string, seen: Buffer | undefined): Certificate | undefined => {
  if (!verification.test(code) && !code.startsWith("ERR_TLS_CERT_")) return undefined
  if (seen !== undefined) return factsOf(new X509Certificate(seen))
  if (!Predicate.hasProperty(error, "cert") || !Predicate.isObject(error.cert)) return undefined
  const { cert } = error
  return {
    subject: nameOf(cert, "subject"),
    issuer: nameOf(cert, "issuer"),
    validTo: Predicate.hasProperty(cert, "valid_to") ? timeOf(cert.valid_to) : ""
  }
}

/** What verification would have said, of a connection that was made without it. */
export const objectionOf = (socket: Socket): { readonly code: string } | undefined => {
  if (!(socket instanceof TLSSocket) || socket.authorized) return undefined
  // Its type says `Error`; it is the code of one.
  const objection: unknown = socket.authorizationError
  return { code: Predicate.isString(objection) ? objection : "unknown" }
}

const factsOf = (certificate: X509Certificate): Certificate => {
  const names = namesOf(certificate.subjectAltName)
  return {
    subject: shown(certificate.subject),
    issuer: shown(certificate.issuer),
    validFrom: timeOf(certificate.validFrom),
    validTo: timeOf(certificate.validTo),
    ...(names.length === 0 ? undefined : { names })
  }
}

// Anybody may have written it: enough for any honest name and list of names.
const longestName = 256
const mostNames = 10

/** A distinguished name as one line; Node has a line for each of its parts. */
const shown = (name: string | undefined): string =>
  (name ?? "")
    .slice(0, longestName)
    .replaceAll("\n", ", ")
    .replace(/\p{Cc}/gu, "?")

const namesOf = (subjectAltName: string | undefined): ReadonlyArray<string> =>
  (subjectAltName ?? "")
    .slice(0, 2 * longestName * mostNames)
    .split(", ")
    .flatMap((entry) => {
      const [, name] = /^(?:DNS|IP Address):(.+)$/.exec(entry) ?? []
      return name === undefined ? [] : [shown(name)]
    })
    .slice(0, mostNames)

const timeOf = (time: unknown): string => {
  const date = new Date(Predicate.isString(time) ? time : Number.NaN)
  return Number.isNaN(date.getTime()) ? "" : date.toISOString()
}

const nameOf = (cert: object, field: "subject" | "issuer"): string => {
  if (!Predicate.hasProperty(cert, field)) return ""
  const name = cert[field]
  if (!Predicate.isObject(name)) return ""
  return shown(
    Object.entries(name)
      .map(([key, value]) => `${key}=${String(value)}`)
      .join("\n")
  )
}
