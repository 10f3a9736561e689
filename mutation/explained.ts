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

/** All of them. */
export const explained: ReadonlyArray<Explained> = [
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
  }
]
