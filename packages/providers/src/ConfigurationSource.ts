/** Where configuration comes from, and how it is known that it may have changed. */
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Configuration } from "./Configuration.ts"

/** A configuration and where it stands. */
export interface Loaded {
  readonly configuration: Configuration
  /** A file's path, or the name of an option. */
  readonly place: string
}

/** Where configuration comes from. */
export class ConfigurationSource extends Context.Service<
  ConfigurationSource,
  {
    /** Reads it anew. All that is wrong with it is reported at once. */
    readonly load: Effect.Effect<Loaded, InvalidInput>
    /** Says that it may have changed. */
    readonly changes: Stream.Stream<void>
  }
>()("@holdfast/providers/ConfigurationSource") {}
