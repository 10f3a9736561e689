/** Models of somebody else: they answer and fail as a script says, and remember what they were asked. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"

/** What one call of a script does: the parts of its answer, and the error that it ends with. */
export interface Step {
  readonly parts: ReadonlyArray<Response.StreamPartEncoded | Response.PartEncoded>
  readonly error?: AiError.AiError
}

const usage: Response.FinishPartEncoded["usage"] = {
  inputTokens: { uncached: 10, total: 10, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 6, text: undefined, reasoning: undefined }
}

const finish = (reason: "stop" | "tool-calls"): Response.FinishPartEncoded => ({ type: "finish", reason, usage })

const head: Response.ResponseMetadataPartEncoded = {
  type: "response-metadata",
  id: "resp_1",
  timestamp: "2026-11-21T00:00:00.000Z"
}

/** An answer of text. */
export const says = (text: string): Step => ({ parts: [head, { type: "text", text }, finish("stop")] })

/** An answer that calls a tool. */
export const calls = (name: string, params: unknown, id = "call_1"): Step => ({
  parts: [head, { type: "tool-call", id, name, params }, finish("tool-calls")]
})

/** A streamed answer of text. */
export const streams = (...pieces: ReadonlyArray<string>): Step => ({
  parts: [
    head,
    { type: "text-start", id: "0" },
    ...pieces.map((delta) => ({ type: "text-delta" as const, id: "0", delta })),
    { type: "text-end", id: "0" },
    finish("stop")
  ]
})

/** A call that fails, after what of its parts has come. */
export const fails = (reason: AiError.AiErrorReason, ...parts: Step["parts"]): Step => ({
  parts,
  error: AiError.make({ module: "Foreign", method: "call", reason })
})

/** A model that takes its steps in turn. */
export const foreign = (...steps: ReadonlyArray<Step>) => {
  const asked: Array<LanguageModel.ProviderOptions> = []
  const next = (options: LanguageModel.ProviderOptions): Step => {
    asked.push(options)
    const step = steps[asked.length - 1]
    if (step === undefined) throw new Error(`no step for call ${asked.length}`)
    return step
  }
  const model = LanguageModel.make({
    generateText: (options) =>
      Effect.suspend(() => {
        const { error, parts } = next(options)
        return error === undefined ? Effect.succeed([...parts] as Array<Response.PartEncoded>) : Effect.fail(error)
      }),
    streamText: (options) =>
      Stream.suspend(() => {
        const { error, parts } = next(options)
        const given = Stream.fromIterable(parts as ReadonlyArray<Response.StreamPartEncoded>)
        return error === undefined ? given : Stream.concat(given, Stream.fail(error))
      })
  })
  return { asked, model, layer: Layer.effect(LanguageModel.LanguageModel, model) }
}
