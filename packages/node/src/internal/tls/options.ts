/** Reads how TLS is to be spoken with one peer: files, certificates and keys, before any connection is made. */
import type { KeyObject } from "node:crypto"
import { createPrivateKey, X509Certificate } from "node:crypto"
import * as NodeTls from "node:tls"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import { textOf as textIn } from "@holdfast/core/RequestHead"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type { Options } from "../../Tls.ts"
import { codeOf } from "../codeOf.ts"
import { pemBlocks } from "./pem.ts"
import { readText } from "../readText.ts"
import { isServerName } from "./serverName.ts"

/** How TLS is spoken, every choice made. */
export interface ResolvedTls {
  /** What is trusted and who we are, where that is not Node's own choice. */
  readonly secureContext: NodeTls.SecureContext | undefined
  /** The name to ask for and to verify, where that is not the URL's. */
  readonly serverName: string | undefined
  /** Whether the peer's certificate is verified. */
  readonly verify: boolean
}

/** What is spoken where nothing is said. */
export const usualTls: ResolvedTls = { secureContext: undefined, serverName: undefined, verify: true }

type Option = keyof Options
type Wrong = (option: Option, expected: string, found: string) => void

/** The settings, or all that is wrong with the options; `place` says where they stand. Files are read. */
export const readTls = (place: string, options: Options | undefined): Effect.Effect<ResolvedTls, InvalidInput> =>
  options === undefined ? Effect.succeed(usualTls) : readGiven(place, options)

const readGiven = Effect.fnUntraced(function* (place: string, options: Options) {
  if (!Predicate.isObject(options)) {
    return yield* InvalidInput.of({ kind: "InvalidOption", place, expected: "options", found: typeof options })
  }
  const problems: Array<Problem> = []
  const wrong: Wrong = (option, expected, found) => {
    problems.push({ kind: "InvalidOption", place: `${place}.${option}`, expected, found })
  }

  const ca = yield* certificatesOf(options, "ca", "caFile", wrong)
  const cert = yield* certificatesOf(options, "cert", "certFile", wrong)
  const key = yield* keyOf(options, wrong)
  pair(options, cert, key, wrong)
  const verify = !acceptsAny(options, wrong)
  const serverName = nameOf(options, wrong)
  const secureContext = problems.length === 0 ? contextOf(ca, cert, key, options, problems, place) : undefined
  if (Arr.isArrayNonEmpty(problems)) return yield* new InvalidInput({ problems })
  return { secureContext, serverName, verify } satisfies ResolvedTls
})

/** The text of an option, or of the file that another names. */
const textOf = Effect.fnUntraced(function* <Inline extends Option, File extends Option>(
  options: Options,
  inline: Inline,
  file: File,
  wrong: Wrong
) {
  const text: unknown = options[inline]
  const path: unknown = options[file]
  if (text !== undefined && path !== undefined) wrong(file, `${inline} or ${file}`, "both")
  if (path !== undefined) {
    const read = yield* readText(path)
    if (read._tag === "Text") return text === undefined ? { option: file, text: read.text as unknown } : undefined
    wrong(file, "the path of a text file", read.found)
    return undefined
  }
  return text === undefined ? undefined : { option: inline, text }
})

/** Certificates, one text each. */
const certificatesOf = Effect.fnUntraced(function* (
  options: Options,
  inline: "ca" | "cert",
  file: "caFile" | "certFile",
  wrong: Wrong
) {
  const given = yield* textOf(options, inline, file, wrong)
  if (given === undefined) return undefined
  const { option, text } = given
  const blocks = Predicate.isString(text) ? pemBlocks(text) : []
  if (blocks.length === 0) {
    wrong(option, "certificates in PEM", Predicate.isString(text) ? "text that holds none" : typeof text)
    return undefined
  }
  const broken = blocks.findIndex((block) => parseCertificate(block) === undefined)
  if (broken >= 0) {
    wrong(option, "certificates in PEM", `${blocks.length} of them, of which number ${broken + 1} cannot be read`)
    return undefined
  }
  return { option, blocks }
})

interface Key {
  readonly option: "key" | "keyFile"
  readonly text: string
  readonly key: KeyObject
}

const keyOf = Effect.fnUntraced(function* (options: Options, wrong: Wrong) {
  const { passphrase } = options
  const given = yield* textOf(options, "key", "keyFile", wrong)
  if (passphrase !== undefined && options.key === undefined && options.keyFile === undefined) {
    wrong("passphrase", "a key beside it", "none")
  }
  const opener = passphrase === undefined ? undefined : secretOf(passphrase)
  if (passphrase !== undefined && opener === undefined) wrong("passphrase", "a Redacted text", "none")
  if (given === undefined) return undefined
  const text = given.option === "key" ? secretOf(given.text) : given.text
  if (!Predicate.isString(text)) {
    wrong(given.option, "a Redacted text", "none")
    return undefined
  }
  const key = opened(text, opener)
  if (key !== undefined) return { option: given.option, text, key } satisfies Key
  if (!/ENCRYPTED/.test(text)) wrong(given.option, "a private key in PEM", "text that is none")
  else if (passphrase === undefined) wrong("passphrase", "the passphrase of the key", "none")
  else if (opener !== undefined) wrong("passphrase", "the passphrase of the key", "one that does not open it")
  return undefined
})

/** OpenSSL's words for a wrong passphrase differ with the key's encryption, and with chance; they tell nothing more. */
const opened = (text: string, passphrase: string | undefined): KeyObject | undefined => {
  try {
    return createPrivateKey({ key: text, format: "pem", ...(passphrase === undefined ? undefined : { passphrase }) })
  } catch {
    return undefined
  }
}

/** The text in a Redacted, if it holds one and was not wiped. */
const secretOf = (value: unknown): string | undefined => {
  const text = Redacted.isRedacted(value) ? textIn(value) : undefined
  return Predicate.isString(text) ? text : undefined
}

interface Certificates {
  readonly option: Option
  readonly blocks: ReadonlyArray<string>
}

/** A certificate and its key come together. */
const pair = (options: Options, cert: Certificates | undefined, key: Key | undefined, wrong: Wrong): void => {
  const hasCert = options.cert !== undefined || options.certFile !== undefined
  const hasKey = options.key !== undefined || options.keyFile !== undefined
  if (hasCert && !hasKey) wrong(options.cert === undefined ? "certFile" : "cert", "a key beside it", "none")
  if (hasKey && !hasCert) wrong(options.key === undefined ? "keyFile" : "key", "a certificate beside it", "none")
  if (cert === undefined || key === undefined) return
  const first = parseCertificate(cert.blocks[0])
  if (first?.checkPrivateKey(key.key) === false) wrong(key.option, "the key of the certificate", "another one's")
}

const nameOf = ({ serverName }: { readonly serverName?: unknown }, wrong: Wrong): string | undefined => {
  if (serverName === undefined || isServerName(serverName)) return serverName
  wrong(
    "serverName",
    "a host name, no address",
    Predicate.isString(serverName) ? "text that is none" : typeof serverName
  )
  return undefined
}

const acceptsAny = (options: Options, wrong: Wrong): boolean => {
  const option = "dangerouslyAcceptAnyCertificate"
  const given: unknown = options[option]
  if (given === undefined || given === false) return false
  if (given !== true) wrong(option, "true, or nothing", typeof given)
  else if (options.ca !== undefined || options.caFile !== undefined) wrong(option, "no authorities beside it", "some")
  return true
}

const contextOf = (
  ca: Certificates | undefined,
  cert: Certificates | undefined,
  key: Key | undefined,
  options: Options,
  problems: Array<Problem>,
  place: string
): NodeTls.SecureContext | undefined => {
  if (ca === undefined && cert === undefined) return undefined
  const passphrase = options.passphrase === undefined ? undefined : Redacted.value(options.passphrase)
  try {
    return NodeTls.createSecureContext({
      // Node adds these to the system's and to nothing else.
      ...(ca === undefined ? undefined : { ca: [...ca.blocks, ...NodeTls.getCACertificates("extra")] }),
      ...(cert === undefined || key === undefined ? undefined : { cert: cert.blocks.join("\n"), key: key.text }),
      ...(passphrase === undefined ? undefined : { passphrase })
    })
  } catch (error) {
    // A key that is too weak for this OpenSSL, for one.
    const found = codeOf(error) ?? "an error of its own"
    problems.push({ kind: "InvalidOption", place, expected: "options that OpenSSL takes", found })
    return undefined
  }
}

const parseCertificate = (pem: string | undefined): X509Certificate | undefined => {
  try {
    return pem === undefined ? undefined : new X509Certificate(pem)
  } catch {
    return undefined
  }
}
