/** The wire formats at hand, by name. */
import * as Context from "effect/Context"
import type { Codec } from "./Codec.ts"

/** The wire formats at hand, by name. */
export class Codecs extends Context.Service<
  Codecs,
  {
    readonly get: (api: string | undefined) => Codec | undefined
  }
>()("@holdfast/providers/Codecs") {}
