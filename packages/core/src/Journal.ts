/**
 * Telemetry written down: every event appended to a file as NDJSON, and read back.
 *
 * A journal is a subscriber like any other. It never slows a call; what it cannot write it drops, and says so once.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import * as Queue from "effect/Queue"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Cause from "effect/Cause"
import * as Ndjson from "effect/encoding/Ndjson"
import { Telemetry } from "./Telemetry.ts"
import { TelemetryEvent } from "./TelemetryEvent.ts"

const bufferSize = 65_536

/**
 * Appends every event to the file at `path`, one JSON object a line, for the life of the layer. Events published before
 * the layer closes are written before it has closed.
 */
export const layerFile = (
  path: string
): Layer.Layer<never, PlatformError.PlatformError, Telemetry | FileSystem.FileSystem> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const telemetry = yield* Telemetry
      const file = yield* fs.open(path, { flag: "a" })
      const queue = yield* Queue.dropping<TelemetryEvent, Cause.Done>(bufferSize)
      const writer = yield* Stream.fromQueue(queue).pipe(
        Stream.pipeThroughChannel(Ndjson.encode()),
        Stream.runForEach((bytes) => file.writeAll(bytes)),
        Effect.catch((error) => Effect.logWarning("The journal can no longer be written", error)),
        Effect.forkDetach
      )
      yield* Effect.addFinalizer(() => Queue.end(queue).pipe(Effect.andThen(Fiber.await(writer))))
      yield* telemetry.listen((event) => Queue.offerUnsafe(queue, event))
    })
  )

/** The events of a journal file, in the order they were written; events of tags this version does not know are skipped. */
export const read = (
  path: string
): Stream.Stream<
  TelemetryEvent,
  PlatformError.PlatformError | Ndjson.NdjsonError | Schema.SchemaError,
  FileSystem.FileSystem
> =>
  Stream.unwrap(Effect.map(FileSystem.FileSystem, (fs) => fs.stream(path))).pipe(
    Stream.pipeThroughChannel(Ndjson.decode({ ignoreEmptyLines: true })),
    Stream.filter(isKnown),
    Stream.mapEffect((line) => decode(line))
  )

const decode = Schema.decodeUnknownEffect(TelemetryEvent)

const knownTags: ReadonlySet<unknown> = new Set(
  TelemetryEvent.members.map((member) => member.fields._tag.schema.literal)
)

const isKnown = (line: unknown): boolean => Predicate.hasProperty(line, "_tag") && knownTags.has(line._tag)
