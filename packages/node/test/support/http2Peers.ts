/** HTTP/2 servers that answer or hold, and a transport to them. */
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type * as Layer from "effect/Layer"
import type { PoolOptions } from "../../src/Dispatcher.ts"
import { transport } from "./harness.ts"
import type { Options, Peer, RawHttp2 } from "./rawHttp2.ts"
import { rawHttp2 } from "./rawHttp2.ts"

export const answering = (options: Options = {}) =>
  rawHttp2((peer) => (peer.onRequest = (stream) => peer.answer(stream)), options)

/** Holds every request until it is let go. */
export const holding = (options: Options = {}) => rawHttp2(() => undefined, options)

export const over = (server: RawHttp2, options: PoolOptions = {}): Layer.Layer<HttpTransport, InvalidInput> =>
  transport({ tls: { ca: server.ca }, http2: true, ...options })

export const many = <A>(count: number, each: (index: number) => A): Array<A> =>
  Array.from({ length: count }, (_, i) => each(i))

export const peerOf = (server: RawHttp2, index = 0): Peer => {
  const peer = server.peers[index]
  if (peer === undefined) throw new Error(`no connection ${index}`)
  return peer
}
