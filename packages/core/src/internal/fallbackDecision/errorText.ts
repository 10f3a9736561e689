/** What a record tells of an error: cut, scrubbed, and hashed so that equal errors can be counted without their text. */
import * as Effect from "effect/Effect"
import * as Digest from "effect/crypto/Digest"
import * as Preview from "../../Preview.ts"
import type { AttemptFailed } from "../../TelemetryEvent.ts"

/** The most characters of an error's text. */
export const longestError = 400

const longestWords = 200
const longestName = 120

/** `sha256:` and the first 12 hex digits; nothing where the platform has no SHA-256. */
export type Hash = (text: string) => Effect.Effect<string | undefined>

/** Hashes on the platform's WebCrypto. Pages from insecure origins have none: their records have no hashes. */
export const hasher: Effect.Effect<Hash, never, Digest.Digest> = Effect.map(Digest.Digest, (digest) => {
  const encoder = new TextEncoder()
  return (text: string) =>
    digest.digestHex(Digest.sha256, encoder.encode(text)).pipe(
      Effect.map((hex) => `sha256:${hex.slice(0, 12)}`),
      Effect.catchDefect(() => Effect.undefined)
    )
})

/** What a record tells of an error. */
export interface ErrorText {
  readonly errorPreview: string
  readonly errorHash?: string
  readonly errorFingerprint?: string
  readonly httpCode?: string
  readonly providerErrorType?: string
  readonly providerErrorMessagePreview?: string
  readonly requestIdHash?: string
}

/**
 * The text of a failed attempt's error. The hash is of all of its text, scrubbed; the fingerprint of what stays the same
 * from one such error to the next: status, type and the provider's words. Of the request's id the hash alone is told.
 */
export const errorTextOf = Effect.fnUntraced(function* (
  failed: typeof AttemptFailed.Type,
  hash: Hash
): Effect.fn.Return<ErrorText> {
  const { requestId } = failed
  const requestIdHash = isBlank(requestId) ? undefined : yield* hash(requestId)
  const clean = (text: string, length: number): string =>
    Preview.scrub(isBlank(requestId) ? text : text.replaceAll(requestId, requestIdHash ?? "[request id]"), length)

  const words = isBlank(failed.said) ? undefined : clean(failed.said.trim(), longestWords)
  const type = isBlank(failed.type) ? undefined : clean(failed.type, longestName)
  const code = isBlank(failed.code) ? undefined : clean(failed.code, longestName)
  const httpCode = statusSaid(failed)?.toString()
  const text = isBlank(failed.said) ? failed.message : `${failed.message}: ${failed.said.trim()}`
  const errorHash = yield* hash(clean(text, 10 * longestError))
  // The words of our own messages hold times and hosts that differ from one to the next.
  const message = words ?? code
  const errorFingerprint = yield* hash(JSON.stringify({ httpCode, message, type: type ?? failed.reason }))
  return {
    errorPreview: clean(text, longestError),
    ...(errorHash === undefined ? undefined : { errorHash }),
    ...(errorFingerprint === undefined ? undefined : { errorFingerprint }),
    ...(httpCode === undefined ? undefined : { httpCode }),
    ...(type === undefined ? undefined : { providerErrorType: type }),
    ...(words === undefined ? undefined : { providerErrorMessagePreview: words }),
    ...(requestIdHash === undefined ? undefined : { requestIdHash })
  }
})

const isBlank = (text: string | undefined): text is undefined | "" => text === undefined || text.trim() === ""

/** The status that the provider answered with, where it was an error's. */
export const statusSaid = ({ evidence, status }: typeof AttemptFailed.Type): number | undefined => {
  const said = status ?? evidence.status
  return said === undefined || said < 400 ? undefined : said
}
