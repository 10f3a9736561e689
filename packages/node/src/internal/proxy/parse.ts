/** Reads what names a proxy. What is wrong with it is told without the text itself, which may hold a password. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { usualTls } from "../tls/options.ts"
import type { Credentials, Proxy } from "./proxy.ts"
import { passwordOf } from "./proxy.ts"

/** A proxy, or what is wrong with the text. */
export type Parsed = Result.Result<Proxy, Problem>

const schemes = new Map<string, Pick<Proxy, "scheme" | "port">>([
  // The ports are curl's where none is given (curl.se/docs/manpage.html, --proxy).
  ["http", { scheme: "http", port: 1080 }],
  ["https", { scheme: "https", port: 443 }],
  ["socks5", { scheme: "socks5", port: 1080 }],
  ["socks5h", { scheme: "socks5", port: 1080 }]
])

const expected = "a proxy's URL: http://, https://, socks5:// or socks5h:// with a host and a port"

/** Reads a proxy's URL; `place` says where it stands. */
export const parseUrl = (place: string, text: string): Parsed => {
  const wrong = (found: string) => Result.fail<Problem>({ kind: "InvalidOption", place, expected, found })
  const [prefix = "", name = "http"] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? []
  const scheme = schemes.get(name.toLowerCase())
  if (scheme === undefined) return wrong(`the scheme ${name.slice(0, 16)}://`)
  const rest = text.slice(prefix.length)
  const url = urlOf(`http://${rest}`)
  // 80 is dropped from the port of an http: URL; a scheme that URLs do not know keeps it.
  const port = urlOf(`proxy://${rest}`)?.port
  if (rest.startsWith("/") || url === undefined || port === undefined) return wrong("text that is none")
  if (port !== "" && Number(port) === 0) return wrong("port 0")
  const credentials = credentialsOf(url)
  if (credentials === "malformed") return wrong("a user or password that is not percent-encoded")
  return checked(place, {
    scheme: scheme.scheme,
    host: url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname,
    port: port === "" ? scheme.port : Number(port),
    credentials,
    tls: usualTls
  })
}

/** Whether a proxy can be told who we are; RFC 7617 section 2 and RFC 1929 section 2. */
export const checked = (place: string, proxy: Proxy): Parsed => {
  const { credentials, scheme } = proxy
  if (credentials === undefined) return Result.succeed(proxy)
  const { username } = credentials
  const wrong = (expected: string, found: string) =>
    Result.fail<Problem>({ kind: "InvalidCredential", place, expected, found })
  if (scheme !== "socks5") {
    return username.includes(":") ? wrong("a user without a colon", "one with a colon") : Result.succeed(proxy)
  }
  const longest = Math.max(Buffer.byteLength(username), Buffer.byteLength(passwordOf(credentials)))
  return longest > 255 ? wrong("a user and a password of at most 255 bytes", `${longest} bytes`) : Result.succeed(proxy)
}

const urlOf = (text: string): URL | undefined => {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

const credentialsOf = ({ password, username }: URL): Credentials | "malformed" | undefined => {
  if (username === "" && password === "") return undefined
  try {
    return {
      username: decodeURIComponent(username),
      password: Redacted.make(decodeURIComponent(password), { label: "proxy password" })
    }
  } catch {
    return "malformed"
  }
}
