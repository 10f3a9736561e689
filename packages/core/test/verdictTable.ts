/** DESIGN.md's verdict table, in its order, as the oracle of the verdict's tests. The first row that fits decides. */
import type * as Evidence from "@holdfast/core/Evidence"
import type * as Verdict from "@holdfast/core/Verdict"

/** One row of the table. */
export interface Row {
  readonly rule: Verdict.Rule
  readonly verdict: Verdict.Verdict
  /** The row as a sentence. */
  readonly says: string
  readonly fits: (facts: Verdict.Facts) => boolean
}

const neverStarted = (evidence: Evidence.Evidence): boolean =>
  evidence._tag === "Observed" && ["queued", "resolving", "connecting", "proxying", "securing"].includes(evidence.phase)

const disclaimed = (evidence: Evidence.Evidence): evidence is Evidence.Observed =>
  evidence._tag === "Observed" && (evidence.unprocessed === "refused-stream" || evidence.unprocessed === "goaway")

const noResponseByte = (evidence: Evidence.Evidence): evidence is Evidence.Observed =>
  evidence._tag === "Observed" && evidence.bytesRead === 0

/**
 * The table. A row of DESIGN.md with two verdicts, or two grounds, stands here as two. It differs from DESIGN.md on
 * purpose in one place: the provider's own word that it ran nothing overrides that the call may have had effects.
 */
export const rows: ReadonlyArray<Row> = [
  {
    rule: "exposed",
    verdict: "Unsafe",
    says: "is Unsafe once output, a tool call or a provider-run tool of the call has been given out",
    fits: ({ exposure }) => exposure === "output" || exposure === "tool-call" || exposure === "provider-tool"
  },
  {
    rule: "may-have-effects",
    verdict: "Unsafe",
    says: "is Unsafe when a call that declares effects may have arrived and the provider has not said it ran nothing",
    fits: ({ evidence, declaration }) =>
      (declaration === "changes-state" || declaration === "provider-tools") &&
      !neverStarted(evidence) &&
      evidence.notRun === undefined
  },
  {
    rule: "not-started",
    verdict: "Safe",
    says: "is Safe when the attempt never started on a connection",
    fits: ({ evidence }) => neverStarted(evidence)
  },
  {
    rule: "refused-by-provider",
    verdict: "Safe",
    says: "is Safe when the provider said in its own shape that it did not run the request",
    fits: ({ evidence }) => evidence.notRun === true
  },
  {
    rule: "misdirected",
    verdict: "Safe",
    says: "is Safe when the status is 421",
    fits: ({ evidence }) => evidence.status === 421
  },
  {
    rule: "answered-with-error",
    verdict: "Ambiguous",
    says: "is Ambiguous when an error status came without the provider's own shape",
    fits: ({ evidence }) => [401, 408, 429, 500, 503, 529].includes(evidence.status ?? 0)
  },
  {
    rule: "unprocessed-behind-proxy",
    verdict: "Ambiguous",
    says: "is Ambiguous when an HTTP/2 peer disclaims the stream and a proxy is configured in between",
    fits: ({ evidence }) => disclaimed(evidence) && evidence.proxied === true
  },
  {
    rule: "unprocessed",
    verdict: "Safe",
    says: "is Safe when the HTTP/2 peer disclaims the stream and no proxy is in between",
    fits: ({ evidence }) => disclaimed(evidence)
  },
  {
    rule: "stale-connection",
    verdict: "Ambiguous",
    says: "is Ambiguous when the peer closed a reused connection without a response byte",
    fits: ({ evidence }) =>
      noResponseByte(evidence) &&
      evidence.connection?.reused === true &&
      (evidence.closed === "peer-fin" || evidence.closed === "peer-reset")
  },
  {
    rule: "lost-before-answer",
    verdict: "Ambiguous",
    says: "is Ambiguous when no response byte came on a fresh connection, or within a limit of ours",
    fits: ({ evidence }) => noResponseByte(evidence)
  },
  {
    rule: "begun-not-exposed",
    verdict: "Ambiguous",
    says: "is Ambiguous when the response had begun and nothing of it was given out",
    fits: ({ evidence }) => evidence._tag === "Observed" || evidence.status === 200
  },
  {
    rule: "unknown-evidence",
    verdict: "Ambiguous",
    says: "is Ambiguous when nothing is known of the attempt",
    fits: () => true
  }
]

/** The row that decides. */
export const rowOf = (facts: Verdict.Facts): Row => {
  const row = rows.find((each) => each.fits(facts))
  if (row === undefined) throw new Error("the table's last row fits everything")
  return row
}
