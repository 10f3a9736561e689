/** Answers of the fault server's model for a scripted transport, written by the same wire formats. */
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { isStreamed } from "@holdfast/core/RequestHead"
import type * as FaultScript from "../FaultScript.ts"
import type { Conversation, Thought } from "./brain.ts"
import type { Answered, Meet } from "./encounter.ts"
import { fresh } from "./encounter.ts"
import { answerTemplate } from "./reply.ts"
import { statusTemplate } from "./statusTemplate.ts"
import type { Template } from "./template.ts"
import { idOf, latin1 } from "./template.ts"
import type { Wire } from "./wire.ts"

/** How an answer is given. */
export interface Manner {
  /** Server-sent events or a whole body. Unless told, what the request asks for. */
  readonly stream?: boolean
  /** The provider's error in place of all events from this one on; in place of the body of an answer that is not streamed. */
  readonly inBandError?: FaultScript.ErrorFields & { readonly afterEvents: number }
}

/** An answer of the model, in the wire format that the request gets. */
export const thinking =
  (wireOf: (request: HttpRequest) => Wire, thought: Thought, { inBandError, stream }: Manner): Meet =>
  (request, serial) => {
    const wire = wireOf(request)
    const asked = conversationOf(wire, request)
    const id = idOf(serial)
    const template = answerTemplate(wire, { ...asked, stream: stream ?? asked.stream }, thought, id)
    if (inBandError === undefined) return encounterOf(template)
    const units = template.stream
      ? [...template.units.slice(0, inBandError.afterEvents), latin1(wire.errorEvent(inBandError, id))]
      : [latin1(wire.error(529, inBandError, id))]
    return encounterOf({ ...template, units })
  }

/** A status in place of an answer. */
export const refusing =
  (wire: Wire, fault: FaultScript.FaultOf<"Status">): Meet =>
  (_, serial) =>
    encounterOf(statusTemplate(fault, wire, idOf(serial)))

/** An answer that comes at once, unit by unit. */
const encounterOf = ({ headers, status, units }: Template): Answered => ({
  _tag: "Answered",
  connectMs: 0,
  connection: fresh,
  headMs: 0,
  ending: "complete",
  status,
  headers: Object.fromEntries(headers.map(headerOf)),
  chunks: units.map((unit) => ({ bytes: Buffer.from(unit, "latin1"), afterMs: 0 }))
})

const headerOf = (line: string): readonly [string, string] => {
  const colon = line.indexOf(":")
  return [line.slice(0, colon), line.slice(colon + 1).trim()]
}

/** What the request says, or as much of it as an answer needs where it is in another format. */
const conversationOf = (wire: Wire, request: HttpRequest): Conversation =>
  wire.parse(jsonOf(request.body)) ?? {
    model: request.candidate.model,
    stream: request.streaming === true,
    includeUsage: true,
    userText: "",
    toolResults: 0,
    tools: []
  }

/** A body that comes as it is made is not read. */
const jsonOf = (body: HttpRequest["body"]): unknown => {
  if (isStreamed(body)) return undefined
  try {
    return JSON.parse(typeof body === "string" ? body : Buffer.from(body ?? "").toString("utf8"))
  } catch {
    return undefined
  }
}
