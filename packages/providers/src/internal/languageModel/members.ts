/** What answers for one candidate of a chain in which models that are not ours take part. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Declaration } from "@holdfast/core/Declaration"
import type { Attempt, CallOptions } from "@holdfast/core/Failover"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import type * as ModelRef from "@holdfast/core/ModelRef"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Response from "effect/ai/Response"
import * as ResponseIdTracker from "effect/ai/ResponseIdTracker"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import type { Price, ProviderDefinition } from "../../ProviderDefinition.ts"
import { table } from "../../ProviderTable.ts"
import { cross } from "../prompt/crossing.ts"
import * as ForeignError from "./foreignError.ts"
import { kinOf } from "../models/kin.ts"
import type { Error } from "./languageModel.ts"
import { callOf } from "./languageModel.ts"
import { check } from "../prompt/modality.ts"
import { renew } from "../attempt/keyInUse.ts"
import * as ModelAttempt from "../attempt/modelAttempt.ts"

type Asked = LanguageModel.ProviderOptions

/** What answers for one candidate. */
export interface Member {
  readonly candidate: Candidate
  readonly price: Price | undefined
  readonly suits: (asked: Asked, streaming: boolean) => boolean
  readonly declarationOf: (asked: Asked) => Declaration
  /** See `Failover.CallOptions`. */
  readonly refresh: NonNullable<CallOptions["refresh"]>
  readonly generate: (asked: Asked, attempt: Attempt) => Effect.Effect<Array<Response.PartEncoded>, Error>
  /** The parts as they come, each as `mark` makes it. */
  readonly stream: (
    asked: Asked,
    attempt: Attempt,
    mark: ModelAttempt.Each
  ) => Stream.Stream<Response.StreamPartEncoded, Error>
}

/** One of our models. */
export const ours = (candidate: Candidate, means: ModelAttempt.Means): Member => ({
  candidate,
  price: means.codecs.of(candidate)?.facts?.price,
  suits: (asked, streaming) => ModelAttempt.suits(means, callOf(asked), streaming)(candidate),
  declarationOf: (asked) => ModelAttempt.declarationAt(means, callOf(asked), candidate),
  refresh: renew(means.registry),
  generate: (asked, attempt) => ModelAttempt.generate(means, callOf(asked), attempt),
  stream: (asked, attempt, mark) => ModelAttempt.stream(means, callOf(asked), attempt, mark)
})

/** Somebody else's model. */
export const theirs = (
  { model, provider }: ModelRef.ModelRef,
  inner: LanguageModel.LanguageModel,
  declaration: Declaration | undefined
): Member => {
  const definition = table.find(({ id }) => id === provider)
  const facts = describe(definition, model)
  const candidate: Candidate = {
    provider,
    model,
    ...kinOf(facts)
  }
  const reader = {
    provider,
    model,
    api: definition?.codecs[0].api ?? "unknown",
    makerOf: (name: string) => describe(definition, name)?.family?.maker
  }
  const trackers = new WeakMap<ResponseIdTracker.Service, ResponseIdTracker.Service>()
  const failed = (error: unknown): Error => {
    if (isInvalidInput(error)) return error
    // A model's methods fail with their tools' errors as well; none of the tools that it is given here runs.
    const aiError = error as AiError.AiError
    return ForeignError.failureOf(aiError, { candidate, declaration }) ?? aiError
  }
  const ask = (asked: Asked) => optionsOf({ ...asked, prompt: cross(asked.prompt, reader) })
  const refused = (asked: Asked) => check(asked.prompt, `${provider}/${model}`, facts)
  return {
    candidate,
    price: facts?.price,
    suits: (asked) => refused(asked) === undefined,
    declarationOf: () => declaration ?? "unknown",
    refresh: () => undefined,
    generate: (asked) =>
      Effect.suspend(() => {
        const problem = refused(asked)
        if (problem !== undefined) return Effect.fail(problem)
        const { responseFormat } = asked
        // The methods' types follow from options that are known here as values alone.
        const answer = (
          responseFormat.type === "json"
            ? inner.generateObject({
                ...ask(asked),
                schema: responseFormat.schema,
                objectName: responseFormat.objectName
              } as never)
            : inner.generateText(ask(asked) as never)
        ) as Effect.Effect<LanguageModel.GenerateTextResponse<{}>, unknown>
        // The parts of an answer, each as it was.
        return Effect.map(answer, ({ content }) => content.map(encode) as Array<Response.PartEncoded>)
      }).pipe(Effect.mapError(failed), withOwnTracker(trackers)),
    stream: (asked, _attempt, mark) =>
      Stream.suspend(() => {
        const problem = refused(asked)
        if (problem !== undefined) return Stream.fail(problem)
        const parts: Stream.Stream<Response.AnyPart, unknown> = inner.streamText(ask(asked) as never)
        // The parts of a stream, each as it was.
        return Stream.map(parts, (part) => mark(encode(part) as Response.StreamPartEncoded))
      }).pipe(Stream.mapError(failed), (stream) =>
        Stream.unwrap(
          Effect.map(ownTracker(trackers), (tracker) =>
            tracker === undefined ? stream : Stream.provideService(stream, ResponseIdTracker.ResponseIdTracker, tracker)
          )
        )
      )
  }
}

/** What the table knows of a model, whoever hosts it. */
const describe = (definition: ProviderDefinition | undefined, model: string) =>
  definition === undefined
    ? table.map((each) => each.describe(model)).find((known) => known !== undefined)
    : definition.describe(model)

/** The call as it is put to another model: its tools are named to it, and run by nobody here. */
const optionsOf = ({ prompt, toolCallValidation, toolChoice, tools }: Asked) => ({
  prompt,
  ...(tools.length === 0 ? undefined : { toolkit: named(tools), toolChoice }),
  disableToolCallResolution: true,
  ...(toolCallValidation === undefined ? undefined : { toolCallValidation })
})

const named = (tools: ReadonlyArray<Tool.Any>): Toolkit.WithHandler<Record<string, Tool.Any>> => ({
  tools: Object.fromEntries(tools.map((tool) => [tool.name, tool])),
  handle: () => Effect.die(new Error("tools run above the model that is wrapped"))
})

/**
 * Response ids of one model mean nothing to another: where a conversation is tracked, each model has a tracker of its own.
 */
const ownTracker = (
  trackers: WeakMap<ResponseIdTracker.Service, ResponseIdTracker.Service>
): Effect.Effect<ResponseIdTracker.Service | undefined> =>
  Effect.flatMap(Effect.serviceOption(ResponseIdTracker.ResponseIdTracker), (ambient) => {
    if (Option.isNone(ambient)) return Effect.undefined
    const known = trackers.get(ambient.value)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(ResponseIdTracker.make, (made) => {
      trackers.set(ambient.value, made)
      return made
    })
  })

const withOwnTracker =
  (trackers: WeakMap<ResponseIdTracker.Service, ResponseIdTracker.Service>) =>
  <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(ownTracker(trackers), (tracker) =>
      tracker === undefined ? self : Effect.provideService(self, ResponseIdTracker.ResponseIdTracker, tracker)
    )

/** A part as its provider gave it: `LanguageModel` decodes it again above us. */
const encode = (part: Response.AnyPart): Response.AnyPartEncoded => {
  switch (part.type) {
    case "finish":
      return encodeFinish(part)
    case "response-metadata":
      return encodeHead(part)
    case "file":
      return encodeFile(part)
    case "source":
      return part.sourceType === "url" ? { ...part, url: part.url.href } : part
    case "tool-result": {
      const { encodedResult, ...rest } = part
      // What a tool's result is encoded as is known to its schema alone.
      return { ...rest, result: encodedResult } as Response.ToolResultPartEncoded
    }
    default:
      // The others are encoded as they are.
      return part as Response.AnyPartEncoded
  }
}

const encodeFinish = Schema.encodeSync(Response.FinishPart)
const encodeHead = Schema.encodeSync(Response.ResponseMetadataPart)
const encodeFile = Schema.encodeSync(Response.FilePart)
