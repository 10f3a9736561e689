/** What the laws of transports share: requests to the fault server, what becomes of them, and waiting for the truth. */
import { isFailure } from "@holdfast/core/Failure"
import type { Failure } from "@holdfast/core/Failure"
import type { HttpRequest, HttpResponse } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as FaultConfig from "../../FaultConfig.ts"
import type * as FaultScript from "../../FaultScript.ts"
import { FaultServer } from "../../FaultServer.ts"
import * as FaultTruth from "../../FaultTruth.ts"

/** Something that holds of every transport, tried on one. */
export interface Law {
  readonly says: string
  readonly holds: Effect.Effect<void, unknown, HttpTransport | FaultServer | Scope.Scope>
}

/** The server that the laws are tried against. `own` has a certificate that nobody trusts. */
export const config = {
  record: "bytes",
  endpoints: {
    plain: { answer: { text: "Grüße 🌊 from the model." } },
    own: { tls: "self-signed" },
    nobody: { refuse: true }
  }
} as const satisfies FaultConfig.Config

/** An endpoint of {@link config}. */
export type Name = keyof typeof config.endpoints

/** Limits that no law but those on limits reaches. */
const patient = TimeLimits.resolve({ connect: "20 seconds", headers: "20 seconds", liveness: "20 seconds" })

/** Sets the script of an endpoint, whose truth begins anew, and gives the request for it. */
export const prepare = Effect.fnUntraced(function* (
  script: FaultScript.Script,
  more: Partial<HttpRequest> = {},
  name: Name = "plain"
) {
  const server = yield* FaultServer
  if (name !== "nobody") yield* server.script(name, script)
  const { origin } = yield* server.endpoint(name)
  return {
    candidate: { provider: "law", model: "some-model" },
    method: "POST",
    url: `${origin}/v1/messages`,
    headers: { "content-type": "application/json" },
    body: bodyOf(more),
    declaration: "repeatable",
    limits: patient,
    ...more
  } satisfies HttpRequest
})

/** A call of the model. */
export const bodyOf = ({ streaming }: Partial<HttpRequest>, text = "hi"): string =>
  JSON.stringify({
    model: "some-model",
    max_tokens: 64,
    stream: streaming === true,
    messages: [{ role: "user", content: text }]
  })

/** Sends a request. */
export const send = (
  request: HttpRequest
): Effect.Effect<HttpResponse, Failure | InvalidInput, HttpTransport | Scope.Scope> =>
  Effect.flatMap(HttpTransport, (transport) => transport.send(request))

/** Sends a request and reads the whole answer. */
export const fetchText = (request: HttpRequest): Effect.Effect<string, Failure | InvalidInput, HttpTransport> =>
  Effect.scoped(Effect.flatMap(send(request), (response) => response.text))

/** The failure of an effect. */
export const failureOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Failure, Broken | E, R> =>
  Effect.matchEffect(effect, {
    onFailure: (error) => (isFailure(error) ? Effect.succeed(error) : Effect.fail(error)),
    onSuccess: (answer) => Effect.fail(new Broken("a failure", answer))
  })

/** What was seen in place of what a law demands. */
export class Broken extends Error {
  readonly _tag = "Broken"
  constructor(expected: string, seen: unknown) {
    super(`Expected ${expected}, but saw ${JSON.stringify(seen)}`)
  }
}

/** The truth of an endpoint, and its requests in their order. */
export const truthOf = Effect.fnUntraced(function* (name: Name = "plain") {
  const server = yield* FaultServer
  const truth = yield* server.truth
  const endpoint = truth.endpoints[name]
  if (endpoint === undefined) return yield* Effect.fail(new Broken(`an endpoint ${name}`, Object.keys(truth.endpoints)))
  return { ...endpoint, requests: FaultTruth.requests(truth, name) }
})

type Truth = Effect.Success<ReturnType<typeof truthOf>>

/** Waits until the truth of an endpoint is as it should be. */
export const untilTruth = (
  expected: string,
  is: (truth: Truth) => boolean,
  name: Name = "plain"
): Effect.Effect<Truth, unknown, FaultServer> =>
  truthOf(name).pipe(
    Effect.filterOrFail(is, ({ connections }) => new Broken(expected, connections)),
    Effect.retry({ times: 500, while: (error) => error instanceof Broken, schedule: Schedule.spaced("10 millis") })
  )
