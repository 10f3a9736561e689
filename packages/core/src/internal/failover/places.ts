/** The candidates of one call: those asked for and those named for single reasons, and what the call knows of each. */
import type * as Arr from "effect/Array"
import type { CallState, NamedReason } from "../../CallState.ts"
import type { Candidate } from "../../Candidate.ts"
import type { CallOptions } from "../../Failover.ts"
import { InvalidInput } from "../../InvalidInput.ts"
import * as ModelRef from "../../ModelRef.ts"
import type { Moment } from "../moment.ts"
import type { Shared } from "../shares.ts"

type Reserved = NonNullable<CallState["reserved"]>

const none: ReadonlyArray<number> = []
const nobody: Reserved = []

/** Throws where a call has nobody to ask: the types rule it out, and a file or a program without types does not. */
export const mustHaveChain = ({ chain }: Pick<CallOptions, "chain">, place: string): void => {
  const given: ReadonlyArray<Candidate> | undefined = chain
  if (given !== undefined && given.length > 0) return
  throw InvalidInput.of({
    kind: "EmptyChain",
    place,
    expected: "a chain of at least one candidate",
    found: given === undefined ? "nothing" : "an empty one",
    fix: "name a candidate, or resolve a model with ProviderRegistry"
  })
}

/** Places are those in the chain, from 0. */
export class Places {
  readonly chain: Arr.NonEmptyReadonlyArray<Candidate>
  /** Candidates that are there for failures of one reason alone. */
  readonly reserved: Reserved
  index: number
  /** Whether the candidate's credential has been renewed for this call. */
  isRefreshed = false
  private readonly call: CallOptions
  private left: Array<number> | undefined
  private failed: Array<NonNullable<CallState["failed"]>[number]> | undefined
  private unsuited: Array<number> | undefined
  private suited: Set<number> | undefined
  private denied: Array<number> | undefined
  private agreed: Set<number> | undefined

  /** The call begins at its first candidate, or at whoever has answered so far in its turn. */
  constructor(call: CallOptions, moment: Moment) {
    this.call = call
    const named = call.chains === undefined ? nobody : reservedIn(call.chain.length, call.chains)
    this.reserved = named
    this.chain = call.chains === undefined ? call.chain : [...call.chain, ...candidatesIn(call.chains)]
    this.index = placeOf(this.chain, moment)
  }

  get candidate(): Candidate {
    return this.chain[this.index] ?? this.chain[0]
  }

  /** Whether a candidate is there for the same failures as the one where the call is. */
  isBeside(index: number): boolean {
    return reasonOf(this.reserved, index) === reasonOf(this.reserved, this.index)
  }

  /** What a decision depends on. */
  state(): Pick<CallState, "index" | "left" | "failed" | "unsuited" | "denied" | "reserved"> {
    return {
      index: this.index,
      left: this.left ?? none,
      ...(this.failed === undefined ? undefined : { failed: this.failed }),
      unsuited: this.unsuited ?? none,
      denied: this.denied ?? none,
      reserved: this.reserved
    }
  }

  /** Another candidate is asked; the one before it has been, where it failed. `shared`: what of it is not worth trying. */
  moveTo(index: number, hasFailed: boolean, shared?: Shared): void {
    if (hasFailed) (this.left ??= []).push(this.index)
    if (shared !== undefined) (this.failed ??= []).push({ index: this.index, ...shared })
    this.index = index
    this.isRefreshed = false
  }

  /** Whether the call can be put to a candidate, which is asked when its turn has come. */
  suits({ candidate, index }: { readonly candidate: Candidate; readonly index: number }): boolean {
    const { suits } = this.call
    if (suits === undefined || index === this.index || this.suited?.has(index) === true) return true
    if (saysYes(suits, candidate)) {
      ;(this.suited ??= new Set()).add(index)
      return true
    }
    ;(this.unsuited ??= []).push(index)
    return false
  }

  /** The app has said whether it wants a candidate's answer. */
  answered(index: number, agreed: boolean): void {
    if (agreed) (this.agreed ??= new Set()).add(index)
    else (this.denied ??= []).push(index)
  }

  isAgreed(index: number): boolean {
    return this.agreed?.has(index) === true
  }
}

const reasonOf = (reserved: Reserved, at: number): NamedReason | undefined =>
  reserved.find(({ index }) => index === at)?.reason

/** Where the model stands that answered, with the credential that it did if both are there, else the chain's beginning. */
const placeOf = (chain: ReadonlyArray<Candidate>, { answered, credential }: Moment): number => {
  if (answered === undefined) return 0
  const isModel = (each: Candidate) => ModelRef.equals(each, answered)
  const exact =
    credential === undefined ? -1 : chain.findIndex((each) => isModel(each) && each.credential === credential)
  return Math.max(exact >= 0 ? exact : chain.findIndex(isModel), 0)
}

const saysYes = (suits: NonNullable<CallOptions["suits"]>, candidate: Candidate): boolean => {
  try {
    return suits(candidate)
  } catch {
    return false
  }
}

const named = (chains: NonNullable<CallOptions["chains"]>) =>
  Object.entries(chains) as ReadonlyArray<[NamedReason, ReadonlyArray<Candidate>]>

const candidatesIn = (chains: NonNullable<CallOptions["chains"]>): ReadonlyArray<Candidate> =>
  named(chains).flatMap(([, candidates]) => candidates)

const reservedIn = (from: number, chains: NonNullable<CallOptions["chains"]>): Reserved =>
  named(chains)
    .flatMap(([reason, candidates]) => candidates.map(() => reason))
    .map((reason, index) => ({ index: from + index, reason }))
