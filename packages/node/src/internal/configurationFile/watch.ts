/** Tells that a file may have changed. */
import type { FSWatcher } from "node:fs"
import { watch as watchDirectory } from "node:fs"
import { stat } from "node:fs/promises"
import { dirname } from "node:path"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/** What a file is known by: another writing of it, or another file in its place, is known by something else. */
export const fingerprint = (path: string): Effect.Effect<string> =>
  Effect.tryPromise(async () => {
    const { ctimeNs, ino, mtimeNs, size } = await stat(path, { bigint: true })
    return [ino, size, mtimeNs, ctimeNs].join()
  }).pipe(Effect.orElseSucceed(() => "none"))

/** What happens in the directory of a file. Editors and deployments put another file, or another link, in its place. */
export const triggers = (path: string): Stream.Stream<void> =>
  Stream.callback<void>(
    (queue) =>
      Effect.acquireRelease(
        Effect.sync(() => start(dirname(path), () => Queue.offerUnsafe(queue, undefined))),
        (watcher) => Effect.sync(() => watcher?.close())
      ),
    { bufferSize: 1, strategy: "sliding" }
  )

/** Nothing where directories cannot be watched: the file is then looked at now and then. */
const start = (directory: string, changed: () => void): FSWatcher | undefined => {
  try {
    const watcher = watchDirectory(directory, { persistent: false }, changed)
    // The directory is gone, or there is nothing left to watch with.
    watcher.on("error", () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}

/** A file that is written in several steps is looked at after the last of them, as a rule. */
export const settle = Duration.millis(50)

/** For directories that cannot be watched, and for links to files elsewhere. */
export const poll = Duration.seconds(10)

/** How a file is watched. */
export interface Watching {
  readonly triggers: Stream.Stream<void>
  readonly fingerprint: Effect.Effect<string>
  /** What it was known by when it was last read, if it was. It is told to be another once. */
  readonly known: { fingerprint?: string }
  /** How long after the first sign of a change it is looked at: a file is often written in several steps. */
  readonly settle: Duration.Duration
  /** How often it is looked at without any sign. */
  readonly poll: Duration.Duration
}

/** Says so each time the file is another than the one that is known; unread, the one that is there when it begins. */
export const changes = ({ fingerprint, known, poll, settle, triggers }: Watching): Stream.Stream<void> =>
  Stream.unwrap(
    Effect.map(fingerprint, (first) => {
      known.fingerprint ??= first
      const looked = Effect.map(fingerprint, (found) => {
        if (found === known.fingerprint) return []
        known.fingerprint = found
        return [undefined]
      })
      const signs = Stream.mapEffect(triggers, () => Effect.sleep(settle))
      return Stream.merge(signs, Stream.tick(poll)).pipe(
        Stream.mapEffect(() => looked),
        Stream.flatMap(Stream.fromIterable)
      )
    })
  )
