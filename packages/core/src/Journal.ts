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
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Cause from "effect/Cause"
import * as Ndjson from "effect/encoding/Ndjson"
import { Telemetry } from "./Telemetry.ts"
import { TelemetryEvent } from "./TelemetryEvent.ts"

const bufferSize = 65_536

/**
 * Appends every event to the file at `path`, one JSON object a line, for the life of the layer. Events published before
 * the layer closes are written before it has closed. A line that an earlier process left unfinished is ended first.
 */
export const layerFile = (
  path: string
): Layer.Layer<never, PlatformError.PlatformError, Telemetry | FileSystem.FileSystem> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const telemetry = yield* Telemetry
      const file = yield* open(path)
      const queue = yield* Queue.dropping<TelemetryEvent, Cause.Done>(bufferSize)
      let lost = 0
      const writer = yield* Stream.fromQueue(queue).pipe(
        Stream.pipeThroughChannel(Ndjson.encode()),
        Stream.runForEach((bytes) => file.writeAll(bytes)),
        Effect.catch((error) => Effect.logWarning("The journal can no longer be written", error)),
        Effect.forkDetach
      )
      yield* Effect.addFinalizer(() =>
        Queue.end(queue).pipe(
          Effect.andThen(Fiber.await(writer)),
          Effect.andThen(Effect.suspend(() => (lost === 0 ? Effect.void : Effect.logWarning(notWritten(lost)))))
        )
      )
      yield* telemetry.listen((event) => {
        if (!Queue.offerUnsafe(queue, event)) lost++
      })
    })
  )

const notWritten = (events: number): string =>
  `${events} events were not written: the journal fell behind or had failed`

const open = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(path, { flag: "a+" })
  const { size } = yield* file.stat
  if (size > 0n) {
    yield* file.seek(size - 1n, "start")
    const last = yield* file.readAlloc(1)
    if (Option.isSome(last) && last.value[0] !== newline) yield* file.writeAll(Uint8Array.of(newline))
  }
  return file
})

const newline = 10

/**
 * The events of a journal file, in the order they were written. Lines that are no event of this version are skipped, and
 * counted in a warning at the end: unfinished ones, other versions, tags that are not known.
 */
export const read = (path: string): Stream.Stream<TelemetryEvent, PlatformError.PlatformError, FileSystem.FileSystem> =>
  Stream.suspend(() => {
    let skipped = 0
    return Stream.unwrap(Effect.map(FileSystem.FileSystem, (fs) => fs.stream(path))).pipe(
      Stream.decodeText,
      Stream.splitLines,
      Stream.filterMap((line) => {
        const event = decode(line)
        if (Option.isNone(event) && line !== "") skipped++
        return Result.fromOption(event, () => line)
      }),
      Stream.onEnd(
        Effect.suspend(() =>
          skipped === 0 ? Effect.void : Effect.logWarning(`${skipped} lines of ${path} were skipped`)
        )
      )
    )
  })

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(TelemetryEvent))
