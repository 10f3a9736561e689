/**
 * Where a call may go: one model at one provider, with one credential.
 */
import * as Schema from "effect/Schema"
import * as ModelRef from "./ModelRef.ts"

/** A model's maker and line, for the swap rule: Claude Opus 4.7 and 4.6 are one family wherever they are hosted. */
export const Family = Schema.Struct({
  maker: Schema.String,
  line: Schema.String
})

/** A model's maker and line. */
export type Family = typeof Family.Type

/** One place a call may go. Holds names only, never a secret. */
export const Candidate = Schema.Struct({
  provider: ModelRef.ModelRef.fields.provider,
  /** The provider's own model id. */
  model: ModelRef.ModelRef.fields.model,
  /** The credential profile's name, where the provider has several. */
  credential: Schema.optionalKey(Schema.String),
  /** The wire format spoken there, such as `anthropic-messages`. */
  api: Schema.optionalKey(Schema.String),
  /** Host and port, so that candidates which share an endpoint can be told. */
  endpoint: Schema.optionalKey(Schema.String),
  family: Schema.optionalKey(Family),
  /** The model's identity independent of host, such as `claude-opus-4-7`, where the registry knows it. */
  identity: Schema.optionalKey(Schema.String)
})

/** One place a call may go. */
export type Candidate = typeof Candidate.Type

/** The candidate's model, as an address. */
export const ref = (candidate: Candidate): ModelRef.ModelRef => ModelRef.make(candidate.provider, candidate.model)

/** `"provider/model"`, with the credential's name where there is one: `"anthropic/claude-opus-4-7@work"`. */
export const label = (candidate: Candidate): string =>
  ModelRef.format(candidate) + (candidate.credential === undefined ? "" : `@${candidate.credential}`)

/** How close two candidates' models are, closest first. */
export const Closeness = Schema.Literals(["same-model", "same-family", "other"])

/** How close two candidates' models are. */
export type Closeness = typeof Closeness.Type

/** How close the model of one candidate is to another's, whoever hosts them. */
export const closeness = (a: Candidate, b: Candidate): Closeness => {
  if (ModelRef.equals(a, b)) return "same-model"
  // A provider has one name for each of its models; two names there are two models, snapshots of different dates for one.
  if (a.provider !== b.provider && a.identity !== undefined && a.identity === b.identity) return "same-model"
  return a.family !== undefined && b.family !== undefined && sameFamily(a.family, b.family) ? "same-family" : "other"
}

const sameFamily = (a: Family, b: Family): boolean => a.maker === b.maker && a.line === b.line
