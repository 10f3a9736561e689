/** What Schema finds wrong with a configuration, as problems: the one place where an issue becomes words. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { mayBeKey } from "@holdfast/core/Preview"
import * as Redacted from "effect/Redacted"
import type * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import { shown } from "../settings.ts"
import type { Path } from "./path.ts"
import { placeOfPath, valueAt } from "./path.ts"
import { closest } from "./suggest.ts"

/** What is wrong, and whether it is a key that nobody reads. */
export interface Finding {
  readonly path: Path
  readonly isUnknownKey: boolean
  readonly problem: Problem
}

/** All that an issue says of `root`, which `file` holds: one problem a place. */
export const findingsOf = (issue: SchemaIssue.Issue, root: unknown, file: string): ReadonlyArray<Finding> => {
  const findings = new Map<string, Finding>()
  for (const leaf of leavesOf(issue, { path: [], expected: undefined, within: undefined })) {
    const finding = findingOf(leaf, root, file)
    if (!findings.has(finding.problem.place)) findings.set(finding.problem.place, finding)
  }
  return [...findings.values()]
}

/** Where an issue stands. */
interface At {
  readonly path: Path
  /** What the check that failed expects. */
  readonly expected: string | undefined
  /** The schema of what the value stands in. */
  readonly within: SchemaAST.AST | undefined
}

interface Leaf extends At {
  readonly issue: SchemaIssue.Leaf | SchemaIssue.AnyOf
}

const leavesOf = (issue: SchemaIssue.Issue, at: At): ReadonlyArray<Leaf> => {
  switch (issue._tag) {
    case "Filter":
      return leavesOf(issue.issue, { ...at, expected: textOf(issue.filter.annotations?.["expected"]) ?? at.expected })
    case "Encoding":
      return leavesOf(issue.issue, at)
    case "Pointer":
      return leavesOf(issue.issue, { ...at, path: [...at.path, ...issue.path] })
    case "Composite":
      return issue.issues.flatMap((each) => leavesOf(each, { ...at, within: issue.ast }))
    case "AnyOf":
      return leavesOfUnion(issue, at)
    default:
      return [{ ...at, issue }]
  }
}

/** Of the members of a union, what is meant is the one that fits so far that its parts are wrong and not the whole. */
const leavesOfUnion = (issue: SchemaIssue.AnyOf, at: At): ReadonlyArray<Leaf> => {
  const leaves = issue.issues.flatMap((each) => leavesOf(each, at))
  const inside = leaves.filter(({ path }) => path.length > at.path.length)
  return inside.length > 0 ? inside : [{ ...at, issue }]
}

const findingOf = ({ expected, issue, path, within }: Leaf, root: unknown, file: string): Finding => {
  const place = placeOfPath(root, path) || file
  const isUnknownKey = issue._tag === "UnexpectedKey"
  const problem = isUnknownKey
    ? unknownKey(place, path, namesOf(issue.ast))
    : {
        kind: "InvalidOption" as const,
        place,
        expected: expected ?? expectedBy(issue, path, within),
        found: foundAt(root, path)
      }
  return { path, isUnknownKey, problem }
}

/** A key that nobody reads, with the one that it was probably meant to be. */
const unknownKey = (place: string, path: Path, known: ReadonlyArray<string>): Problem => {
  const name = String(path.at(-1))
  const meant = mayBeKey(name) ? undefined : closest(name, known)
  return {
    kind: "UnknownOption",
    place,
    expected: known.length === 0 ? "no such key" : `one of the keys ${known.join(", ")}`,
    found: mayBeKey(name) ? "a key that may be a secret" : `the key ${JSON.stringify(name.slice(0, 80))}`,
    ...(meant === undefined ? undefined : { fix: `did you mean ${JSON.stringify(meant)}?` })
  }
}

const namesOf = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  ast._tag === "Objects" ? ast.propertySignatures.map(({ name }) => String(name)) : []

const expectedBy = (
  issue: SchemaIssue.Leaf | SchemaIssue.AnyOf,
  path: Path,
  within: SchemaAST.AST | undefined
): string => {
  switch (issue._tag) {
    case "InvalidType":
    case "AnyOf":
    case "OneOf":
      return kindExpected(issue.ast)
    case "InvalidValue":
      return textOf(issue.annotations?.["expected"]) ?? "a value"
    case "MissingKey":
      return missingIn(within, path)
    default:
      return "no such value"
  }
}

const missingIn = (within: SchemaAST.AST | undefined, path: Path): string => {
  if (within?._tag === "Arrays") return kindExpected(within)
  const property =
    within?._tag === "Objects" ? within.propertySignatures.find(({ name }) => name === path.at(-1)) : undefined
  return property === undefined ? "a value" : kindExpected(property.type)
}

const kindExpected = (ast: SchemaAST.AST): string => {
  const said = textOf(ast.annotations?.["expected"])
  if (said !== undefined) return said
  switch (ast._tag) {
    case "String":
      return "a text"
    case "Number":
      return "a number"
    case "Boolean":
      return "true or false"
    case "Arrays":
      return "a list"
    case "Objects":
      return "an object"
    case "Literal":
      return JSON.stringify(ast.literal)
    case "Union":
      return ast.types.map(kindExpected).join(" or ")
    default:
      return "another value"
  }
}

const textOf = (annotation: unknown): string | undefined => (typeof annotation === "string" ? annotation : undefined)

// What stands there may be a secret that looks like none.
const secret = /^(?:key|apiKey|password|passphrase|token|value|headers|env)$/

/** What stands at a path, as far as it can be shown. */
const foundAt = (root: unknown, path: Path): string => {
  const value = valueAt(root, path)
  if (Redacted.isRedacted(value)) return "a secret"
  if (typeof value === "string" && path.some((key) => secret.test(String(key)))) return "a text"
  if (Array.isArray(value)) return "a list"
  if (typeof value === "object" && value !== null) return "an object"
  if (typeof value === "number" || typeof value === "boolean") return String(value)
  return shown(value)
}
