/** Mutants that no test can kill, because they do what the original does. */

/** One of them, found by its text, so that lines may move. */
export interface Explained {
  readonly file: string
  /** The first line that it changes, without the space around it. */
  readonly line: string
  /** What it replaces. */
  readonly original: string
  readonly replacement: string
  readonly why: string
}

const verdict = "packages/core/src/Verdict.ts"
const decide = "packages/core/src/internal/decide.ts"

const policy = "packages/core/src/FailoverPolicy.ts"

/** All of them. */
export const explained: ReadonlyArray<Explained> = [
  {
    file: policy,
    line: 'if (typeof rule === "string" || rule.limitMs === undefined || rule.limitMs > 0) continue',
    original: 'typeof rule === "string"',
    replacement: "false",
    why: "A text has no limitMs, which is what is asked next; the comparison is there for the type."
  },
  {
    file: policy,
    line: 'if (typeof rule === "string" || rule.limitMs === undefined || rule.limitMs > 0) continue',
    original: '"string"',
    replacement: '""',
    why: "The same: no typeof is empty, and a text has no limitMs."
  },
  {
    file: verdict,
    line: "export const worst = (a: Verdict, b: Verdict): Verdict => (rank[a] >= rank[b] ? a : b)",
    original: "rank[a] >= rank[b]",
    replacement: "rank[a] > rank[b]",
    why: "Of two verdicts of one rank, which are the same, either is the worst."
  },
  {
    file: verdict,
    line: "const isError = (status: number | undefined): boolean => status !== undefined && status >= 400",
    original: "status !== undefined",
    replacement: "true",
    why: "undefined >= 400 is false; the comparison with undefined is there for the type."
  },
  {
    file: decide,
    line: 'if (never !== undefined || ground === "no") return surface(never ?? "unsafe")',
    original: '"unsafe"',
    replacement: '""',
    why: "Where the ground is no, never is set; the comparison is there for the type."
  },
  {
    file: decide,
    line: 'if (never !== undefined || ground === "no") return surface(never ?? "unsafe")',
    original: 'ground === "no"',
    replacement: "false",
    why: "Where the ground is no, never is set; the comparison is there for the type."
  },
  {
    file: decide,
    line: 'if (never !== undefined || ground === "no") return surface(never ?? "unsafe")',
    original: '"no"',
    replacement: '""',
    why: "Where the ground is no, never is set; the comparison is there for the type."
  },
  {
    file: decide,
    line: "const { reserved = [] } = state",
    original: "[]",
    replacement: '["Stryker was here"]',
    why: "A place that is no object has no index, so that it is found as little as one that is not there."
  },
  {
    file: decide,
    line: "const laneOf = ({ index, reserved = [] }: CallState, tag: Reason.Tag): Reason.Tag | undefined =>",
    original: "[]",
    replacement: '["Stryker was here"]',
    why: "A place that is no object has no index, so that it is found as little as one that is not there."
  },
  {
    file: decide,
    line: 'if (reservedFor(state.reserved ?? [], index) !== lane) return "other-reason"',
    original: "[]",
    replacement: '["Stryker was here"]',
    why: "A place that is no object has no index, so that it is found as little as one that is not there."
  },
  {
    file: decide,
    line: "lane !== undefined && lane === failure?.reason._tag && reservedFor(state.reserved ?? [], state.index) !== lane",
    original: "[]",
    replacement: '["Stryker was here"]',
    why: "A place that is no object has no index, so that it is found as little as one that is not there."
  },
  {
    file: decide,
    line: 'failure !== undefined && row?.same === "connection"',
    original: "failure !== undefined",
    replacement: "true",
    why: "Without a failure there is no row."
  },
  {
    file: decide,
    line: 'failure !== undefined && row?.same === "connection"',
    original: "row?.same",
    replacement: "row.same",
    why: "With a failure there is a row."
  },
  {
    file: decide,
    line: 'const isOutside = row?.onward !== "outside-scope" || isNamed || failure === undefined',
    original: "failure === undefined",
    replacement: "false",
    why: "Without a failure there is no row, so that the first part is true; the last is there for the type."
  },
  {
    file: decide,
    line: "lane !== undefined && lane === failure?.reason._tag && reservedFor(state.reserved ?? [], state.index) !== lane",
    original: "lane !== undefined && lane === failure?.reason._tag",
    replacement: "true",
    why: "A lane is the failed candidate's own, and the last part is false, or it is the failure's, and the first two are true; without a lane the failed candidate has none, and the last part is false."
  },
  {
    file: decide,
    line: "lane !== undefined && lane === failure?.reason._tag && reservedFor(state.reserved ?? [], state.index) !== lane",
    original: "lane !== undefined && lane === failure?.reason._tag",
    replacement: "lane !== undefined || lane === failure?.reason._tag",
    why: "A lane is the failed candidate's own, and the last part is false, or it is the failure's, and the first two are true; without a lane the failed candidate has none, and the last part is false."
  },
  {
    file: decide,
    line: "lane !== undefined && lane === failure?.reason._tag && reservedFor(state.reserved ?? [], state.index) !== lane",
    original: "lane !== undefined",
    replacement: "true",
    why: "A lane is the failed candidate's own, and the last part is false, or it is the failure's, and the first two are true; without a lane the failed candidate has none, and the last part is false."
  },
  {
    file: decide,
    line: "lane !== undefined && lane === failure?.reason._tag && reservedFor(state.reserved ?? [], state.index) !== lane",
    original: "lane === failure?.reason._tag",
    replacement: "true",
    why: "A lane is the failed candidate's own, and the last part is false, or it is the failure's, and the first two are true; without a lane the failed candidate has none, and the last part is false."
  },
  {
    file: decide,
    line: "lane !== undefined && lane === failure?.reason._tag && reservedFor(state.reserved ?? [], state.index) !== lane",
    original: "failure?.reason",
    replacement: "failure.reason",
    why: "Without a failure there is no lane."
  }
]
