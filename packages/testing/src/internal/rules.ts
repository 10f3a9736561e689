/**
 * Finds the rule that a request or a new connection falls under, and spends its `times`.
 */
import * as FaultScript from "../FaultScript.ts"

/** What is known of a request at its first byte. */
export interface RequestNumbers {
  readonly connection: number
  readonly request: number
  readonly nth: number
}

/** The rules of one script; every use of `times` is counted here. */
export class Rules {
  readonly #accept: ReadonlyArray<Live>
  readonly #request: ReadonlyArray<Live>

  constructor(script: FaultScript.Script) {
    const live = script.map((rule) => ({ rule, left: rule.times ?? Number.POSITIVE_INFINITY }))
    this.#accept = live.filter(({ rule }) => FaultScript.isAtAccept(rule.fault))
    this.#request = live.filter(({ rule }) => !FaultScript.isAtAccept(rule.fault))
  }

  /** The cut of a connection that was just accepted. Only rules that cut at `Accept` are asked. */
  atAccept(connection: number): FaultScript.FaultOf<"Cut"> | undefined {
    for (const live of this.#accept) {
      const { fault, match } = live.rule
      if (live.left > 0 && agrees(match.connection, connection) && fault._tag === "Cut") {
        live.left -= 1
        return fault
      }
    }
    return undefined
  }

  /** The fault of a request whose tag is not known yet; `"needsTag"` if a rule that asks for a tag may come first. */
  atFirstByte(numbers: RequestNumbers): FaultScript.Fault | "needsTag" | undefined {
    for (const live of this.#request) {
      if (!mayMatch(live, numbers)) continue
      if (live.rule.match.tag !== undefined) return "needsTag"
      live.left -= 1
      return live.rule.fault
    }
    return undefined
  }

  /** The fault of a request whose head has been read. */
  atHead(numbers: RequestNumbers, tag: string | null): FaultScript.Fault | undefined {
    for (const live of this.#request) {
      if (!mayMatch(live, numbers) || !agrees(live.rule.match.tag, tag)) continue
      live.left -= 1
      return live.rule.fault
    }
    return undefined
  }
}

/** The fault of one request: settled at its first byte or, where that takes the tag, when its head has been read. */
export class Choice {
  readonly #rules: Rules
  readonly #numbers: RequestNumbers
  #fault: FaultScript.Fault | "needsTag" | undefined

  constructor(rules: Rules, numbers: RequestNumbers) {
    this.#rules = rules
    this.#numbers = numbers
    this.#fault = rules.atFirstByte(numbers)
  }

  /** Nothing behind the head may be read yet, because a rule that asks for a tag may still cut there. */
  get needsHead(): boolean {
    return this.#fault === "needsTag"
  }

  get fault(): FaultScript.Fault | undefined {
    return this.#fault === "needsTag" ? undefined : this.#fault
  }

  /** The cut before the end of the request, if the fault is one. */
  get earlyCut(): FaultScript.FaultOf<"Cut"> | undefined {
    const fault = this.fault
    return fault?._tag === "Cut" && fault.at._tag === "RequestBytes" ? fault : undefined
  }

  /** How many bytes of the request may be read. */
  get bytesAllowed(): number {
    const at = this.earlyCut?.at
    return at?._tag === "RequestBytes" ? at.bytes : Number.POSITIVE_INFINITY
  }

  headRead(tag: string | null): void {
    if (this.#fault === "needsTag") this.#fault = this.#rules.atHead(this.#numbers, tag)
  }
}

interface Live {
  readonly rule: FaultScript.Rule
  left: number
}

const mayMatch = ({ left, rule: { match } }: Live, numbers: RequestNumbers): boolean =>
  left > 0 &&
  agrees(match.connection, numbers.connection) &&
  agrees(match.request, numbers.request) &&
  agrees(match.nth, numbers.nth)

const agrees = <A>(wanted: A | undefined, actual: A): boolean => wanted === undefined || wanted === actual
