/** Whom a request is written for. */
import type { Codec, Target } from "@holdfast/providers/Codec"
import { table } from "@holdfast/providers/ProviderTable"

/** A model of the first provider in the table that speaks the format. */
export const targetOf = (codec: Codec, model: string): Target => {
  const definition = table.find(({ codecs }) => codecs.includes(codec))
  if (definition === undefined) throw new Error(`nobody speaks ${codec.api}`)
  return { model, definition, facts: definition.describe(model) }
}
