/** Agents on real sockets: turns of one to three calls with a tool that changes the world, and a record of what the app was told. */
import type { FaultConfig } from "@holdfast/testing"
import { FaultServer } from "@holdfast/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Prompt, Response } from "effect/ai"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import type { Failover } from "holdfast"
import { Holdfast, HttpTransport, ModelRef, Turn } from "holdfast"
import { tagOf } from "./turnFaults.ts"

/** The providers, each an endpoint of its own; nothing listens where `deepseek` is. */
export const endpointNames = ["anthropic", "openrouter", "openai", "deepseek"] as const
/** @see {@link endpointNames} */
export type EndpointName = (typeof endpointNames)[number]

/** What a model says: where it is, and the id of the answer throughout. */
export const textOf = (endpoint: string, id: string): string => `${endpoint} ${id} one ${id} two ${id} three ${id} four`

/** The tool that the model of an endpoint calls: its name tells who called it. */
export const toolOf = (endpoint: EndpointName) => `act_${endpoint}` as const

/** The server's endpoints. */
export const endpoints: FaultConfig.Config["endpoints"] = Object.fromEntries(
  endpointNames.map((name) => [
    name,
    {
      answer: { text: textOf(name, "{id}"), events: 4 },
      agent: { tool: toolOf(name), steps: 9 },
      refuse: name === "deepseek"
    }
  ])
)

/** The chains that are asked, each with its primary first. */
export const chains: ReadonlyArray<readonly [string, ...Array<string>]> = [
  ["anthropic/claude-opus-4-7", "openrouter/anthropic/claude-opus-4.7", "openai/gpt-5.5"],
  ["openai/gpt-5.5", "anthropic/claude-opus-4-7"],
  ["openrouter/openai/gpt-5.5", "openai/gpt-5.5", "anthropic/claude-opus-4-7"],
  ["deepseek/deepseek-chat", "openrouter/anthropic/claude-opus-4.7", "anthropic/claude-opus-4-7"]
]

/** The provider in `"provider/model"`. */
export const providerOf = (model: string): string => model.slice(0, model.indexOf("/"))

/** What reached the app of a call, in the order in which it did. */
export type Told =
  | { readonly _tag: "Swap"; readonly requested: string; readonly answered: string }
  | { readonly _tag: "Head"; readonly id: string | undefined; readonly says: Says | undefined }
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Params"; readonly text: string }
  | { readonly _tag: "Tool"; readonly id: string; readonly name: string; readonly step: number }

/** What a part says of who gave it. */
export interface Says {
  readonly requested?: string
  readonly answered?: string
  readonly swap?: string
}

/** The types that a call may fail of. */
const failures = ["ReplaySafe", "ReplayAmbiguous", "ReplayUnsafe", "SwapDenied"] as const
type FailedAs = (typeof failures)[number]

/** One call as the app saw it. */
export interface Call {
  readonly turn: number
  readonly run: number
  readonly step: number
  /** The model that was asked for. */
  readonly asked: string
  readonly told: Array<Told>
  /** How many requests were made ready for it. */
  sent: number
  outcome: "answered" | FailedAs | undefined
}

/** What an app keeps of all its turns. */
export interface Book {
  readonly calls: Array<Call>
  /** How often each side effect was begun, by turn and step. */
  readonly effects: Map<string, number>
  readonly ended: { completed: number; failed: number; runAgain: number }
}

/** An empty book. */
export const makeBook = (): Book => ({
  calls: [],
  effects: new Map(),
  ended: { completed: 0, failed: 0, runAgain: 0 }
})

/** The name that a run of a turn has for the model: the truth counts by it. */
export const nameOf = ({ run, turn }: Pick<Call, "run" | "turn">): string => `turn ${turn} run ${run}`

const CurrentCall = Context.Reference<Call | undefined>("holdfast/test/turnWorld/CurrentCall", {
  defaultValue: () => undefined
})

const act = <const Name extends string>(name: Name) =>
  Tool.make(name, {
    description: "Changes the world.",
    parameters: Schema.Struct({ turn: Schema.String, step: Schema.Finite }),
    success: Schema.String
  })

const toolkit = Toolkit.make(act("act_anthropic"), act("act_openrouter"), act("act_openai"), act("act_deepseek"))

/** The tools, which note every side effect before it begins and take a moment for some of them. */
export const tools = (book: Book) => {
  const handle = ({ step, turn }: { readonly turn: string; readonly step: number }) =>
    Turn.sideEffect(
      Effect.suspend(() => {
        const key = `${turn.replace(/ run .*/, "")} step ${step}`
        const count = (book.effects.get(key) ?? 0) + 1
        book.effects.set(key, count)
        return count % 2 === 0 ? Effect.succeed("done") : Effect.as(Effect.yieldNow, "done")
      })
    )
  return toolkit.toLayer({
    act_anthropic: handle,
    act_openrouter: handle,
    act_openai: handle,
    act_deepseek: handle
  })
}

/** Faults that attempts are to meet: a seed, and the share that meets one. */
export interface Weather {
  readonly seed: number
  readonly share: number
}

/** The transport beneath, with the drawn fault's tag on every request. */
const tagging = ({ seed, share }: Weather) =>
  Layer.effect(
    HttpTransport.HttpTransport,
    Effect.map(HttpTransport.HttpTransport, ({ send }) =>
      HttpTransport.HttpTransport.of({
        send: (request) =>
          Effect.flatMap(CurrentCall, (call) => {
            if (call === undefined) return Effect.die("a request of no call")
            call.sent += 1
            const tag = tagOf(share, seed, call.turn, call.run, call.step, call.sent)
            return send(
              tag === undefined ? request : { ...request, headers: { ...request.headers, "x-fault-tag": tag } }
            )
          })
      })
    )
  )

// What is tried again is tried at once, and what cools down does so for no longer than it takes to be noticed.
const retry = {
  reach: Schedule.recurs(1),
  connection: Schedule.recurs(1),
  response: Schedule.recurs(1),
  capacity: Schedule.recurs(2)
}
const briefly = { windows: ["3 millis"] } as const
const health = { capacity: briefly, refusal: briefly, billing: briefly, access: briefly, fault: briefly } as const

/** What an app sets of its own. */
export type Own = Pick<Holdfast.Options, "budget" | "policy">

/** Everything an app has, on the server's endpoints. */
export const holdfast = (weather: Weather, { budget, policy }: Own) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const origins = yield* Effect.forEach(endpointNames, (name) => server.endpoint(name))
      const apiKey = Redacted.make("a-key")
      const providers = Object.fromEntries(
        endpointNames.map((name, i) => {
          const origin = origins[i]?.origin ?? ""
          return [name, { apiKey, baseUrl: name === "anthropic" ? origin : `${origin}/v1` }]
        })
      )
      return tagging(weather).pipe(
        Layer.provideMerge(
          Holdfast.layer({
            config: false,
            providers,
            policy: { retry, ...policy },
            health,
            ...(budget === undefined ? undefined : { budget })
          })
        )
      )
    })
  )

/** Silence is noticed soon: what is waited for here is on the same machine. */
const limits = { connect: "500 millis", headers: "400 millis", liveness: "400 millis", stall: "400 millis" } as const

const onSwap = ({ answered, requested }: Failover.Answered) =>
  Effect.map(CurrentCall, (call) => {
    call?.told.push({ _tag: "Swap", requested: ModelRef.format(requested), answered: ModelRef.format(answered) })
  })

/** The model of a chain, which says in the call's record what it says of swaps. */
export const modelOf = (primary: string, fallbacks: ReadonlyArray<string>) =>
  Effect.map(Layer.build(Holdfast.model(primary, { fallbacks, limits, onSwap })), (context) =>
    Context.get(context, LanguageModel.LanguageModel)
  )

type Tools = (typeof toolkit)["tools"]

const saysOf = (part: { readonly metadata: unknown }): Says | undefined =>
  (part.metadata as { readonly holdfast?: Says } | undefined)?.holdfast

const note = (call: Call, part: Response.StreamPart<Tools> | Response.Part<Tools>): void => {
  switch (part.type) {
    case "response-metadata":
      call.told.push({ _tag: "Head", id: part.id, says: saysOf(part) })
      break
    case "text":
      call.told.push({ _tag: "Text", text: part.text })
      break
    case "text-delta":
      call.told.push({ _tag: "Text", text: part.delta })
      break
    case "tool-params-delta":
      call.told.push({ _tag: "Params", text: part.delta })
      break
    case "tool-call":
      call.told.push({ _tag: "Tool", id: part.id, name: part.name, step: part.params.step })
      break
    default:
  }
}

/** Asks once; the parts of the answer. With `tooled` the model may call a tool. */
const ask = (call: Call, prompt: Prompt.Prompt, tooled: boolean, streamed: boolean) => {
  const options = tooled ? { prompt, toolkit } : { prompt, toolkit: Toolkit.empty }
  if (!streamed) {
    return Effect.map(LanguageModel.generateText(options), ({ content }) => {
      for (const part of content) note(call, part)
      return content as ReadonlyArray<Response.AnyPart>
    })
  }
  const parts: Array<Response.AnyPart> = []
  return Effect.as(
    Stream.runForEach(LanguageModel.streamText(options), (part) =>
      Effect.sync(() => {
        parts.push(part)
        note(call, part)
      })
    ),
    parts
  )
}

/** Begins the record of a call. */
export const begin = (book: Book, of: Pick<Call, "asked" | "run" | "step" | "turn">): Call => {
  const call: Call = { ...of, told: [], sent: 0, outcome: undefined }
  book.calls.push(call)
  return call
}

/** A call into its record; what it fails of is typed, or the test ends here. */
export const recorded = (call: Call, prompt: Prompt.Prompt, tooled: boolean, streamed: boolean) =>
  ask(call, prompt, tooled, streamed).pipe(
    Effect.tap(() => Effect.sync(() => (call.outcome = "answered"))),
    Effect.mapError((error) => {
      const cause = error.reason.cause
      const failed = failures.find((tag) => Predicate.isTagged(cause, tag))
      if (failed === undefined) throw new Error(`${nameOf(call)} fails without a type`, { cause: error })
      call.outcome = failed
      return failed
    }),
    Effect.provideService(CurrentCall, call)
  )
