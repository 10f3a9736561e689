/**
 * A client that shows the bytes: one TCP or TLS connection, what was heard on it and how it ended.
 */
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as FaultServer from "../src/FaultServer.ts"

export interface RawConnection {
  readonly socket: Net.Socket
  /** Everything heard so far, as latin1. */
  readonly heard: () => string
  readonly send: (text: string) => Effect.Effect<void>
  /** Waits until what was heard contains a text. */
  readonly hears: (part: string) => Effect.Effect<string>
  /** Waits until the server's FIN or RST. */
  readonly ended: Effect.Effect<"fin" | "reset">
}

export const connect = (
  endpoint: FaultServer.Endpoint,
  tls?: Tls.ConnectionOptions
): Effect.Effect<RawConnection, Error, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<RawConnection, Error>((resume) => {
      const { host, port } = endpoint
      const ready = () => resume(Effect.succeed(connection))
      const socket =
        tls === undefined
          ? Net.connect({ host, port, allowHalfOpen: true }, ready)
          : Tls.connect({ ...tls, host, port, allowHalfOpen: true } as Tls.ConnectionOptions, ready)
      const connection = watch(socket)
      socket.once("error", (error) => resume(Effect.fail(error)))
      return Effect.sync(() => socket.destroy())
    }),
    ({ socket }) => Effect.sync(() => socket.destroy()),
    { interruptible: true }
  )

const watch = (socket: Net.Socket): RawConnection => {
  let text = ""
  let end: "fin" | "reset" | undefined
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1")
  })
  socket.on("end", () => {
    end ??= "fin"
  })
  socket.on("error", () => {
    end ??= "reset"
  })
  const until = <A>(look: () => A | undefined): Effect.Effect<A> =>
    Effect.callback<A>((resume) => {
      const check = () => {
        const found = look()
        if (found !== undefined) resume(Effect.succeed(found))
        return found !== undefined
      }
      if (check()) return undefined
      const events = ["data", "end", "error", "close"]
      for (const event of events) socket.on(event, check)
      return Effect.sync(() => {
        for (const event of events) socket.off(event, check)
      })
    })
  return {
    socket,
    heard: () => text,
    send: (request) =>
      Effect.callback((resume) => {
        socket.write(request, "latin1", () => resume(Effect.void))
      }),
    hears: (part) => until(() => (text.includes(part) ? text : undefined)),
    ended: until(() => end)
  }
}

export interface RequestOptions {
  readonly api?: "anthropic" | "openai"
  readonly stream?: boolean
  readonly text?: string
  readonly headers?: ReadonlyArray<string>
  readonly body?: string
}

export const bodyOf = ({ api = "anthropic", stream = false, text = "hi" }: RequestOptions): string =>
  JSON.stringify({
    model: api === "anthropic" ? "claude-opus-4-7" : "gpt-5",
    ...(api === "anthropic" && { max_tokens: 64 }),
    stream,
    messages: [{ role: "user", content: text }]
  })

export const request = (options: RequestOptions = {}): string => {
  const body = options.body ?? bodyOf(options)
  const path = options.api === "openai" ? "/v1/chat/completions" : "/v1/messages"
  const headers = ["host: localhost", "content-type: application/json", ...(options.headers ?? [])]
  return `POST ${path} HTTP/1.1\r\n${headers.join("\r\n")}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** The end of a chunked body, or of the JSON of an answer that is not streamed. */
export const endOf = (stream: boolean): string => (stream ? "\r\n0\r\n\r\n" : "}}")

export const countEvents = (heard: string): number => heard.split("\n\n").length - 1
