/**
 * A provider of this machine's own, for those who have no key yet: the fault server, which misbehaves only if it is told
 * to. What it says comes over real sockets, through everything that a provider's answer comes through.
 */
import { FaultServer } from "@holdfast/testing"
import type { FaultServerError } from "@holdfast/testing/FaultServerError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Its id, as a reference begins with it. */
export const provider = "local"

/** The model that is asked where none is named. */
export const model = `${provider}/echo`

/** Whether a reference names it. */
export const isLocal = (ref: string): boolean => ref.startsWith(`${provider}/`)

/** What is said of a provider that is not known otherwise. */
export interface Settings {
  readonly baseUrl: string
  readonly api: "openai-completions"
}

/** A layer over the provider, for as long as the layer lives. */
export const serving = <A, E, R>(
  prompt: string,
  over: (settings: Settings) => Layer.Layer<A, E, R>
): Layer.Layer<A, E | FaultServerError, R> => {
  const text = answerTo(prompt)
  const server = FaultServer.layer({ endpoints: { [provider]: { answer: { text, events: eventsOf(text) } } } })
  return Layer.unwrap(
    Effect.gen(function* () {
      const { endpoint } = yield* FaultServer.FaultServer
      const { origin } = yield* endpoint(provider)
      return over({ baseUrl: `${origin}/v1`, api: "openai-completions" })
    })
  ).pipe(Layer.provide(server))
}

const longest = 200

const answerTo = (prompt: string): string => {
  const said = prompt.length > longest ? `${prompt.slice(0, longest)}...` : prompt
  return `I am the model that comes with Holdfast, and only repeat what I am asked: ${said}`
}

// About a word each, as models write.
const eventsOf = (text: string): number => text.split(/\s+/).length
