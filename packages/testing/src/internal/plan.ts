/**
 * What a connection does to answer one request: what it writes, when, and what then becomes of it.
 */
import type * as FaultScript from "../FaultScript.ts"
import type { Hop, Template } from "./template.ts"
import { frame } from "./template.ts"

/** What becomes of the connection when everything is written. */
export type Afterwards =
  | { readonly _tag: "KeepAlive" }
  | { readonly _tag: "Cut"; readonly how: FaultScript.CutHow }
  | { readonly _tag: "IdleClose"; readonly afterMs: number; readonly how: FaultScript.IdleHow }

/** One write, `afterMs` after the one before. */
export interface Write {
  readonly text: string
  readonly afterMs: number
  /** Informational bytes do not make a request partly answered. */
  readonly informational?: boolean
}

/** The writes, whether they are a whole answer, and the connection's fate. */
export interface Plan {
  readonly writes: ReadonlyArray<Write>
  readonly whole: boolean
  readonly afterwards: Afterwards
}

/** The plan of a whole answer that is framed already. */
export const wholePlan = (text: string, hop: Hop): Plan => ({
  writes: [{ text, afterMs: 0 }],
  whole: true,
  afterwards: afterwardsOf(hop)
})

/** The plan of an ordinary answer. */
export const ordinaryPlan = (template: Template, hop: Hop): Plan => {
  const { head, tail, units } = frame(template, hop)
  return wholePlan(head + units.join("") + tail, hop)
}

/** What becomes of a connection after an ordinary answer. */
export const afterwardsOf = (hop: Hop): Afterwards => (hop.close ? { _tag: "Cut", how: "fin" } : keepAlive)

const keepAlive: Afterwards = { _tag: "KeepAlive" }
