/**
 * Responses whose framing is broken, byte by byte as a client would meet them.
 */
import type * as FaultScript from "../FaultScript.ts"
import type { Plan } from "./plan.ts"
import { afterwardsOf } from "./plan.ts"
import type { Hop, Template } from "./template.ts"
import { chunkOf, frame, headOf, hopHeaders, lastChunk } from "./template.ts"

/** The plan of a request that a `Framing` fault strikes. */
export const framingPlan = (fault: FaultScript.FaultOf<"Framing">, template: Template, hop: Hop): Plan => {
  const { head, tail, units } = frame(template, hop)
  const body = units.join("") + tail
  const plain = template.units.join("")
  const chunked = template.units.map(chunkOf)
  const rest = hopHeaders(hop)
  const whole = (text: string): Plan => ({
    writes: [{ text, afterMs: 0 }],
    whole: true,
    afterwards: afterwardsOf(hop)
  })
  const undelimited = (head: string): Plan => {
    const given = template.units.slice(0, fault.afterEvents)
    return {
      writes: [{ text: head + given.join(""), afterMs: 0 }],
      whole: given.length === template.units.length,
      afterwards: { _tag: "Cut", how: fault.how ?? "fin" }
    }
  }
  switch (fault.kind) {
    case "bad-status-line":
      return whole(head.replace(/^HTTP\/1\.1 \d+/, "HTTP/1.1 2xx") + body)
    case "bad-version":
      return whole(head.replace(/^HTTP\/1\.1/, "HTTP/9.9") + body)
    case "bad-header":
      return whole(head.replace("\r\n", "\r\nthis line has no colon\r\n") + body)
    case "bare-lf":
      return whole(head.replaceAll("\r\n", "\n") + body)
    case "both-lengths":
      return whole(
        headOf(template, [`content-length: ${plain.length}`, "transfer-encoding: chunked", ...rest]) +
          chunked.join("") +
          lastChunk
      )
    case "two-lengths":
      return whole(
        headOf(template, [`content-length: ${plain.length}`, `content-length: ${plain.length + 1}`, ...rest]) + plain
      )
    case "long-headers":
      return whole(head.replace("\r\n", `\r\n${longHeaders}\r\n`) + body)
    case "bad-chunk-size": {
      const good = fault.afterEvents ?? 1
      return {
        ...whole(
          headOf(template, ["transfer-encoding: chunked", ...rest]) +
            chunked.slice(0, good).join("") +
            `zz\r\n${template.units.slice(good).join("")}\r\n${lastChunk}`
        ),
        whole: false
      }
    }
    case "no-length-then-close":
      return undelimited(headOf(template, []))
    case "early-close-header":
      return undelimited(headOf(template, ["connection: close"]))
    case "http-1.0":
      return undelimited(headOf(template, [], "HTTP/1.0"))
  }
}

/** Forty header lines of a kilobyte each. */
const longHeaders = Array.from({ length: 40 }, (_, index) => `x-long-${index}: ${"a".repeat(1000)}`).join("\r\n")
