import { FailoverPolicy } from "@holdfast/core"

export const quick = FailoverPolicy.make({ hedge: { after: "p95" } })
