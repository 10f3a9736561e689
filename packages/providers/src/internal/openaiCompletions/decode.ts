/** A whole chat completion as response parts. */
import type * as Reason from "@holdfast/core/Reason"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Response from "effect/ai/Response"
import type { Reading } from "../../Codec.ts"
import { plain } from "../../Codec.ts"
import * as Json from "../json.ts"
import { cutShort } from "../answer/cutShort.ts"
import type { Detail } from "./details.ts"
import { Details, textOf } from "./details.ts"
import { classifyInBand } from "./errors.ts"
import { Extras } from "./extras.ts"
import { finishPart, finishReason, givenUp, usageIn } from "./finish.ts"
import { saidIn } from "./said.ts"
import type { Run } from "./thinkTag.ts"
import { ThinkTag } from "./thinkTag.ts"
import { argumentsOf, idOf, toolCallPart } from "./toolCall.ts"

type Out = Array<Response.PartEncoded>

/** The parts of an answer, or why it is none. */
export const decode = (body: unknown, reading: Reading = plain): Result.Result<Out, Reason.Reason> => {
  const completion = Json.object(body)
  const error = errorIn(completion)
  if (error !== undefined) return Result.fail(classifyInBand(error, reading))
  const choice = firstChoice(completion)
  const said = Json.string(choice["finish_reason"])
  const message = choice["message"]
  // A filter may leave no message at all.
  if (!Json.isObject(message) && said === undefined) return Result.fail(Json.malformed("not a chat completion"))
  const failed = givenUp(said, reading)
  if (failed !== undefined) return Result.fail(failed)
  const out: Out = [metadataPart(completion)]
  const refused = spoken(Json.object(message), out)
  const extras = new Extras()
  extras.read(Json.object(message), out)
  extras.readLogprobs(choice["logprobs"])
  extras.finish(completion, out)
  const problem = toolCalls(Json.object(message), Json.string(completion["id"]), cutShort(finishReason(said)), out)
  if (problem !== undefined) return Result.fail(Json.malformed(problem))
  out.push(
    finishPart({
      said,
      native: Json.string(choice["native_finish_reason"]),
      serviceTier: Json.string(completion["service_tier"]),
      refused,
      usage: usageIn(completion, choice) ?? {},
      more: extras.metadata()
    })
  )
  return Result.succeed(out)
}

/** The error that an answer or a chunk is, in the shape of one; vLLM leaves its fields bare. */
export const errorIn = (answer: Json.Json): Json.Json | undefined =>
  Json.isError(answer) ? answer : answer["object"] === "error" ? { error: answer } : undefined

/** The only choice that is asked for. Parameters of the app's may ask for more, which nobody reads. */
export const firstChoice = (completion: Json.Json): Json.Json => {
  for (const value of Json.array(completion["choices"])) {
    const choice = Json.object(value)
    if ((Json.int(choice["index"]) ?? 0) === 0) return choice
  }
  return Json.object(undefined)
}

/** Appends what a message says and thinks; whether it refuses. */
const spoken = (message: Json.Json, out: Out): boolean => {
  const content = message["content"]
  const parts = Array.isArray(content) ? saidIn(content) : { text: Json.string(content) ?? "", reasoning: "" }
  const thought = thoughtIn(message)
  const reasoning = thought.text || parts.reasoning
  const details = thought.details === undefined ? [] : whole(thought.details)
  if (reasoning !== "" || details.length > 0) {
    out.push({ type: "reasoning", text: reasoning, metadata: reasoningMetadata(thought.field, details) })
    if (parts.text !== "") out.push({ type: "text", text: parts.text })
  } else {
    for (const { kind, text } of runsOf(parts.text)) {
      out.push(
        kind === "text" ? { type: "text", text } : { type: "reasoning", text, metadata: reasoningMetadata("think", []) }
      )
    }
  }
  const refusal = Json.string(message["refusal"]) || Json.string(Json.object(message["audio"])["transcript"])
  if (refusal && parts.text === "") out.push({ type: "text", text: refusal })
  return Boolean(message["refusal"])
}

const whole = (raw: ReadonlyArray<unknown>): ReadonlyArray<Detail> => {
  const details = new Details()
  details.add(raw)
  return details.take()
}

const runsOf = (text: string): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  const tag = new ThinkTag()
  if (text !== "") tag.read(text, runs)
  tag.end(runs)
  return runs
}

/** Where a thought stood: in which field, or between tags of the content. */
export type Field = "reasoning_content" | "reasoning" | "think"

/** What a message or a delta thinks. */
export interface Thought {
  readonly field: Field
  readonly text: string
  readonly details: ReadonlyArray<unknown> | undefined
}

/** The thought of a message or a delta. */
export const thoughtIn = (message: Json.Json): Thought => {
  const details = Array.isArray(message["reasoning_details"]) ? message["reasoning_details"] : undefined
  const content = Json.string(message["reasoning_content"])
  if (content) return { field: "reasoning_content", text: content, details }
  const text = Json.string(message["reasoning"]) || (details === undefined ? "" : textOf(details))
  return { field: "reasoning", text, details }
}

/** What the provider needs to see of a thought again: its details, or the field that it stood in. */
export const reasoningMetadata = (
  field: Field,
  details: ReadonlyArray<Detail>
): { readonly openai: { readonly [name: string]: Schema.Json } } => ({
  openai: details.length === 0 ? { reasoning: field } : { reasoningDetails: details }
})

/** Appends the tool calls of a message, or says what is wrong with them. */
const toolCalls = (message: Json.Json, answer: string | undefined, cut: boolean, out: Out): string | undefined => {
  for (const [index, call] of callsOf(message).entries()) {
    const callee = Json.object(call["function"])
    const id = Json.string(call["id"]) || idOf(answer, index)
    const name = Json.string(callee["name"]) ?? ""
    const part = toolCallPart({ id, name, text: argumentsOf(callee) }, cut)
    if (typeof part === "string") return part
    if (part !== undefined) out.push(part)
  }
  return undefined
}

const none: ReadonlyArray<Json.Json> = []

/** The tool calls of a message or a delta; `function_call` is how one was written before there were several. */
export const callsOf = (message: Json.Json): ReadonlyArray<Json.Json> => {
  const calls = message["tool_calls"]
  if (Array.isArray(calls) && calls.length > 0) return calls.map((call) => Json.object(call))
  const legacy = message["function_call"]
  return Json.isObject(legacy) ? [{ index: 0, function: legacy }] : none
}

/** Who answers, from a completion or a chunk of one. */
export const metadataPart = (completion: Json.Json): Response.ResponseMetadataPartEncoded => {
  const systemFingerprint = Json.string(completion["system_fingerprint"])
  const provider = Json.string(completion["provider"])
  return {
    type: "response-metadata",
    id: Json.string(completion["id"]),
    modelId: Json.string(completion["model"]),
    timestamp: Json.timestamp(completion["created"]),
    ...(systemFingerprint === undefined && provider === undefined
      ? undefined
      : {
          metadata: {
            openai: {
              ...(systemFingerprint === undefined ? undefined : { systemFingerprint }),
              // Whom a router asked.
              ...(provider === undefined ? undefined : { provider })
            }
          }
        })
  }
}
