/** A certificate for this machine, made for the life of the process; it is its own authority. */
import { KeyObject } from "node:crypto"

/** A certificate and its key, in PEM. */
export interface LocalCertificate {
  readonly cert: string
  readonly key: string
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }

const make = async (): Promise<LocalCertificate> => {
  // The library resolves its parts by decorator metadata, which needs this polyfill first.
  await import("reflect-metadata")
  const x509 = await import("@peculiar/x509")
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
  const dayMs = 86_400_000
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=localhost",
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" }
      ])
    ]
  })
  return {
    cert: certificate.toString("pem"),
    key: KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString()
  }
}

let made: Promise<LocalCertificate> | undefined

/** The certificate; made once. */
export const localCertificate = (): Promise<LocalCertificate> => (made ??= make())
