/** An answer whose failures are told otherwise. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Failure from "../Failure.ts"
import type { HttpResponse } from "../HttpTransport.ts"

/** The answer; should its body fail, `f` makes the failure. */
export const mapFailure = (response: HttpResponse, f: (failure: Failure.Failure) => Failure.Failure): HttpResponse => ({
  status: response.status,
  get headers() {
    return response.headers
  },
  get body() {
    return Stream.mapError(response.body, f)
  },
  get text() {
    return Effect.mapError(response.text, f)
  },
  get discard() {
    return response.discard
  },
  end: response.end,
  evidence: response.evidence,
  elapsedMs: response.elapsedMs
})
