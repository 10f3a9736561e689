import { FailoverPolicy } from "@holdfast/core"

// Until the first tool call is complete: a stream that breaks off before is replaced, whatever text had come.
export const careful = FailoverPolicy.make({ hold: "tool-call" })
// Until 20 parts of content have come.
export const middling = FailoverPolicy.make({ hold: { parts: 20 } })
