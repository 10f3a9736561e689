/** Authorities and the certificates that they issue, made for a test. */
import { KeyObject } from "node:crypto"

/** A certificate and its key, in PEM. */
export interface Issued {
  readonly cert: string
  readonly key: string
}

/** What a certificate says. */
export interface Claims {
  readonly name?: string
  /** Hosts or addresses; none for a client. */
  readonly hosts?: ReadonlyArray<string>
  /** In days from now. */
  readonly from?: number
  readonly to?: number
}

/** Who issues certificates. */
export interface Authority {
  readonly cert: string
  readonly issue: (claims?: Claims) => Promise<Issued>
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
const newKeys = () => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000)

const load = async () => {
  // The library resolves its parts by decorator metadata, which needs this polyfill first.
  await import("reflect-metadata")
  return import("@peculiar/x509")
}

/** A new authority. */
export const authority = async (name: string): Promise<Authority> => {
  const x509 = await load()
  const keys = await newKeys()
  const own = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: inDays(-2),
    notAfter: inDays(2),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)]
  })
  const issue = async ({
    from = -1,
    hosts = ["localhost", "127.0.0.1"],
    name: subject = "leaf",
    to = 1
  }: Claims = {}) => {
    const leafKeys = await newKeys()
    const names = hosts.map((host) => ({
      type: /^[\d.]+$/.test(host) ? ("ip" as const) : ("dns" as const),
      value: host
    }))
    const leaf = await x509.X509CertificateGenerator.create({
      subject: `CN=${subject}, O=Holdfast tests`,
      issuer: `CN=${name}`,
      publicKey: leafKeys.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      notBefore: inDays(from),
      notAfter: inDays(to),
      extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]
    })
    const key = KeyObject.from(leafKeys.privateKey).export({ type: "pkcs8", format: "pem" })
    return { cert: leaf.toString("pem"), key: key.toString() }
  }
  return { cert: own.toString("pem"), issue }
}
