/** Connections that lead through a proxy, over the connector that makes direct ones. */
import * as Net from "node:net"
import type { buildConnector } from "undici"
import type { Connecting, TellingConnector } from "../connecting.ts"
import type { DirectConnector, Making } from "../connector.ts"
import { makeConnector } from "../connector.ts"
import type { Undici } from "../undici.ts"
import { askConnect } from "./connect.ts"
import type { Refusal, Step } from "./failure.ts"
import { closed, ProxyError, refusalOf } from "./failure.ts"
import type { Choose, Proxy } from "./proxy.ts"
import { forwards, hostAndPort, nameOf } from "./proxy.ts"
import { askSocks } from "./socks.ts"

/** The connector for each origin: the direct one, or one through its proxy. */
export const makeConnectors = (
  undici: Undici,
  direct: DirectConnector,
  proxyOf: Choose,
  { lookup }: Pick<Making, "lookup">
): ((origin: string) => TellingConnector) => {
  const known = new Map<Proxy, TellingConnector>()
  return (origin) => {
    const proxy = proxyOf(origin)
    if (proxy === undefined) return direct
    const connector = known.get(proxy) ?? makeThrough(undici, direct, proxy, lookup)
    known.set(proxy, connector)
    return connector
  }
}

/**
 * A connector through one proxy. TLS with the provider is the direct connector's, over the tunnel, so that its options
 * hold and its sessions are resumed.
 */
const makeThrough = (
  undici: Undici,
  direct: DirectConnector,
  proxy: Proxy,
  lookup: Making["lookup"]
): TellingConnector => {
  const toProxy = makeConnector(undici, { tls: proxy.tls, lookup })
  const place = {
    hostname: proxy.host,
    host: nameOf(proxy),
    port: String(proxy.port),
    protocol: proxy.scheme === "https" ? "https:" : "http:"
  }
  return (options, callback, connecting) => {
    connecting.through(nameOf(proxy), proxy.host)
    let step: Step = connecting.phase === "resolving" ? "resolving" : "connecting"
    const fail = (refusal: Refusal) => callback(connecting.abandoned ?? new ProxyError(proxy, step, refusal), null)

    const onReached: buildConnector.Callback = (error, socket) => {
      if (error !== null) return fail(refusalOf(error))
      if (forwards(proxy, options.protocol)) return callback(null, socket)
      step = "tunnelling"
      connecting.ask()
      ask(socket, proxy, options, (refusal) => {
        if (refusal !== undefined) {
          socket.destroy()
          return fail(refusal)
        }
        if (options.protocol !== "https:") return callback(null, socket)
        secure(direct, { ...options, httpSocket: socket }, callback, connecting)
      })
    }
    // The type of connectors returns nothing; undici's own returns the socket.
    const reached: unknown = toProxy(place, onReached, connecting)
    connecting.watch(reached)
    if (reached instanceof Net.Socket) {
      reached.once("lookup", (error: Error | null) => (step = error === null ? "connecting" : step))
      if (proxy.scheme === "https") reached.once("connect", () => (step = "securing"))
    }
  }
}

/** Asks for a way to where the options lead. It is over when the proxy has answered, or is gone. */
const ask = (
  socket: Net.Socket,
  proxy: Proxy,
  { hostname, port, protocol }: buildConnector.Options,
  done: (refusal: Refusal | undefined) => void
): void => {
  let over = false
  const finish = (refusal: Refusal | undefined) => {
    if (over) return
    over = true
    socket.off("end", onClosed).off("close", onClosed).off("error", onError)
    done(refusal)
  }
  const onClosed = () => finish(closed)
  const onError = (error: Error) => finish(refusalOf(error))
  socket.once("end", onClosed).once("close", onClosed).once("error", onError)

  const target = { host: hostname, port: Number(port) || (protocol === "https:" ? 443 : 80) }
  if (proxy.scheme === "socks5") askSocks(socket, target, proxy.credentials, finish)
  else askConnect(socket, hostAndPort(target.host, target.port), proxy, finish)
}

/** TLS with the provider, over a tunnel. */
const secure = (
  direct: DirectConnector,
  options: buildConnector.Options & { readonly httpSocket: Net.Socket },
  callback: buildConnector.Callback,
  connecting: Connecting
): void => {
  try {
    const socket: unknown = direct(options, callback, connecting)
    connecting.handshake(socket)
  } catch (error) {
    // Options that `tls.connect` refuses.
    options.httpSocket.destroy()
    callback(error instanceof Error ? error : new Error("the connector failed", { cause: error }), null)
  }
}
