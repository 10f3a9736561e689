/** The steps of a scripted transport's script, and what can be changed about them. */
import type { Evidence } from "@holdfast/core/Evidence"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import * as Reason from "@holdfast/core/Reason"
import * as Duration from "effect/Duration"
import * as Pipeable from "effect/Pipeable"
import type * as FaultScript from "../FaultScript.ts"
import { anthropicWire } from "./anthropicWire.ts"
import { callTool, say } from "./brain.ts"
import type { Encounter, Meet, Unconnected } from "./encounter.ts"
import { fresh, idle } from "./encounter.ts"
import { openaiWire } from "./openaiWire.ts"
import { responsesWire } from "./responsesWire.ts"
import type { Manner } from "./scriptedAnswers.ts"
import { refusing, thinking } from "./scriptedAnswers.ts"

/** What one attempt meets. Steps are data: one may stand in many places of many scripts. */
export interface Step extends Pipeable.Pipeable {
  /** @internal */
  readonly meet: Meet
}

class StepImpl extends Pipeable.Class implements Step {
  readonly meet: Meet
  constructor(meet: Meet) {
    super()
    this.meet = meet
  }
}

const constant = (encounter: Encounter): Step => new StepImpl(() => encounter)

const mapped =
  (f: (encounter: Encounter) => Encounter) =>
  (step: Step): Step =>
    new StepImpl((request, serial) => f(step.meet(request, serial)))

/** A step that is chosen when the request is there. */
export const fromRequest = (choose: (request: HttpRequest) => Step): Step =>
  new StepImpl((request, serial) => choose(request).meet(request, serial))

/** A script without end: every attempt meets this step. */
export const always = (step: Step): Iterable<Step> => ({
  *[Symbol.iterator]() {
    for (;;) yield step
  }
})

/** An answer, byte for byte. */
export interface AnswerOptions {
  /** Default 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Several pieces come as so many chunks. Default: nothing. */
  readonly body?: string | Uint8Array | ReadonlyArray<string | Uint8Array>
}

/** An answer, byte for byte; it comes at once and whole. */
export const answer = ({ body = [], headers = {}, status = 200 }: AnswerOptions = {}): Step => {
  const pieces = typeof body === "string" || body instanceof Uint8Array ? [body] : body
  return constant({
    _tag: "Answered",
    connectMs: 0,
    connection: fresh,
    headMs: 0,
    ending: "complete",
    status,
    headers,
    chunks: pieces.map((piece) => ({ bytes: Buffer.from(piece), afterMs: 0 }))
  })
}

/** How an answer of a model is given: streamed or whole, as the request asks unless told, and where an error event breaks in. */
export interface ModelOptions extends Manner {
  /** Deltas of a streamed text. Default 4. */
  readonly events?: number
}

/** How an error is given: its fields, headers, `retry-after`, and whether its shape is the provider's. */
export type ErrorOptions = Partial<Omit<FaultScript.FaultOf<"Status">, "_tag" | "status" | "ran" | "connectionClose">>

/** A text in the format of Anthropic Messages. A streamed one has an event to a chunk. */
export const anthropicText = (text: string, options: ModelOptions = {}): Step =>
  new StepImpl(thinking(() => anthropicWire, say(text, options.events ?? 4), options))

/** A tool call in the format of Anthropic Messages. */
export const anthropicToolCall = (tool: string, input: object, options: ModelOptions = {}): Step =>
  new StepImpl(thinking(() => anthropicWire, callTool(tool, input), options))

/** An error status, in Anthropic's own shape unless told otherwise. */
export const anthropicError = (status: number, options: ErrorOptions = {}): Step =>
  new StepImpl(refusing(anthropicWire, { _tag: "Status", status, shape: "provider", ...options }))

/** A text in the format of OpenAI that the request is in, Responses or Chat Completions. A streamed one has an event to a chunk. */
export const openaiText = (text: string, options: ModelOptions = {}): Step =>
  new StepImpl(thinking(openaiOf, say(text, options.events ?? 4), options))

/** A tool call in the format of OpenAI that the request is in. */
export const openaiToolCall = (tool: string, input: object, options: ModelOptions = {}): Step =>
  new StepImpl(thinking(openaiOf, callTool(tool, input), options))

const openaiOf = ({ url }: HttpRequest) => (url.endsWith("/responses") ? responsesWire : openaiWire)

/** An error status, in OpenAI's own shape unless told otherwise. */
export const openaiError = (status: number, options: ErrorOptions = {}): Step =>
  new StepImpl(refusing(openaiWire, { _tag: "Status", status, shape: "provider", ...options }))

const unconnected = (phase: Unconnected["phase"], reason: Unconnected["reason"], afterMs = 0): Step =>
  constant({ _tag: "Unconnected", phase, afterMs, reason })

/** The host does not resolve. */
export const dnsFailure = (code = "ENOTFOUND"): Step =>
  unconnected("resolving", (host) => new Reason.DnsFailure({ host: nameOf(host), code }))

/** Nobody listens at the host. */
export const refused: Step = unconnected(
  "connecting",
  (host) =>
    new Reason.ConnectFailure({ host, code: "ECONNREFUSED", addresses: [{ address: host, code: "ECONNREFUSED" }] })
)

/** No connection comes about, and nothing says so: the connect limit ends it, or nobody does. */
export const unreachable: Step = unconnected(
  "connecting",
  (host) => new Reason.ConnectTimeout({ host, limitMs: 0 }),
  Number.POSITIVE_INFINITY
)

/** The TLS handshake fails. */
export const tlsFailure = (code = "CERT_HAS_EXPIRED"): Step =>
  unconnected("securing", (host) => new Reason.TlsFailure({ host, code }))

const unanswered = (ending: "fin" | "reset" | "silence" | "malformed", headBytes = 0): Step =>
  constant({
    _tag: "Unanswered",
    connectMs: 0,
    connection: fresh,
    headMs: ending === "silence" ? Number.POSITIVE_INFINITY : 0,
    ending,
    headBytes
  })

/** The connection is closed after the request, before any byte of an answer. */
export const lost = (how: "fin" | "reset" = "reset"): Step => unanswered(how)

/** A reused connection turns out closed: {@link lost}, on a {@link reused} one. */
export const stale = (how: "fin" | "reset" = "fin", idleFor: Duration.Input = "5 seconds"): Step =>
  lost(how).pipe(reused(idleFor))

/** The connection is closed within the head of the answer. */
export const lostInHead = (how: "fin" | "reset" = "reset"): Step => unanswered(how, 9)

/** What comes is no HTTP. */
export const malformed: Step = unanswered("malformed", 9)

/** The request is taken and nothing is ever said: the headers limit of a streaming request ends it, or nobody does. */
export const silent: Step = unanswered("silence")

/** A failure as given, for what no other step says. */
export const failure = (options: { readonly reason: Reason.Reason; readonly evidence: Evidence }): Step =>
  constant({ _tag: "Given", afterMs: 0, ...options })

/**
 * Ends an answer after so many chunks, counted from its end where negative; what came before was given. `clean`: as HTTP
 * has it, without the rest; `silence`: nothing more comes, and the connection stays. A step without an answer stays as
 * it is.
 */
export const cut = (how: "clean" | "fin" | "reset" | "silence" | "malformed", afterChunks: number) =>
  mapped((encounter) =>
    encounter._tag === "Answered"
      ? { ...encounter, chunks: encounter.chunks.slice(0, afterChunks), ending: how === "clean" ? "complete" : how }
      : encounter
  )

/** How long the parts of a step take. */
export interface Delays {
  /** Until the connection stands, or fails. */
  readonly connect?: Duration.Input
  /** From the sent request to the head of the answer, or to the end that comes in its place. */
  readonly head?: Duration.Input
  /** Before each chunk. */
  readonly chunks?: Duration.Input
}

/** Takes its time. What takes longer than the request's limits fails as it would on a socket. */
export const delayed = ({ chunks, connect, head }: Delays): ((step: Step) => Step) =>
  mapped((encounter): Encounter => {
    switch (encounter._tag) {
      case "Unconnected":
        return { ...encounter, afterMs: millis(connect, encounter.afterMs) }
      case "Given":
        return { ...encounter, afterMs: millis(connect, 0) + millis(head, 0) }
      case "Unanswered":
        return {
          ...encounter,
          connectMs: millis(connect, encounter.connectMs),
          headMs: millis(head, encounter.headMs)
        }
      case "Answered":
        return {
          ...encounter,
          connectMs: millis(connect, encounter.connectMs),
          headMs: millis(head, encounter.headMs),
          chunks: encounter.chunks.map((chunk) => ({ ...chunk, afterMs: millis(chunks, chunk.afterMs) }))
        }
    }
  })

/**
 * On a connection that answered one request before and has been idle since. A request that insists on a fresh connection
 * cannot meet it: that fails with an `InvalidInput`.
 */
export const reused = (idleFor: Duration.Input = "5 seconds"): ((step: Step) => Step) =>
  mapped((encounter) =>
    encounter._tag === "Unanswered" || encounter._tag === "Answered"
      ? { ...encounter, connection: idle(Duration.toMillis(idleFor)) }
      : encounter
  )

const millis = (duration: Duration.Input | undefined, otherwise: number): number =>
  duration === undefined ? otherwise : Duration.toMillis(duration)

const nameOf = (host: string): string => host.replace(/:\d+$/, "")
