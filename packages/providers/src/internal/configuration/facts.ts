/** What an operator says of a model. */
import * as Schema from "effect/Schema"
import type { ModelFacts } from "../../ProviderDefinition.ts"
import { Text } from "./fields.ts"

/** A number of tokens. */
export const Tokens = Schema.Int.annotate({ expected: "a number of tokens" }).check(
  Schema.isGreaterThan(0, { expected: "a whole number of tokens above zero" })
)

/** What a million tokens cost. */
export const Dollars = Schema.Finite.annotate({ expected: "US dollars per million tokens" }).check(
  Schema.isGreaterThanOrEqualTo(0, { expected: "US dollars per million tokens, from 0" })
)

/** What a model can be shown. */
export const Modalities = Schema.Array(Schema.Literals(["text", "image", "audio", "video", "pdf"]))

/** What a model is known to be. */
export const fields = {
  identity: Schema.optionalKey(Text),
  family: Schema.optionalKey(Schema.Struct({ maker: Text, line: Text })),
  input: Schema.optionalKey(Modalities),
  contextTokens: Schema.optionalKey(Tokens),
  outputTokens: Schema.optionalKey(Tokens),
  price: Schema.optionalKey(
    Schema.Struct({
      input: Dollars,
      output: Dollars,
      cacheRead: Schema.optionalKey(Dollars),
      cacheWrite: Schema.optionalKey(Dollars),
      source: Schema.optionalKey(Text),
      asOf: Schema.optionalKey(Text)
    })
  )
}

/** What a model is known to be. */
export const Facts = Schema.Struct(fields)

/** The facts in the one shape that codecs read; `place` is where a price stands that names no source. */
export const factsOf = ({ price, ...facts }: typeof Facts.Type, place: string): ModelFacts => ({
  ...facts,
  ...(price === undefined ? undefined : { price: { source: place, asOf: "not said", ...price } })
})
