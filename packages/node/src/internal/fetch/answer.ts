/** An answer as a WHATWG `Response`. */
import { STATUS_CODES } from "node:http"
import type { HttpResponse } from "@holdfast/core/HttpTransport"
import { setCookies } from "@holdfast/core/HttpTransport"

/** Where an answer came from. */
export interface Origin {
  readonly url: string
  readonly redirected: boolean
}

/** Makes answers. */
export type Answers = (response: HttpResponse, body: ReadableStream<Uint8Array> | null, origin: Origin) => Response

type ResponseInit = NonNullable<ConstructorParameters<typeof Response>[1]>

/** Makes the class of answers: on first use, because to name `Response` loads Node's built-in undici. */
export const make = (): Answers => {
  const origins = new WeakMap<Response, Origin>()

  /** A response that knows where it came from, which the constructor of `Response` cannot be told. */
  class Answer extends Response {}
  // Its type has them as properties, which a class may not override with accessors.
  Object.defineProperties(Answer.prototype, {
    type: { get: () => "basic" },
    url: {
      get(this: Response) {
        return withoutFragment(origins.get(this)?.url)
      }
    },
    redirected: {
      get(this: Response) {
        return origins.get(this)?.redirected === true
      }
    },
    clone: {
      value(this: Response) {
        const { body, headers, status, statusText } = Response.prototype.clone.call(this)
        return answer(body, { headers, status, statusText }, origins.get(this))
      }
    }
  })

  const answer = (
    body: ReadableStream<Uint8Array> | null,
    init: ResponseInit,
    origin: Origin | undefined
  ): Response => {
    const made = new Answer(body, init)
    if (origin !== undefined) origins.set(made, origin)
    return made
  }
  return (response, body, origin) => answer(body, initOf(response), origin)
}

const withoutFragment = (text = ""): string => {
  const url = URL.parse(text)
  if (url === null) return ""
  url.hash = ""
  return url.href
}

const initOf = ({ headers, status }: HttpResponse): ResponseInit => {
  const answered = new Headers()
  for (const name of Object.keys(headers)) if (name !== "set-cookie") set(answered, name, headers[name] ?? "")
  for (const cookie of setCookies(headers)) set(answered, "set-cookie", cookie)
  if (status >= 400) answered.set("x-should-retry", "false")
  // What the peer wrote beside the status means nothing (RFC 9112 section 4) and is not kept.
  return { status, statusText: STATUS_CODES[status] ?? "", headers: answered }
}

const beyondLatin1 = /[\u0100-\uffff]/

/** Headers hold one character a byte; a peer that sends UTF-8 is read so too. */
const set = (headers: Headers, name: string, value: string): void =>
  headers.append(name, beyondLatin1.test(value) ? Buffer.from(value, "utf8").toString("latin1") : value)

const nullBody: ReadonlySet<number> = new Set([204, 205, 304])

/** Whether an answer has no body, whatever its headers say. */
export const hasNoBody = (method: string, status: number): boolean => method === "HEAD" || nullBody.has(status)
