/** Where configuration comes from, and how it is known that it may have changed. */
import type { InvalidInput, Problem } from "@holdfast/core/InvalidInput"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type { Configuration, KeySource } from "./Configuration.ts"

/** A configuration and where it stands. */
export interface Loaded {
  readonly configuration: Configuration
  /** What is wrong with it, so that it cannot be used; whoever loads it looks for more before it fails with all. */
  readonly problems?: ReadonlyArray<Problem>
  /** A file's path, or the name of an option. */
  readonly place: string
}

/** A key that something else than the configuration and the environment holds. */
export type KeyReader = Extract<KeySource, { readonly _tag: "File" | "Command" }>

/** Where configuration comes from. */
export class ConfigurationSource extends Context.Service<
  ConfigurationSource,
  {
    /** Reads it anew. All that is wrong with it is reported at once. */
    readonly load: Effect.Effect<Loaded, InvalidInput>
    /** Says that it may have changed. */
    readonly changes: Stream.Stream<void>
    /**
     * The path of the file that it is written in. Who fails over its first configuration says that path with each place;
     * an event and a line of the log that tell of a later one name it themselves.
     */
    readonly file?: string
    /**
     * Reads a key from a file or a command, anew each time; `place` is where the source is written. Absent: neither can
     * be read here.
     */
    readonly readKey?: (source: KeyReader, place: string) => Effect.Effect<Redacted.Redacted, InvalidInput>
    /**
     * Told by whoever loads what became of it: the configuration that is in force from now on, or why what was found
     * cannot be, so that the one before it stays in force. Event and log are not its concern.
     */
    readonly told?: (outcome: Result.Result<Loaded, InvalidInput>) => Effect.Effect<void>
  }
>()("@holdfast/providers/ConfigurationSource") {}
