/** One proxy, checked and with every choice made. */
import * as Net from "node:net"
import { textOf } from "@holdfast/core/RequestHead"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import type { ResolvedTls } from "../tls/options.ts"

/** Who we are to a proxy. */
export interface Credentials {
  readonly username: string
  readonly password: Redacted.Redacted
}

/** One proxy. */
export interface Proxy {
  /** `https` is CONNECT over TLS. */
  readonly scheme: "http" | "https" | "socks5"
  /** An address of IPv6 without its brackets. */
  readonly host: string
  readonly port: number
  readonly credentials: Credentials | undefined
  /** How TLS is spoken with an `https` one. */
  readonly tls: ResolvedTls
}

/** Which proxy an origin is reached through, if any. */
export type Choose = (origin: string) => Proxy | undefined

/** How a host and a port are written, for people and for CONNECT. */
export const hostAndPort = (host: string, port: string | number): string =>
  Net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`

/** A proxy for people: nothing of its credentials. */
export const nameOf = ({ host, port }: Proxy): string => hostAndPort(host, port)

/** Whether requests of a protocol are handed to the proxy instead of going through a tunnel. */
export const forwards = (proxy: Proxy, protocol: string): boolean => proxy.scheme !== "socks5" && protocol === "http:"

/** The password as text. One that was wiped since it was checked is none, and the proxy says what it thinks of that. */
export const passwordOf = ({ password }: Credentials): string => {
  const text = textOf(password)
  return Predicate.isString(text) ? text : ""
}

/** The header that says who we are to an HTTP proxy (RFC 7617). */
export const authorizationOf = ({ credentials }: Proxy): string | undefined =>
  credentials === undefined
    ? undefined
    : `Basic ${Buffer.from(`${credentials.username}:${passwordOf(credentials)}`).toString("base64")}`
