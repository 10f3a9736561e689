/**
 * Responses of the `Status` fault and of requests that the server itself refuses: a provider's error, a proxy's page, another
 * service's JSON, or nothing.
 */
import { STATUS_CODES } from "node:http"
import type * as FaultScript from "../FaultScript.ts"
import type { Template } from "./template.ts"
import { latin1 } from "./template.ts"
import type { Wire } from "./wire.ts"

/** The response to a request that gets this status. */
export const statusTemplate = (fault: FaultScript.FaultOf<"Status">, wire: Wire, id: string): Template => {
  const { body, headers } = shapes[fault.shape](fault, wire, id)
  return {
    status: fault.status,
    headers: [
      ...headers,
      ...(fault.retryAfter === undefined ? [] : [`retry-after: ${fault.retryAfter}`]),
      ...Object.entries(fault.headers ?? {}).map(([name, value]) => `${name}: ${value}`)
    ].map(latin1),
    stream: false,
    units: fault.status === 204 || fault.status === 304 || body === "" ? [] : [latin1(body)]
  }
}

interface Shape {
  readonly headers: ReadonlyArray<string>
  readonly body: string
}

const shapes: {
  readonly [Name in FaultScript.FaultOf<"Status">["shape"]]: (
    fault: FaultScript.FaultOf<"Status">,
    wire: Wire,
    id: string
  ) => Shape
} = {
  provider: (fault, wire, id) => ({
    headers: ["content-type: application/json", `${wire.requestIdHeader}: req_${id}`],
    body: wire.error(fault.status, fault.error ?? {}, id)
  }),
  html: (fault) => {
    const title = `${fault.status} ${fault.error?.message ?? STATUS_CODES[fault.status] ?? ""}`.trim()
    return {
      headers: ["server: nginx", "content-type: text/html"],
      body: [
        "<html>",
        `<head><title>${title}</title></head>`,
        "<body>",
        `<center><h1>${title}</h1></center>`,
        "<hr><center>nginx</center>",
        "</body>",
        "</html>",
        ""
      ].join("\r\n")
    }
  },
  empty: () => ({ headers: [], body: "" }),
  "json-foreign": (fault) => ({
    headers: ["content-type: application/json"],
    body: JSON.stringify({
      message: fault.error?.message ?? STATUS_CODES[fault.status] ?? "Failed",
      ...(fault.error?.code !== undefined && { code: fault.error.code })
    })
  })
}
