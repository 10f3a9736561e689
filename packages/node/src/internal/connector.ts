/** How the connections of one provider are made: TCP to one address after the other, and TLS as its options say. */
import type { LookupFunction } from "node:net"
import type { buildConnector } from "undici"
import type { Connecting, Connector } from "./connecting.ts"
import { guarded } from "./lookup.ts"
import type { ResolvedTls } from "./tls/options.ts"
import { usualTls } from "./tls/options.ts"
import type { Undici } from "./undici.ts"

/** What of a provider's options says how its connections are made. */
export interface Making {
  readonly tls?: ResolvedTls
  readonly lookup?: LookupFunction | undefined
}

/** A connector that is told what it makes, where somebody knows. */
export type DirectConnector = (
  options: buildConnector.Options,
  callback: buildConnector.Callback,
  connecting?: Connecting
) => void

// Node gives up each address but the last after 250 ms. A lost SYN is sent again after 1 s (RFC 6298 section 2.1), so
// this leaves time for one, and a second for the answer.
const longestTryMs = 2000

/**
 * How long each address of a name but the last may take, in milliseconds: of a connect limit so much that four can be
 * tried. In steps, because TLS sessions are kept for each.
 */
export const tryMs = (limitMs: number | undefined): number => {
  if (limitMs === undefined) return longestTryMs
  const stepMs = 250
  return Math.min(longestTryMs, Math.max(stepMs, Math.floor(limitMs / 4 / stepMs) * stepMs))
}

/** How a socket is connected, with TLS or without. */
const tcpOptions = ({ lookup }: Making, eachMs: number = longestTryMs) => ({
  // The limit of each attempt bounds its connection, so the connector has none of its own.
  timeout: 0,
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeout: eachMs,
  ...(lookup === undefined ? undefined : { lookup: guarded(lookup) })
})

/** One connector for all connections of a provider, so that TLS sessions are resumed. */
export const makeConnector = (undici: Undici, making: Making, allowH2 = false): DirectConnector => {
  const { secureContext, serverName, verify } = making.tls ?? usualTls
  const make = (eachMs: number): Connector =>
    undici.buildConnector({
      ...tcpOptions(making, eachMs),
      allowH2,
      preferH2: allowH2,
      // Always said: where it is not, NODE_TLS_REJECT_UNAUTHORIZED=0 would switch verification off.
      rejectUnauthorized: verify,
      ...(secureContext === undefined ? undefined : { secureContext }),
      // Of a resumed session Node does not tell again what was wrong with the certificate.
      ...(verify ? undefined : { maxCachedSessions: 0 })
    })
  const connectors = new Map<number, Connector>()
  return (options, callback, connecting) => {
    const eachMs = tryMs(connecting?.limitMs)
    const connect = connectors.get(eachMs) ?? make(eachMs)
    connectors.set(eachMs, connect)
    const named = serverName !== undefined && options.protocol === "https:"
    return connect(named ? { ...options, servername: serverName } : options, callback)
  }
}
