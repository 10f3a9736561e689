/** The candidates of one call: those asked for and those named for single reasons, and what the call knows of each. */
import type * as Arr from "effect/Array"
import type { CallState, NamedReason } from "../../CallState.ts"
import type { Candidate } from "../../Candidate.ts"
import type { CallOptions } from "../../Failover.ts"
import type { Shared } from "../shares.ts"

type Reserved = NonNullable<CallState["reserved"]>

const none: ReadonlyArray<number> = []
const nobody: Reserved = []

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

  constructor(call: CallOptions, index: number) {
    this.call = call
    this.index = index
    const named = call.chains === undefined ? nobody : reservedIn(call.chain.length, call.chains)
    this.reserved = named
    this.chain = call.chains === undefined ? call.chain : [...call.chain, ...candidatesIn(call.chains)]
  }

  get candidate(): Candidate {
    return this.chain[this.index] ?? this.chain[0]
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
