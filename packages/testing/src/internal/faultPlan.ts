/**
 * Faults as plans: what each does to the answer it strikes. Pure; the connection carries it out.
 */
import type * as FaultScript from "../FaultScript.ts"
import { framingPlan } from "./framingFault.ts"
import type { Plan } from "./plan.ts"
import { ordinaryPlan, afterwardsOf } from "./plan.ts"
import type { Hop, Template } from "./template.ts"
import { frame, headOf, latin1 } from "./template.ts"
import type { Wire } from "./wire.ts"

/** What a plan is made from. `template` is the whole answer. */
export interface Answering {
  readonly template: Template
  readonly wire: Wire
  readonly id: string
  readonly hop: Hop
}

/** The plan of a request that a fault strikes. A `Status` fault has its own template already. */
export const planFor = (fault: FaultScript.Fault | undefined, answering: Answering): Plan => {
  const { hop, template, wire } = answering
  switch (fault?._tag) {
    case "Cut":
      return cutPlan(fault, answering)
    case "IdleClose": {
      const hint = { ...hop, keepAliveHint: fault.keepAliveHint ?? hop.keepAliveHint }
      return { ...ordinaryPlan(template, hint), afterwards: hop.close ? afterwardsOf(hop) : fault }
    }
    case "InBandError": {
      const units = template.stream
        ? [...template.units.slice(0, fault.afterEvents), latin1(wire.errorEvent(fault, answering.id))]
        : [latin1(wire.error(529, fault, answering.id))]
      return { ...ordinaryPlan({ ...template, units }, hop), whole: false }
    }
    case "NoEndMarker": {
      const half = template.stream ? template.units.length - 1 : Math.floor(template.units.length / 2)
      const units = template.units.slice(0, fault.afterEvents ?? half)
      return { ...ordinaryPlan({ ...template, units }, hop), whole: false }
    }
    case "Drip":
      return dripPlan(fault, answering)
    case "Informational": {
      const text = headOf({ status: fault.status, headers: informationalHeaders[fault.status] }, [])
      const plan = ordinaryPlan(template, hop)
      return { ...plan, writes: [{ text, afterMs: 0, informational: true }, ...plan.writes] }
    }
    case "Framing":
      return framingPlan(fault, template, hop)
    case "ConnectionClose":
      return ordinaryPlan(template, { ...hop, close: true })
    default:
      return ordinaryPlan(template, hop)
  }
}

const cutPlan = (fault: FaultScript.FaultOf<"Cut">, { hop, template }: Answering): Plan => {
  const close = hop.close || fault.connectionClose === true
  const { head, tail, units } = frame(template, { ...hop, close })
  const text = textBefore(fault.at, head, units)
  const whole = tail === "" && fault.at._tag === "Event" && fault.at.index >= units.length
  return {
    writes: text === "" ? [] : [{ text, afterMs: 0 }],
    whole,
    afterwards: { _tag: "Cut", how: fault.how }
  }
}

const textBefore = (point: FaultScript.Point, head: string, units: ReadonlyArray<string>): string => {
  switch (point._tag) {
    case "StatusLine":
      return head.slice(0, point.bytes)
    case "Headers":
      return head
    case "Event":
      return head + units.slice(0, point.index).join("")
    default:
      return ""
  }
}

const dripPlan = (fault: FaultScript.FaultOf<"Drip">, { hop, template }: Answering): Plan => {
  const { head, tail, units } = frame(template, hop)
  const last = units.length - 1
  return {
    writes: [
      { text: head, afterMs: fault.headDelayMs ?? 0 },
      ...units.map((unit, index) => ({ text: index === last ? unit + tail : unit, afterMs: fault.delayMs }))
    ],
    whole: true,
    afterwards: afterwardsOf(hop)
  }
}

const informationalHeaders: {
  readonly [Status in FaultScript.FaultOf<"Informational">["status"]]: ReadonlyArray<string>
} = {
  100: [],
  101: ["connection: upgrade", "upgrade: websocket"],
  102: [],
  103: ["link: </style.css>; rel=preload; as=style"]
}
