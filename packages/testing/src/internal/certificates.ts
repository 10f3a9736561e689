/**
 * Certificates of the TLS endpoints, made at start by an authority that lives as long as the process.
 *
 * The library is loaded only where an endpoint speaks TLS: it takes longer to load than the server takes to start.
 */
import { KeyObject, webcrypto } from "node:crypto"
import * as Tls from "node:tls"
import type * as X509 from "@peculiar/x509"
import type * as FaultConfig from "../FaultConfig.ts"
import * as Clock from "./clock.ts"

/** A kind of certificate. */
export type Kind = Exclude<FaultConfig.Tls, false>

/** The authority's certificate as PEM, and a secure context for each kind. */
export interface Certificates {
  readonly ca: string
  readonly context: (kind: Kind) => Promise<Tls.SecureContext>
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }

/** Makes an authority. */
export const makeCertificates = async (): Promise<Certificates> => {
  // The library resolves its parts by decorator metadata, which needs this polyfill first.
  await import("reflect-metadata")
  const x509 = await import("@peculiar/x509")
  const authorityKeys = await newKeys()
  const authorityName = "CN=Holdfast fault server authority"
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: authorityName,
    keys: authorityKeys,
    signingAlgorithm: algorithm,
    notBefore: Clock.daysFromNow(-2),
    notAfter: Clock.daysFromNow(30),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true)
    ]
  })

  const context = async (kind: Kind): Promise<Tls.SecureContext> => {
    const keys = await newKeys()
    const shared = {
      notBefore: Clock.daysFromNow(-2),
      notAfter: Clock.daysFromNow(kind === "expired" ? -1 : 30),
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(namesFor(kind))
      ]
    }
    const name = kind === "wrong-host" ? "CN=elsewhere.test" : "CN=localhost"
    const leaf =
      kind === "self-signed"
        ? await x509.X509CertificateGenerator.createSelfSigned({ ...shared, name, keys })
        : await x509.X509CertificateGenerator.create({
            ...shared,
            subject: name,
            issuer: authorityName,
            publicKey: keys.publicKey,
            signingKey: authorityKeys.privateKey
          })
    return Tls.createSecureContext({
      key: KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }),
      cert: leaf.toString("pem")
    })
  }

  return { ca: authority.toString("pem"), context }
}

const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])

const namesFor = (kind: Kind): X509.JsonGeneralNames =>
  kind === "wrong-host"
    ? [{ type: "dns", value: "elsewhere.test" }]
    : [
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" }
      ]
