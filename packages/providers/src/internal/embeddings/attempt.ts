/** One attempt to have texts embedded by one candidate: sent, and its vectors read and checked. */
import type { Attempt } from "@holdfast/core/Failover"
import type * as Failure from "@holdfast/core/Failure"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Provider } from "@holdfast/core/ProviderRegistry"
import type * as Reason from "@holdfast/core/Reason"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { EmbeddingCall, EmbeddingCodec } from "../../EmbeddingCodec.ts"
import type { ProviderDefinition } from "../../ProviderDefinition.ts"
import type { Error, Sent } from "../attempt/exchange.ts"
import { failureOf, isGiven, readingOf, refusal, unreadable } from "../attempt/exchange.ts"
import * as Json from "../json.ts"
import type { Means } from "../attempt/modelAttempt.ts"
import { limitsAt, unencodable } from "../attempt/modelAttempt.ts"
import { providerFor } from "../attempt/keyInUse.ts"

/** Vectors in the order of the texts, each a list of as many finite numbers as the others. */
export interface Vectors {
  readonly vectors: Array<Array<number>>
  readonly inputTokens: number | undefined
}

/** The vectors of one attempt's answer. */
export const embed = (
  means: Means,
  call: Omit<EmbeddingCall, "model">,
  attempt: Attempt
): Effect.Effect<Vectors, Error> =>
  Effect.suspend(() => {
    const spoken = means.codecs.of(attempt.candidate)
    const codec = spoken?.definition.embeddings
    if (spoken === undefined || codec === undefined) return Effect.fail(without(attempt.candidate.provider))
    return Effect.scoped(
      Effect.flatMap(
        Effect.flatMap(providerFor(means.registry, attempt), (provider) =>
          sendTo(means, settled(means, call, attempt), attempt, codec, spoken.definition, provider)
        ),
        (sent) => Effect.flatMap(sent.response.text, (text) => read(sent, call, text))
      )
    )
  })

/** A provider that embeds nothing. */
export const without = (provider: string): InvalidInput =>
  InvalidInput.of({
    kind: "InvalidOption",
    place: "model",
    expected: "a model of a provider that has embeddings, openai or ollama for one",
    found: `one of ${provider}, which has none`
  })

/** The call with what configuration says of the model; the app's own parameters come first. */
const settled = ({ registry }: Means, call: Omit<EmbeddingCall, "model">, { candidate }: Attempt): EmbeddingCall => ({
  ...call,
  model: candidate.model,
  params: { ...registry.settings(candidate).params, ...call.params }
})

/** Sends the texts; an error answer is read and classified here. */
const sendTo = Effect.fnUntraced(function* (
  means: Means,
  call: EmbeddingCall,
  attempt: Attempt,
  codec: EmbeddingCodec,
  definition: ProviderDefinition,
  provider: Provider
): Effect.fn.Return<Sent<EmbeddingCodec>, Error, Scope.Scope> {
  const limits = { ...limitsAt(means, provider), totalMs: attempt.totalMs }
  const body = yield* Effect.try({
    try: () => JSON.stringify(codec.encode(call)),
    catch: unencodable("params")
  })
  const request: HttpRequest = {
    candidate: attempt.candidate,
    method: "POST",
    url: provider.baseUrl + codec.path,
    headers: { ...provider.headers, "content-type": "application/json", accept: "application/json" },
    body,
    // The same texts give the same vectors, and nothing of them is kept.
    declaration: "repeatable",
    attempt: attempt.attempt,
    connection: attempt.connection,
    limits
  }
  const response = yield* means.transport.send(request)
  const sent = { codec, request, response, reading: readingOf(definition, request), limits }
  return isGiven(response) ? sent : yield* refusal(sent)
})

const read = (
  sent: Sent<EmbeddingCodec>,
  call: Omit<EmbeddingCall, "model">,
  text: string
): Effect.Effect<Vectors, Failure.Failure> => {
  const json = Json.parse(text)
  if (Result.isFailure(json)) return Effect.fail(failureOf(sent, unreadable(sent, text)))
  const vectors = Result.flatMap(sent.codec.decode(json.success, sent.reading), ({ inputTokens, vectors }) =>
    Result.map(checked(vectors, call), (vectors) => ({ vectors, inputTokens }))
  )
  return Result.isSuccess(vectors) ? Effect.succeed(vectors.success) : Effect.fail(failureOf(sent, vectors.failure))
}

/** One vector for each text, all of one length, of numbers alone: anything else would poison an index for good. */
const checked = (
  vectors: ReadonlyArray<unknown>,
  { dimensions, texts }: Omit<EmbeddingCall, "model">
): Result.Result<Array<Array<number>>, Reason.Reason> => {
  if (vectors.length !== texts.length) {
    return malformed(`${vectors.length} vectors for ${texts.length} texts`)
  }
  const length = dimensions ?? (Array.isArray(vectors[0]) ? vectors[0].length : 0)
  const whole: Array<Array<number>> = []
  for (const vector of vectors) {
    if (!isVector(vector)) return malformed("a vector is not a list of finite numbers")
    if (vector.length !== length) return malformed(`a vector of ${vector.length} numbers where others have ${length}`)
    whole.push(vector)
  }
  return Result.succeed(whole)
}

const isVector = (value: unknown): value is Array<number> =>
  Array.isArray(value) && value.length > 0 && value.every(Number.isFinite)

const malformed = (detail: string): Result.Result<never, Reason.Reason> => Result.fail(Json.malformed(detail))
