/** One call that meets one fault on real sockets, and what the server knows of it. */
import type { FaultServer } from "@holdfast/testing"
import { FaultScript, FaultTruth } from "@holdfast/testing"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { LanguageModel } from "effect/ai"
import type { AiError } from "effect/ai"
import type { Failure, FailoverPolicy } from "holdfast"
import { AiErrors, Dispatcher, Holdfast } from "holdfast"

/** A place in the table. */
export interface Cell {
  readonly endpoint: "plain" | "secure"
  readonly api: "anthropic" | "openai"
  readonly stream: boolean
  readonly reused: boolean
}

/** Every place in the table. */
export const cells: ReadonlyArray<Cell> = [
  { endpoint: "plain", api: "anthropic" } as const,
  { endpoint: "plain", api: "openai" } as const,
  { endpoint: "secure", api: "anthropic" } as const
].flatMap((place) => [true, false].flatMap((stream) => [false, true].map((reused) => ({ ...place, stream, reused }))))

/** Names a place. */
export const nameOf = ({ api, endpoint, reused, stream }: Cell): string =>
  `${api}${endpoint === "secure" ? " over TLS" : ""}, ${stream ? "streaming" : "whole"}, ${reused ? "reused" : "fresh"}`

/** What became of a call: the answer's text, a failure, or neither within the time that a test gives it. */
export type Outcome = string | Failure.Failure | "waits"

const models = { anthropic: "anthropic/claude-opus-4-7", openai: "openai/gpt-5.5" }

/** One attempt and no more: what is judged here is the attempt, not its repair. */
const once: FailoverPolicy.Overrides = { maxAttempts: 1 }

/** Holdfast over one endpoint, with a tag on every request. */
const holdfast = (endpoint: FaultServer.Endpoint, tag: string) => {
  const provider = { apiKey: Redacted.make("a-key"), headers: { "x-fault-tag": tag } }
  const pool = Dispatcher.layerPool(endpoint.ca === undefined ? {} : { tls: { ca: endpoint.ca } })
  return Holdfast.layer({
    policy: once,
    providers: {
      anthropic: { ...provider, baseUrl: endpoint.origin },
      openai: { ...provider, api: "openai-completions", baseUrl: `${endpoint.origin}/v1` }
    },
    dispatchers: { anthropic: pool, openai: pool }
  })
}

const limits = { connect: "1500 millis", headers: "700 millis", liveness: "700 millis" } as const

/** Asks once. The time given is what a call without a limit of its own is waited for. */
const ask = ({ stream }: Cell): Effect.Effect<Outcome, never, LanguageModel.LanguageModel> => {
  const text: Effect.Effect<string, AiError.AiError, LanguageModel.LanguageModel> = stream
    ? Stream.runFold(
        LanguageModel.streamText({ prompt: "Say hello." }),
        () => "",
        (text, part) => (part.type === "text-delta" ? text + part.delta : text)
      )
    : Effect.map(LanguageModel.generateText({ prompt: "Say hello." }), ({ text }) => text)
  return text.pipe(
    Effect.catch((error) => {
      const failure = AiErrors.failureOf(error)
      return failure === undefined ? Effect.die(error) : Effect.succeed(failure)
    }),
    Effect.timeoutOption("4 seconds"),
    Effect.map(Option.getOrElse(() => "waits" as const))
  )
}

/** The rule that strikes the cell's request: the second of its connection where that is reused. */
export const ruleOf = (cell: Cell, tag: string, fault: FaultScript.Fault): FaultScript.Rule =>
  FaultScript.on({ tag, request: cell.reused ? 2 : 1 }, fault)

/** A call on a connection that has carried nothing; where it is to be reused, after one that is left idle for a while. */
export const meet = (
  endpoint: FaultServer.Endpoint,
  cell: Cell,
  tag: string,
  idleMs = 5
): Effect.Effect<Outcome, unknown> =>
  Effect.gen(function* () {
    if (cell.reused) {
      yield* ask(cell)
      // From 1 ms on: undici takes a connection back one turn of the event loop after its answer.
      yield* Effect.sleep(idleMs)
    }
    return yield* ask(cell)
  }).pipe(Effect.provide(Holdfast.model(models[cell.api], { limits })), Effect.provide(holdfast(endpoint, tag)))

/** What the server says of the cell's request. */
export const truthOf = (truth: FaultTruth.Truth, cell: Cell, tag: string): FaultTruth.Request | undefined =>
  FaultTruth.requests(truth, cell.endpoint).find((seen) => seen.tag === tag && seen.index === (cell.reused ? 2 : 1))

/** What the model of the server says to everything. */
export const hello = "Hello from the model."

/** An outcome in the words of the table. */
export const say = (outcome: Outcome): string =>
  typeof outcome === "string"
    ? outcome === hello
      ? "answers"
      : outcome
    : `${outcome.reason._tag} ${outcome.verdict} ${outcome.rule}`
