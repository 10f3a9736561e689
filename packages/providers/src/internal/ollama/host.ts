/** The base URL that a server's address means, in the spellings that Ollama reads in `OLLAMA_HOST`. */
import * as Option from "effect/Option"

const defaultPort = "11434"

/**
 * The base URL for `host`, `host:port`, `:port` or a URL, in quotes or not.
 *
 * Without a scheme the port is 11434 where none is named; with one it is the scheme's own (github.com/ollama/ollama,
 * envconfig/config.go). An address to listen on, `0.0.0.0`, is one's own machine to a client. The paths of the APIs, `/v1`
 * and `/api`, are no part of a base URL. A text that is no address comes through as it is.
 */
export const baseUrlOf = (text: string): string => {
  const address = text
    .trim()
    .replace(/^["']+|["']+$/g, "")
    .trim()
  const url = parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://${withPort(address)}`)
  if (Option.isNone(url)) return text
  const { hash, host, password, pathname, protocol, search, username } = url.value
  if (hash !== "" || search !== "" || username !== "" || password !== "") return text
  return `${protocol}//${reachable(host)}${pathname.replace(/\/+$/, "").replace(/\/(v1|api)$/, "")}`
}

const parse = (text: string): Option.Option<URL> => (URL.canParse(text) ? Option.some(new URL(text)) : Option.none())

/** The address with host and port, before its path. */
const withPort = (address: string): string => {
  const slash = address.indexOf("/")
  const host = slash < 0 ? address : address.slice(0, slash)
  const path = slash < 0 ? "" : address.slice(slash)
  // Two colons and no bracket: an IPv6 address alone.
  if (/^[^[]*:.*:/.test(host)) return `[${host}]:${defaultPort}${path}`
  if (host.startsWith(":")) return `127.0.0.1${host}${path}`
  return `${/:\d+$/.test(host) ? host : `${host === "" ? "127.0.0.1" : host}:${defaultPort}`}${path}`
}

/** The host as a client reaches it: to listen everywhere is to listen here. */
const reachable = (host: string): string => host.replace(/^0\.0\.0\.0(?=:|$)/, "127.0.0.1").replace(/^\[::\]/, "[::1]")
