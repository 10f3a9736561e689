/**
 * A model's address, `"provider/model"`, as configuration, chains, answers and events write it.
 *
 * The provider is what stands before the first `/`; the rest, slashes included, is the provider's own model id
 * (`openrouter/anthropic/claude-opus-4.7`). A bare name is not a `ModelRef`: a registry resolves it to one.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { InvalidInput } from "./InvalidInput.ts"
import { mayBeKey } from "./Preview.ts"

const providerPattern = /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/
const modelPattern = /^[^\s/][^\s]*$/

/** Whether a provider's id can stand in a reference: letters, digits, dots, dashes and underscores. */
export const isProvider = (id: string): boolean => providerPattern.test(id)

/** Whether a model's id can stand in a reference: no spaces, and no slash before it. */
export const isModel = (id: string): boolean => modelPattern.test(id)

/**
 * The address of one model at one provider.
 *
 * **Example**
 *
 * ```ts
 * import { ModelRef } from "@holdfast/core"
 *
 * const ref = ModelRef.make("openrouter", "anthropic/claude-opus-4.7")
 * String(ref) // => "openrouter/anthropic/claude-opus-4.7"
 * ```
 */
export class ModelRef extends Schema.Class<ModelRef>("@holdfast/core/ModelRef")({
  provider: Schema.String.check(Schema.isPattern(providerPattern)),
  model: Schema.String.check(Schema.isPattern(modelPattern))
}) {
  override toString(): string {
    return `${this.provider}/${this.model}`
  }
}

/** Makes a reference from parts that are known to be well formed; throws on parts that are not. */
export const make = (provider: string, model: string): ModelRef => new ModelRef({ provider, model })

/** Writes the reference as `"provider/model"`. */
export const format = (ref: { readonly provider: string; readonly model: string }): string =>
  `${ref.provider}/${ref.model}`

/**
 * Reads `"provider/model"`, split at the first slash.
 *
 * @param place where the text stands, for the error (`"Holdfast.model"`, `agents.chief.model`)
 */
export const parse = (text: string, place = "model reference"): Result.Result<ModelRef, InvalidInput> => {
  const slash = text.indexOf("/")
  const provider = text.slice(0, Math.max(slash, 0))
  const model = text.slice(slash + 1)
  if (slash <= 0 || !providerPattern.test(provider) || !modelPattern.test(model)) {
    return Result.fail(
      InvalidInput.of({
        kind: "MalformedModelRef",
        place,
        expected: 'a reference of the form "provider/model", such as "anthropic/claude-opus-4-7"',
        found: mayBeKey(text) ? "a text that may be a key" : JSON.stringify(text.slice(0, 120))
      })
    )
  }
  return Result.succeed(new ModelRef({ provider, model }))
}

/** {@link parse} as an effect. */
export const fromString = (text: string, place?: string): Effect.Effect<ModelRef, InvalidInput> =>
  Effect.fromResult(parse(text, place))

/** Schema between `"provider/model"` and {@link ModelRef}, for configuration and events. */
export const FromString: Schema.Codec<ModelRef, string> = Schema.String.check(
  Schema.isPattern(/^[^\s/]+\/[^\s/][^\s]*$/, { expected: 'a reference of the form "provider/model"' })
).pipe(
  Schema.decodeTo(
    ModelRef,
    SchemaTransformation.transform({
      decode: (text) => {
        const slash = text.indexOf("/")
        return { provider: text.slice(0, slash), model: text.slice(slash + 1) }
      },
      encode: format
    })
  )
)

/** Whether two references name the same model at the same provider. */
export const equals = (
  a: { readonly provider: string; readonly model: string },
  b: { readonly provider: string; readonly model: string }
): boolean => a.provider === b.provider && a.model === b.model
