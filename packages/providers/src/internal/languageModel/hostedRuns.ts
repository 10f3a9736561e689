/**
 * Tools that a provider ran while it answered, as a turn records them.
 *
 * The answer shows those that began. What it would have shown, had it not been cut short, nobody knows: a call that offers
 * such tools and ends before its answer does counts as having run one, unless its failure says that it cannot have.
 */
import * as Failure from "@holdfast/core/Failure"
import * as ToolSafety from "@holdfast/core/ToolSafety"
import * as Turn from "@holdfast/core/Turn"
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as AiError from "effect/ai/AiError"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import * as AiErrors from "../../AiErrors.ts"
import type { Defined } from "./hostedTools.ts"
import { definedAmong } from "./hostedTools.ts"

type Part = Response.PartEncoded | Response.StreamPartEncoded

/** What one run of a model's method saw of them. */
export class HostedRuns {
  private readonly turn: Turn.Turn
  private readonly runs = new Map<string, (how: Turn.ToolEnd) => void>()
  private defined: Defined = new Map()
  /** Tools were offered that the provider runs: such as may run again, or one at least of which nobody says so. */
  private offered: "none" | "replayable" | "unknown" = "none"
  private complete = false

  constructor(turn: Turn.Turn) {
    this.turn = turn
  }

  asks(tools: ReadonlyArray<Tool.Any>): void {
    this.defined = definedAmong(tools)
    const hosted = tools.filter(ToolSafety.isProviderExecuted).map(ToolSafety.of)
    this.offered = hosted.length === 0 ? "none" : hosted.every(ToolSafety.isReplayable) ? "replayable" : "unknown"
    this.complete = false
  }

  sees(parts: ReadonlyArray<Part>): void {
    for (const part of parts) {
      if (part.type === "finish") this.complete = true
      else if (part.type === "tool-params-start" || part.type === "tool-call") {
        if (part.providerExecuted === true) this.begins(part.id, part.name)
      } else if (part.type === "tool-result" && part.preliminary !== true) this.runs.get(part.id)?.("finished")
    }
  }

  private begins(id: string, name: string): void {
    if (this.runs.has(id)) return
    const tool = this.defined.get(name)
    const safety = tool === undefined ? "unknown" : ToolSafety.of(tool)
    this.runs.set(id, Turn.recordTool(this.turn, safety, "provider"))
  }

  /** The run has ended, with this cause if it failed. Says whether the provider may have run a tool that nobody saw. */
  ends(cause: Cause.Cause<unknown> | undefined): boolean {
    for (const ended of this.runs.values()) ended("interrupted")
    if (this.offered === "replayable") return false
    const error = cause === undefined ? Option.none() : Cause.findErrorOption(cause)
    const failure = Option.flatMapNullishOr(error, failureIn)
    if (Option.isSome(failure)) return mayHaveRun(failure.value)
    const unsent = Option.exists(error, (it) => AiError.isAiError(it) && AiErrors.invalidInputOf(it) !== undefined)
    return this.offered === "unknown" && !this.complete && !unsent
  }
}

const failureIn = (error: unknown): Failure.Failure | undefined =>
  Failure.isFailure(error) ? error : AiError.isAiError(error) ? AiErrors.failureOf(error) : undefined

const mayHaveRun = ({ declaration, exposure, verdict }: Failure.Failure): boolean =>
  exposure === "provider-tool" || (declaration === "provider-tools" && verdict === "Unsafe")
