/** One call of `fetch`, as the requests of its attempts. What is rarely asked for is read when it is asked for. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Declaration } from "@holdfast/core/Declaration"
import { toldBy } from "@holdfast/core/Declaration"
import type { HttpRequest, Method } from "@holdfast/core/HttpTransport"
import { mayBeKey } from "@holdfast/core/Preview"
import type { Attempt } from "@holdfast/core/Repair"
import type { Resolved } from "@holdfast/core/TimeLimits"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Predicate from "effect/Predicate"
import * as Generation from "../generation.ts"

/** A raw request, as an app is shown it to declare whether it may be sent twice. */
export interface RawRequest {
  readonly method: string
  readonly url: string
  /** Names in lower case. Keys among them. */
  readonly headers: Readonly<Record<string, string>>
  /** The body where it is at hand; not one that comes as it is made. */
  readonly body: string | Uint8Array | undefined
  /** The body read as JSON; `undefined` where it is none. */
  readonly json: unknown
}

/** What all calls of one `fetch` share. */
export interface Manner {
  readonly provider: string
  readonly model: string | undefined
  readonly limits: Resolved
  readonly idempotencyKeys: boolean
  readonly declare: ((request: RawRequest) => Declaration | undefined) | undefined
}

/** What is sent. */
export interface Target {
  readonly method: Method
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array> | undefined
}

/** One request of a call: the caller's, or one that a redirect led to. */
export class Call implements RawRequest {
  readonly method: Method
  readonly url: string
  readonly headers: Record<string, string>
  readonly candidate: Candidate
  private readonly sent: Target["body"]
  private readonly manner: Manner
  private parsed: { readonly json: unknown } | undefined
  private declared: Declaration | undefined

  constructor(manner: Manner, { body, headers, method, url }: Target) {
    this.manner = manner
    this.method = method
    this.url = url
    this.headers = headers
    this.sent = body
    this.candidate = candidateOf(manner.provider, () => this.model)
  }

  /** The request of an attempt, within what is left of the call's time. */
  request({ attempt, connection, totalMs }: Attempt): HttpRequest {
    return new Request(this, attempt, connection, TimeLimits.within(this.manner.limits, totalMs), this.sent)
  }

  get body(): string | Uint8Array | undefined {
    return typeof this.sent === "string" || this.sent instanceof Uint8Array ? this.sent : undefined
  }

  /** Whether the body comes as it is made. */
  get isStreamed(): boolean {
    return this.sent !== undefined && this.body === undefined
  }

  get json(): unknown {
    return (this.parsed ??= { json: parse(this.body) }).json
  }

  get declaration(): Declaration {
    return (this.declared ??= this.judge())
  }

  /** Whether the answer is read as it comes, as far as the request says. */
  get streaming(): boolean {
    if (this.headers["accept"]?.includes("text/event-stream") === true) return true
    const { body } = this
    if (body === undefined || this.method !== "POST") return false
    return typeof body === "string" ? asksForStream(body, () => this.json) : this.bytesAskForStream(body)
  }

  private bytesAskForStream(body: Uint8Array): boolean {
    if (!Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes('"stream"')) return false
    return isStreaming(this.json)
  }

  private get model(): string {
    if (this.manner.model !== undefined) return this.manner.model
    const { json } = this
    const named = Predicate.hasProperty(json, "model") ? json.model : undefined
    const model = Predicate.isString(named) ? named : /\/deployments\/([^/?]+)/.exec(this.url)?.[1]
    return model !== undefined && modelName.test(model) && !mayBeKey(model) ? model : "unknown"
  }

  private judge(): Declaration {
    const { declare, idempotencyKeys } = this.manner
    const told = declare === undefined ? undefined : toldBy<RawRequest, Declaration | undefined>(declare, this)
    if (told !== undefined) return told
    if (this.method === "GET" || this.method === "HEAD") return "repeatable"
    if (idempotencyKeys && (this.headers["idempotency-key"] ?? "") !== "") return "repeatable"
    const path = this.method === "POST" ? URL.parse(this.url)?.pathname : undefined
    return path !== undefined && Generation.isGeneration(path) ? Generation.declare(path, this.json) : "unknown"
  }
}

/** The model is read from the body, and only where a failure is to name it. */
const candidateOf = (provider: string, model: () => string): Candidate => ({
  provider,
  get model() {
    return model()
  }
})

// As long as models' names are.
const modelName = /^[^\s/]\S{0,199}$/

/** A request to the transport. */
class Request implements HttpRequest {
  readonly candidate: Candidate
  readonly method: Method
  readonly url: string
  readonly headers: Record<string, string>
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>
  readonly attempt: number
  readonly connection: "any" | "fresh"
  readonly limits: Resolved
  private readonly call: Call

  constructor(call: Call, attempt: number, connection: "any" | "fresh", limits: Resolved, body: Target["body"]) {
    this.call = call
    this.candidate = call.candidate
    this.method = call.method
    this.url = call.url
    this.headers = call.headers
    if (body !== undefined) this.body = body
    this.attempt = attempt
    this.connection = connection
    this.limits = limits
  }

  get declaration(): Declaration {
    return this.call.declaration
  }

  get streaming(): boolean {
    return this.call.streaming
  }
}

// At the end of JSON, and after a comma or a brace, it can be nothing but a member of the outermost object.
const asksAtEnd = /[,{]\s*"stream"\s*:\s*true\s*\}\s*$/
const asksAtStart = /^\s*\{\s*"stream"\s*:\s*true\b/
const mayAsk = /"stream"\s*:\s*true\b/

/** Whether JSON says `"stream": true`. Most is told without parsing it: SDKs write it last, or first. */
export const asksForStream = (json: string, parsed: () => unknown): boolean => {
  if (asksAtEnd.test(json.slice(-64)) || asksAtStart.test(json.slice(0, 64))) return true
  return mayAsk.test(json) && isStreaming(parsed())
}

const isStreaming = (json: unknown): boolean => Predicate.hasProperty(json, "stream") && json.stream === true

const parse = (body: string | Uint8Array | undefined): unknown => {
  if (body === undefined) return undefined
  try {
    return JSON.parse(
      typeof body === "string" ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()
    )
  } catch {
    return undefined
  }
}
