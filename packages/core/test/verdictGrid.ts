/** Every combination of a representative value of each fact that a verdict could depend on. */
import type * as Declaration from "@holdfast/core/Declaration"
import * as Evidence from "@holdfast/core/Evidence"
import type * as Exposure from "@holdfast/core/Exposure"
import type * as Verdict from "@holdfast/core/Verdict"

type Maybe<K extends keyof Evidence.Observed> = Pick<Evidence.Observed, K> | { readonly [P in K]?: never }

const connections: ReadonlyArray<Maybe<"connection">> = [
  {},
  { connection: { reused: false, ageMs: 5, idleMs: 0, requestsServed: 0 } },
  { connection: { reused: true, ageMs: 61_000, idleMs: 60_000, requestsServed: 3 } }
]
const closeds: ReadonlyArray<Maybe<"closed">> = [
  {},
  { closed: "peer-fin" },
  { closed: "peer-reset" },
  { closed: "local-limit" },
  { closed: "local-abort" }
]
const statuses: ReadonlyArray<Maybe<"status">> = [
  {},
  ...[200, 401, 408, 421, 429, 500, 503, 529].map((status) => ({ status }))
]
const notRuns: ReadonlyArray<Maybe<"notRun">> = [{}, { notRun: true }]
const unprocesseds: ReadonlyArray<Maybe<"unprocessed">> = [
  {},
  { unprocessed: "refused-stream" },
  { unprocessed: "goaway" }
]
const proxieds: ReadonlyArray<Maybe<"proxied">> = [{}, { proxied: true }]
const exposures: ReadonlyArray<Exposure.Exposure> = ["nothing", "output", "tool-call", "provider-tool"]
const declarations: ReadonlyArray<Declaration.Declaration> = [
  "repeatable",
  "unknown",
  "changes-state",
  "provider-tools"
]

const cross = <A extends object, B extends object>(as: ReadonlyArray<A>, bs: ReadonlyArray<B>): ReadonlyArray<A & B> =>
  as.flatMap((a) => bs.map((b) => Object.assign({}, a, b)))

const unknowns: ReadonlyArray<Evidence.Evidence> = cross(cross([{ _tag: "Unknown" as const }], statuses), notRuns)

const started = cross(
  Evidence.Phase.literals.map((phase) => ({ _tag: "Observed" as const, phase, bytesWritten: 812 })),
  [{ bytesRead: 0 }, { bytesRead: 230 }]
)
const ended = cross(cross(started, connections), closeds)
const answered = cross(cross(ended, statuses), notRuns)
const observeds: ReadonlyArray<Evidence.Evidence> = cross(cross(answered, unprocesseds), proxieds)

/** The evidence of the grid. */
export const evidences: ReadonlyArray<Evidence.Evidence> = [...unknowns, ...observeds]

/** The grid. */
export const facts: ReadonlyArray<Verdict.Facts> = evidences.flatMap((evidence) =>
  exposures.flatMap((exposure) => declarations.map((declaration) => ({ evidence, exposure, declaration })))
)
