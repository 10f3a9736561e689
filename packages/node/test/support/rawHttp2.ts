/**
 * An HTTP/2 server that writes its frames by hand, so that it can say what no library would, at any moment. It knows how
 * many requests it has received.
 */
import type * as Net from "node:net"
import * as Tls from "node:tls"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { listening } from "./listener.ts"
import { localCertificate } from "./localCertificate.ts"

/** Error codes of RFC 9113 section 7. */
export const code = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  refusedStream: 7,
  cancel: 8,
  enhanceYourCalm: 11,
  http11Required: 13
} as const

const type = { data: 0, headers: 1, rst: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 } as const
const endStream = 0x1
const endHeaders = 0x4
const ack = 0x1
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

export interface Options {
  /** SETTINGS_MAX_CONCURRENT_STREAMS. */
  readonly maxConcurrent?: number
  /** SETTINGS_INITIAL_WINDOW_SIZE; how much of a body the client may send before it is told to go on. */
  readonly window?: number
  /** Whether SETTINGS are sent at once. Default `true`. */
  readonly settings?: boolean
  /** Whether pings are answered. Default `true`. */
  readonly pongs?: boolean
  /** What is offered by ALPN. Default `h2` alone. */
  readonly protocols?: ReadonlyArray<string>
  /** More for the TLS server. */
  readonly tls?: Tls.TlsOptions
}

/** One connection, as the server sees it. */
export class Peer {
  readonly socket: Net.Socket
  private readonly tcp: Net.Socket
  /** Streams whose requests have come in full, with their bodies. */
  readonly requests = new Map<number, string>()
  /** Streams that were begun. */
  readonly begun: Array<number> = []
  /** What the client reset: stream and code. */
  readonly resets: Array<readonly [number, number]> = []
  readonly pings: Array<Buffer> = []
  goaways = 0
  bytesOfBody = 0
  flooded = 0
  /** The client gives way for no more of it. */
  floodHeld = false
  /** For how much the client gives way: on the connection, and on a stream. */
  private ways: readonly [number, number] = [65_535, 65_535]
  private onWay: () => void = () => undefined
  onBegun: (stream: number) => void = () => undefined
  onRequest: (stream: number, body: string) => void = () => undefined
  onReset: (stream: number, code: number) => void = () => undefined
  private readonly options: Options
  private readonly bodies = new Map<number, Array<Buffer>>()
  private pending = Buffer.alloc(0)
  private greeted = false
  private corked: Array<Buffer> | undefined

  constructor(socket: Net.Socket, tcp: Net.Socket, options: Options) {
    this.socket = socket
    this.tcp = tcp
    this.options = options
    socket.on("error", () => undefined)
    // What is written at different times should be read at different times.
    socket.setNoDelay(true)
    socket.on("data", (chunk: Buffer) => this.receive(chunk))
    if (options.settings !== false) this.settings(options)
  }

  /** Writes all that is written meanwhile in one piece, so that the client reads it in one. */
  together(write: () => void): void {
    this.corked = []
    write()
    const all = Buffer.concat(this.corked)
    this.corked = undefined
    this.socket.write(all)
  }

  settings({ maxConcurrent, window }: Options): void {
    const entries = [
      [0x3, maxConcurrent],
      [0x4, window]
    ].flatMap(([id, value]) => (id === undefined || value === undefined ? [] : [entry(id, value)]))
    this.frame(type.settings, 0, 0, Buffer.concat(entries))
  }

  /** A response head: the status, and headers as literals. */
  head(stream: number, status: number, headers: Readonly<Record<string, string>> = {}, last = false): void {
    const block = [literal(":status", String(status)), ...Object.entries(headers).map(([k, v]) => literal(k, v))]
    this.frame(type.headers, endHeaders | (last ? endStream : 0), stream, Buffer.concat(block))
  }

  trailers(stream: number, headers: Readonly<Record<string, string>>): void {
    const block = Object.entries(headers).map(([name, value]) => literal(name, value))
    this.frame(type.headers, endHeaders | endStream, stream, Buffer.concat(block))
  }

  /** A head that goes on and on, as long as the client listens. */
  endlessHead(stream: number): void {
    const kilobytes = Buffer.concat(Array.from({ length: 16 }, () => literal("x-long", "y".repeat(1000))))
    this.frame(type.headers, 0, stream, Buffer.concat([literal(":status", "200"), kilobytes]))
    const more = () => {
      if (this.socket.destroyed || this.socket.bytesWritten > 200 * 1024 ** 2) return
      this.frame(type.continuation, 0, stream, kilobytes)
      setImmediate(more)
    }
    more()
  }

  data(stream: number, text: string | Buffer, last = false): void {
    this.frame(type.data, last ? endStream : 0, stream, Buffer.from(text as string))
  }

  /** A whole answer. */
  answer(stream: number, text = "fine", headers: Readonly<Record<string, string>> = {}): void {
    this.head(stream, 200, headers)
    this.data(stream, text, true)
  }

  /** A body that has no end, sent as far as the client gives way. */
  flood(stream: number): void {
    const piece = Buffer.alloc(16_384, "x")
    const go = () => {
      while (this.ways.every((left) => left >= piece.byteLength)) {
        this.ways = [this.ways[0] - piece.byteLength, this.ways[1] - piece.byteLength]
        this.flooded += piece.byteLength
        this.data(stream, piece)
      }
      this.floodHeld = true
    }
    this.onWay = go
    go()
  }

  rst(stream: number, code: number): void {
    this.frame(type.rst, 0, stream, uint32(code))
  }

  goaway(last: number, code: number): void {
    this.frame(type.goaway, 0, 0, Buffer.concat([uint32(last), uint32(code)]))
  }

  window(stream: number, bytes: number): void {
    this.frame(type.windowUpdate, 0, stream, uint32(bytes))
  }

  /** Bytes that are no frame. */
  garbage(): void {
    this.write(Buffer.alloc(64, 0xff))
  }

  fin(): void {
    this.socket.end()
  }

  /** Resets the connection. */
  reset(): void {
    this.tcp.resetAndDestroy()
  }

  frame(kind: number, flags: number, stream: number, payload: Buffer): void {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.byteLength, 0, 3)
    head.writeUInt8(kind, 3)
    head.writeUInt8(flags, 4)
    head.writeUInt32BE(stream, 5)
    this.write(Buffer.concat([head, payload]))
  }

  private write(bytes: Buffer): void {
    if (this.corked === undefined) this.socket.write(bytes)
    else this.corked.push(bytes)
  }

  private receive(chunk: Buffer): void {
    this.pending = Buffer.concat([this.pending, chunk])
    if (!this.greeted) {
      if (this.pending.byteLength < preface.byteLength) return
      this.greeted = true
      this.pending = this.pending.subarray(preface.byteLength)
    }
    while (this.pending.byteLength >= 9) {
      const end = 9 + this.pending.readUIntBE(0, 3)
      if (this.pending.byteLength < end) return
      const frame = this.pending.subarray(0, end)
      this.pending = this.pending.subarray(end)
      this.handle(frame.readUInt8(3), frame.readUInt8(4), frame.readUInt32BE(5) & 0x7fffffff, frame.subarray(9))
    }
  }

  private handle(kind: number, flags: number, stream: number, payload: Buffer): void {
    switch (kind) {
      case type.headers: {
        this.begun.push(stream)
        this.bodies.set(stream, [])
        this.onBegun(stream)
        break
      }
      case type.data: {
        this.bodies.get(stream)?.push(Buffer.from(payload))
        this.bytesOfBody += payload.byteLength
        if (payload.byteLength > 0 && this.options.window === undefined) {
          this.window(0, payload.byteLength)
          if ((flags & endStream) === 0) this.window(stream, payload.byteLength)
        }
        break
      }
      case type.rst: {
        this.resets.push([stream, payload.readUInt32BE(0)])
        this.onReset(stream, payload.readUInt32BE(0))
        break
      }
      case type.settings: {
        if ((flags & ack) !== 0) break
        for (let at = 0; at < payload.byteLength; at += 6) {
          if (payload.readUInt16BE(at) === 0x4) this.ways = [this.ways[0], payload.readUInt32BE(at + 2)]
        }
        // The first frame of a server is its own SETTINGS.
        if (this.options.settings !== false) this.frame(type.settings, ack, 0, Buffer.alloc(0))
        break
      }
      case type.ping: {
        if ((flags & ack) !== 0) break
        this.pings.push(Buffer.from(payload))
        if (this.options.pongs !== false) this.frame(type.ping, ack, 0, Buffer.from(payload))
        break
      }
      case type.windowUpdate: {
        const more = payload.readUInt32BE(0)
        this.ways = stream === 0 ? [this.ways[0] + more, this.ways[1]] : [this.ways[0], this.ways[1] + more]
        this.onWay()
        break
      }
      case type.goaway: {
        this.goaways++
        break
      }
      default:
    }
    const ends = (kind === type.headers || kind === type.data) && (flags & endStream) !== 0
    if (!ends) return
    const body = Buffer.concat(this.bodies.get(stream) ?? []).toString()
    this.requests.set(stream, body)
    this.onRequest(stream, body)
  }
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const entry = (id: number, value: number): Buffer => {
  const bytes = Buffer.alloc(6)
  bytes.writeUInt16BE(id)
  bytes.writeUInt32BE(value, 2)
  return bytes
}

/** RFC 7541 section 6.2.2: a literal that is not indexed, its name and value written out. */
const literal = (name: string, value: string): Buffer => Buffer.concat([Buffer.from([0]), text(name), text(value)])

/** RFC 7541 section 5.2, with section 5.1's integers. */
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, "latin1")
  const prefix: Array<number> = []
  let rest = bytes.byteLength
  if (rest < 127) prefix.push(rest)
  else {
    prefix.push(127)
    for (rest -= 127; rest >= 128; rest = Math.floor(rest / 128)) prefix.push((rest % 128) | 128)
    prefix.push(rest)
  }
  return Buffer.concat([Buffer.from(prefix), bytes])
}

export interface RawHttp2 {
  readonly origin: string
  readonly ca: string
  readonly port: number
  readonly peers: ReadonlyArray<Peer>
  /** Requests that came in full, on all connections. */
  readonly received: () => number
}

/** Serves on TLS for the life of the scope. */
export const rawHttp2 = (
  onPeer: (peer: Peer, index: number) => void,
  options: Options = {}
): Effect.Effect<RawHttp2, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { cert, key } = yield* Effect.promise(localCertificate)
    const peers: Array<Peer> = []
    const server = Tls.createServer({
      cert,
      key,
      ALPNProtocols: [...(options.protocols ?? ["h2"])],
      ...options.tls
    })
    const { port, sockets } = yield* listening(server)
    server.on("secureConnection", (socket) => {
      const tcp = sockets.find(({ remotePort }) => remotePort === socket.remotePort) ?? socket
      const peer = new Peer(socket, tcp, options)
      peers.push(peer)
      onPeer(peer, peers.length - 1)
    })
    return {
      origin: `https://localhost:${port}`,
      ca: cert,
      port,
      peers,
      received: () => peers.reduce((sum, { requests }) => sum + requests.size, 0)
    }
  })
