/**
 * From a complete request to a plan: which wire format it speaks, what the model says, and what the fault makes of that.
 */
import type * as FaultConfig from "../FaultConfig.ts"
import type * as FaultScript from "../FaultScript.ts"
import { anthropicWire } from "./anthropicWire.ts"
import type { Conversation, Thought } from "./brain.ts"
import { makeBrain, runKeyOf, say, textDiffers } from "./brain.ts"
import { openaiWire } from "./openaiWire.ts"
import { planFor } from "./faultPlan.ts"
import type { Plan } from "./plan.ts"
import { ordinaryPlan, wholePlan } from "./plan.ts"
import type { RequestHead } from "./requestReader.ts"
import { responsesWire } from "./responsesWire.ts"
import { statusTemplate } from "./statusTemplate.ts"
import type { Hop, Template } from "./template.ts"
import { frame, idOf, idSlot, latin1, slices } from "./template.ts"
import type { Wire } from "./wire.ts"

/** What is done with a complete request. */
export interface Reply {
  /** Absent for a request that is no model call. */
  readonly call: Call | undefined
  readonly ran: boolean
  readonly plan: Plan
}

/** A model call as the truth names it. */
export interface Call {
  readonly wire: Wire
  readonly conversation: Conversation
  readonly runKey: string
}

/** Builds replies for one endpoint. */
export interface Replier {
  /** `fault` is never a cut before the end of the request. */
  readonly reply: (head: RequestHead, body: Buffer, fault: FaultScript.Fault | undefined) => Reply
  /** What a request on a connection that can no longer answer is. */
  readonly read: (head: RequestHead, body: Buffer) => Call | undefined
  /** A 200 that nobody asked for, in the manner of the connection's last call. */
  readonly unsolicited: (last: Call | undefined) => string
}

const maxCachedAnswers = 256

/** Makes the replier of an endpoint. */
export const makeReplier = (config: FaultConfig.Endpoint, nextSerial: () => number): Replier => {
  const think = makeBrain(config.answer, config.agent)
  const sameText = !textDiffers(config.answer)
  const keepAliveHint = config.answer?.keepAliveHint
  const cache = new Map<string, ReadonlyArray<string>>()

  /** The pieces of a whole answer between which the id stands; plain texts are the same for every request of a kind. */
  const prebuilt = ({ conversation, wire }: Call, thought: Thought, hop: Hop): ReadonlyArray<string> => {
    const key = `${wire.api} ${conversation.stream} ${conversation.includeUsage} ${conversation.model}`
    const known = cache.get(key)
    if (known !== undefined) return known
    const { head, tail, units } = frame(answerTemplate(wire, conversation, thought, idSlot), hop)
    const pieces = (head + units.join("") + tail).split(idSlot)
    if (cache.size >= maxCachedAnswers) cache.clear()
    cache.set(key, pieces)
    return pieces
  }

  return {
    reply: (head, body, fault) => {
      const wire = wireOf(head)
      const call = wire === undefined ? undefined : read(wire, body)
      const hop: Hop = { close: !head.keepAlive, keepAliveHint }
      const id = idOf(nextSerial())
      if (fault?._tag === "Status") {
        const template = forMethod(head, statusTemplate(fault, wire ?? openaiWire, id))
        const plan = ordinaryPlan(template, { ...hop, close: hop.close || fault.connectionClose === true })
        return { call, ran: call !== undefined && fault.ran === true, plan }
      }
      if (call === undefined) {
        const refusal = wire === undefined ? notFound : badBody
        const template = forMethod(head, statusTemplate(refusal, wire ?? openaiWire, id))
        return { call, ran: false, plan: planFor(fault, { template, wire: wire ?? openaiWire, id, hop }) }
      }
      const thought = think(call.conversation, id)
      if (fault === undefined && thought._tag === "Text" && sameText && !hop.close) {
        return { call, ran: true, plan: wholePlan(prebuilt(call, thought, hop).join(id), hop) }
      }
      const template = answerTemplate(call.wire, call.conversation, thought, id)
      return { call, ran: true, plan: planFor(fault, { template, wire: call.wire, id, hop }) }
    },
    read: (head, body) => {
      const wire = wireOf(head)
      return wire === undefined ? undefined : read(wire, body)
    },
    unsolicited: (last) => {
      const template = answerTemplate(
        last?.wire ?? openaiWire,
        last?.conversation ?? nobody,
        unasked,
        idOf(nextSerial())
      )
      const { head, tail, units } = frame(template, { close: false, keepAliveHint })
      return head + units.join("") + tail
    }
  }
}

/** What a server says that gives up an idle connection politely; the wording is Node's own. */
export const requestTimeout = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

/** What a client gets that waits for leave to send its body. */
export const goOn = "HTTP/1.1 100 Continue\r\n\r\n"

/** What a request that is not HTTP gets. */
export const badRequest = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

const notFound: FaultScript.FaultOf<"Status"> = { _tag: "Status", status: 404, shape: "provider" }

const badBody: FaultScript.FaultOf<"Status"> = { _tag: "Status", status: 400, shape: "provider" }

const unasked = say("An answer that nobody asked for.", 2)

const nobody: Conversation = {
  model: "nobody",
  stream: false,
  includeUsage: false,
  userText: "",
  toolResults: 0,
  tools: []
}

const wireOf = (head: RequestHead): Wire | undefined => {
  if (head.method !== "POST") return undefined
  if (head.path.endsWith("/v1/messages")) return anthropicWire
  if (head.path.endsWith("/responses")) return responsesWire
  return head.path.endsWith("/chat/completions") ? openaiWire : undefined
}

const read = (wire: Wire, body: Buffer): Call | undefined => {
  const conversation = wire.parse(parseJson(body))
  return conversation === undefined ? undefined : { wire, conversation, runKey: runKeyOf(conversation) }
}

const parseJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString("utf8"))
  } catch {
    return undefined
  }
}

/** The answer to HEAD has no body (RFC 9110 section 9.3.2): one would be taken for the beginning of the next answer. */
const forMethod = (head: RequestHead, template: Template): Template =>
  head.method === "HEAD" ? { ...template, units: [] } : template

/** A whole answer of a model before it is framed. */
export const answerTemplate = (wire: Wire, conversation: Conversation, thought: Thought, id: string): Template => {
  const events = wire.events(conversation, thought, id)
  const json = () => slices(latin1(wire.json(conversation, thought, id)), events.length)
  return {
    status: 200,
    headers: [
      conversation.stream ? "content-type: text/event-stream; charset=utf-8" : "content-type: application/json",
      ...(conversation.stream ? ["cache-control: no-cache"] : []),
      `${wire.requestIdHeader}: req_${id}`
    ],
    stream: conversation.stream,
    units: conversation.stream ? events.map(latin1) : json()
  }
}
