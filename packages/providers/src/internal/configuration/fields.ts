/** What the shapes of a configuration have in common. */
import type { ProxySettings, TlsSettings } from "@holdfast/core/ProviderRegistry"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** Text that says something. */
export const Text = Schema.String.annotate({ expected: "a text" }).check(
  Schema.isPattern(/\S/, { expected: "a text that is not empty" })
)

// A text need not be a duration, which is what its reader says.
const readDuration = (u: unknown): Option.Option<Duration.Duration> =>
  typeof u === "string" || Duration.isDuration(u) ? Duration.fromInput(u as Duration.Input) : Option.none()

/** A time with its unit, above zero. A bare number is refused: nobody can see whether seconds were meant. */
export const Time = Schema.declare(
  (u): u is Duration.Input => Option.exists(readDuration(u), (duration) => Duration.toMillis(duration) > 0),
  { expected: 'a duration above zero with its unit, such as "30 seconds"' }
)

/** A time, or none at all. */
export const TimeOrNone = Schema.declare(
  (u): u is Duration.Input => Option.exists(readDuration(u), (duration) => Duration.toMillis(duration) >= 0),
  { expected: 'a duration with its unit, such as "500 millis"' }
)

/** A time, or `false` for none. */
export const Limit = Schema.declare((u): u is Duration.Input | false => u === false || Schema.is(Time)(u), {
  expected: 'a duration above zero with its unit, such as "30 seconds", or false'
})

/** Milliseconds, as OpenClaw writes them. */
export const Millis = Schema.Finite.annotate({ expected: "milliseconds" }).check(
  Schema.isGreaterThanOrEqualTo(0, { expected: "milliseconds from 0" })
)

/** Text that nobody is to read. In code it may be one already. */
export const Secret = Schema.declare(
  (u): u is string | Redacted.Redacted<string> => typeof u === "string" || Redacted.isRedacted(u),
  { expected: "a text" }
)

/** Text that nobody is to read, made so. */
export const redacted = (secret: string | Redacted.Redacted<string>): Redacted.Redacted =>
  typeof secret === "string" ? Redacted.make(secret) : secret

/** Headers by name. */
export const Headers = Schema.Record(Schema.String, Secret)

// Names of headers that carry credentials.
const confidential = /auth|cookie|key|secret|token/i

/** Headers, the values of those that carry credentials out of sight. */
export const headersOf = (headers: typeof Headers.Type): Readonly<Record<string, string | Redacted.Redacted>> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, confidential.test(name) ? redacted(value) : value])
  )

/** How TLS is spoken. */
export const Tls = Schema.Struct({
  ca: Schema.optionalKey(Text),
  caFile: Schema.optionalKey(Text),
  cert: Schema.optionalKey(Text),
  certFile: Schema.optionalKey(Text),
  key: Schema.optionalKey(Secret),
  keyFile: Schema.optionalKey(Text),
  passphrase: Schema.optionalKey(Secret),
  serverName: Schema.optionalKey(Text),
  dangerouslyAcceptAnyCertificate: Schema.optionalKey(Schema.Literal(true))
})

/** How TLS is spoken, its secrets out of sight. */
export const tlsOf = ({ key, passphrase, ...tls }: typeof Tls.Type): TlsSettings => ({
  ...tls,
  ...(key === undefined ? undefined : { key: redacted(key) }),
  ...(passphrase === undefined ? undefined : { passphrase: redacted(passphrase) })
})

/** Which proxy, in words. */
const proxyExpected =
  'false, "env", or a proxy\'s URL that begins with http://, https://, socks5:// or socks5h://, or an object with one'

const proxyUrl = /^(?:https?|socks5h?):\/\/[^\s/]+\/?$/

/** A proxy's URL. */
export const ProxyUrl = Schema.String.annotate({ expected: proxyExpected }).check(
  Schema.isPattern(proxyUrl, { expected: proxyExpected })
)

/** Which proxy. */
export const Proxy = Schema.Union([
  Schema.Literals(["env"]),
  Schema.Literal(false),
  ProxyUrl,
  Schema.Struct({
    url: ProxyUrl,
    username: Schema.optionalKey(Text),
    password: Schema.optionalKey(Secret)
  })
]).annotate({ expected: proxyExpected })

/** Which proxy, its password out of sight. */
export const proxyOf = (proxy: typeof Proxy.Type): ProxySettings => {
  if (proxy === false || proxy === "env") return proxy
  if (typeof proxy === "string") return serverOf(proxy)
  const { password, url, ...rest } = proxy
  return { ...serverOf(url), ...rest, ...(password === undefined ? undefined : { password: redacted(password) }) }
}

/** A URL without the user that it may name. */
export const serverOf = (text: string): Exclude<ProxySettings, string | false> => {
  const at = text.lastIndexOf("@")
  if (at === -1) return { url: text }
  const begin = text.indexOf("//") + 2
  const [username = "", ...password] = text.slice(begin, at).split(":")
  return {
    url: text.slice(0, begin) + text.slice(at + 1),
    username: decoded(username),
    ...(password.length === 0 ? undefined : { password: Redacted.make(decoded(password.join(":"))) })
  }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
