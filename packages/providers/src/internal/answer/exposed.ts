/** A stream of one attempt: marked, and its failure judged by what the app has seen of it. */
import * as Exposure from "@holdfast/core/Exposure"
import * as Failure from "@holdfast/core/Failure"
import * as Arr from "effect/Array"
import * as Stream from "effect/Stream"
import type * as Response from "effect/ai/Response"
import * as Marks from "./marks.ts"

type Part = Response.StreamPartEncoded

/** The stream with its parts marked. What fails after content was given out carries the partial output. */
export const exposed = <E>(
  stream: Stream.Stream<Part, E>,
  mark: (part: Part) => Part,
  exposing: () => void
): Stream.Stream<Part, E> =>
  Stream.suspend(() => {
    const given: Array<Arr.NonEmptyReadonlyArray<Part>> = []
    let exposure: Exposure.Exposure = "nothing"
    return stream.pipe(
      Stream.mapArray((parts) => {
        const marked = Arr.map(parts, mark)
        for (const part of parts) exposure = Exposure.max(exposure, Marks.exposure(part))
        if (exposure !== "nothing") exposing()
        given.push(marked)
        return marked
      }),
      Stream.mapError((error) =>
        Failure.isFailure(error) && exposure !== "nothing"
          ? // Of the same class or a graver one, all of which are in E if one is.
            (Failure.amend(error, { exposure, partial: given.flat() }) as E & Failure.Failure)
          : error
      )
    )
  })
