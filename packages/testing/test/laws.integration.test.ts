/** The laws of transports can be broken: each transport here breaks some, and is found out. */
import { assert, layer } from "@effect/vitest"
import * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import type { HttpRequest, HttpResponse } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Reason from "@holdfast/core/Reason"
import { isStreamed } from "@holdfast/core/RequestHead"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Dispatcher from "@holdfast/node/Dispatcher"
import * as Dispatchers from "@holdfast/node/Dispatchers"
import * as NodeTransport from "@holdfast/node/HttpTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import * as FaultServer from "../src/FaultServer.ts"
import { endings } from "../src/internal/laws/endings.ts"
import { exchange } from "../src/internal/laws/exchange.ts"
import { failures } from "../src/internal/laws/failures.ts"
import { input } from "../src/internal/laws/input.ts"
import { config } from "../src/internal/laws/law.ts"
import { uploads } from "../src/internal/laws/uploads.ts"

type Sending = Effect.Effect<HttpResponse, Failure.Failure | InvalidInput, Scope.Scope>
type Send = (request: HttpRequest) => Sending

const laws = [...input, ...exchange, ...failures, ...uploads, ...endings]

const good = NodeTransport.layer.pipe(
  Layer.provide(Dispatchers.swap("law", Dispatcher.layerPool({ drain: "20 millis" }))),
  Layer.provide(Telemetry.layer)
)

/** A transport that does otherwise. */
const otherwise = (change: (send: Send) => Send) =>
  Layer.effect(
    HttpTransport,
    Effect.map(HttpTransport, ({ send }) => HttpTransport.of({ send: change(send) }))
  ).pipe(Layer.provide(good))

const unsafely = (failure: Failure.Failure, evidence: Evidence.Evidence) => Failure.amend(failure, { evidence })

const onBody = (sending: Sending, f: (body: HttpResponse["body"]) => HttpResponse["body"]): Sending =>
  Effect.map(sending, (response) => {
    const body = f(response.body)
    const text = Effect.map(Stream.runCollect(body), (chunks) => Buffer.concat(chunks).toString("utf8"))
    // Over an object with private parts, so nothing is copied.
    return {
      status: response.status,
      headers: response.headers,
      body,
      text,
      discard: response.discard,
      end: response.end,
      evidence: response.evidence,
      elapsedMs: response.elapsedMs
    }
  })

const onEnd = (sending: Sending, end: (response: HttpResponse) => HttpResponse["end"]): Sending =>
  Effect.map(
    onBody(sending, (body) => body),
    (response) => ({ ...response, end: end(response) })
  )

/** Sends what a function makes of a body that comes as it is made. */
const onUpload =
  (change: (body: AsyncIterable<Uint8Array>) => Promise<Uint8Array>) =>
  (send: Send): Send =>
  (request) => {
    const { body } = request
    return isStreamed(body)
      ? Effect.flatMap(
          Effect.promise(() => change(body)),
          (whole) => send({ ...request, body: whole })
        )
      : send(request)
  }

const collect = async (body: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  for await (const chunk of body) if (chunks.push(chunk) >= most) break
  return Buffer.concat(chunks)
}

const isRedirect = (status: number) => status >= 300 && status < 400

const culprits: ReadonlyArray<readonly [says: string, change: (send: Send) => Send, breaks: ReadonlyArray<RegExp>]> = [
  [
    "retries what was lost",
    (send) => (request) =>
      Effect.catchIf(send(request), Failure.isFailure, (failure) =>
        Evidence.mayHaveArrived(failure.evidence) ? send(request) : Effect.fail(failure)
      ),
    [/fin after the request never safe, and sends once/, /reset within the request never safe, and sends once/]
  ],
  [
    "retries a status",
    (send) => (request) =>
      Effect.flatMap(send(request), (response) => (response.status === 529 ? send(request) : Effect.succeed(response))),
    [/whatever its status/]
  ],
  [
    "follows redirects",
    (send) => (request) =>
      Effect.flatMap(send(request), (response) =>
        isRedirect(response.status)
          ? send({ ...request, url: response.headers["location"] ?? request.url })
          : Effect.succeed(response)
      ),
    [/follows no redirect/]
  ],
  [
    "calls everything safe",
    (send) => (request) =>
      Effect.mapError(send(request), (error) => (Failure.isFailure(error) ? unsafely(error, Evidence.unsent) : error)),
    [/reset after the request never safe/, /unsafe once it was sent/, /time to the head of a streamed/]
  ],
  [
    "knows nothing",
    (send) => (request) =>
      Effect.mapError(send(request), (error) => (Failure.isFailure(error) ? unsafely(error, Evidence.unknown) : error)),
    [/refused connection safe/, /does not trust safe/, /does not resolve safe/]
  ],
  [
    "takes a cut body for a whole one",
    (send) => (request) => onBody(send(request), (body) => Stream.orElseSucceed(body, () => new Uint8Array())),
    [/whole body, then fails on the body's channel: fin/, /streamed body, .*: reset/, /no byte of a body comes/]
  ],
  [
    "waits for the whole body",
    (send) => (request) =>
      onBody(send(request), (body) =>
        Stream.unwrap(Effect.map(Stream.runCollect(body), (chunks) => Stream.fromIterable(chunks)))
      ),
    [/as they come, before its end/, /what came of a streamed body/]
  ],
  [
    "lets go of nothing",
    (send) => (request) => Effect.flatMap(Scope.make(), (scope) => Scope.provide(send(request), scope)),
    [/when it is interrupted in the body/, /not read to its end when its scope closes/]
  ],
  [
    "has no limits of its own",
    (send) => (request) =>
      send({ ...request, limits: TimeLimits.resolve({ connect: false, headers: false, liveness: false }) }),
    [/time to the head of a streamed/, /no byte of a body comes/, /time to a connection/]
  ],
  [
    "forgets the whole",
    (send) => (request) => send({ ...request, limits: { ...(request.limits ?? TimeLimits.defaults), totalMs: 0 } }),
    [/limits the whole attempt before the head/, /attempt in the body/, /attempt before it has a connection/]
  ],
  [
    "counts the whole after its end",
    (send) => (request) =>
      Effect.tap(send(request), () =>
        Effect.forkDetach(
          Effect.delay(
            Effect.scoped(Effect.flatMap(send({ ...request, connection: "fresh" }), ({ discard }) => discard)),
            "100 millis"
          )
        )
      ),
    [/does not limit an attempt that is over in time/]
  ],
  [
    "listens to no layer above",
    (send) => (request) => onEnd(send(request), () => () => Effect.void),
    [/which its reader is told/, /before anybody reads it/]
  ],
  [
    "has one word for every limit",
    (send) => (request) =>
      onEnd(
        send(request),
        ({ end }) =>
          () =>
            end(new Reason.HeadersTimeout({ limitMs: 7 }))
      ),
    [/which its reader is told/, /before anybody reads it/]
  ],
  [
    "ends what has ended",
    (send) => (request) => onEnd(send({ ...request, connection: "fresh" }), ({ end }) => end),
    [/end nothing that has ended/]
  ],
  ["reads a body ahead", onUpload((body) => collect(body, Number.POSITIVE_INFINITY)), [/no more than the peer takes/]],
  ["sends the beginning of a body", onUpload((body) => collect(body, 1)), [/whole and in order/]],
  [
    "limits the head of every answer",
    (send) => (request) => send({ ...request, streaming: true }),
    [/does not hold the head of a whole answer to the limit of streamed ones/]
  ],
  [
    "deafens itself to signals",
    (send) => (request) => send(Struct.omit(request, ["signal"])),
    [/signal is aborted already/, /caller's signal aborts before the head/]
  ],
  [
    "takes any connection",
    (send) => (request) => send(Struct.omit(request, ["connection"])),
    [/carried nothing where the request insists/]
  ],
  [
    "sends more than it was given",
    (send) => (request) => send({ ...request, headers: { ...request.headers, traceparent: "00-1-2-01" } }),
    [/and no trace headers/]
  ],
  [
    "prints secrets",
    (send) => (request) => {
      const bare = Object.entries(request.headers).map(([name, value]) => [
        Redacted.isRedacted(value) ? `x-${Redacted.value(value).slice(0, 30)}` : name,
        "a value\n"
      ])
      return Effect.mapError(send({ ...request, headers: Object.fromEntries(bare) }), (error) =>
        Object.assign(error, { toString: () => JSON.stringify(bare) })
      )
    },
    [/and does not print it/]
  ],
  [
    "mends what cannot be sent",
    (send) => (request) => send({ ...request, url: URL.parse(request.url)?.href ?? "http://127.0.0.1:9" }),
    [/refuses no URL/, /without a scheme/, /all that is wrong/]
  ]
]

layer(FaultServer.layer(config), { excludeTestServices: true })("a transport is found out that", (it) => {
  it.effect("does nothing otherwise, as keeping the laws", () =>
    Effect.forEach([...input, ...exchange, ...failures, ...uploads], ({ holds }) =>
      holds.pipe(Effect.scoped, Effect.provide(otherwise((send) => send)))
    )
  )

  it.effect.each(culprits)("%s", ([, change, breaks]) =>
    Effect.gen(function* () {
      for (const pattern of breaks) {
        const accused = laws.filter(({ says }) => pattern.test(says))
        assert.isAbove(accused.length, 0, `no law like ${pattern}`)
        for (const { holds, says } of accused) {
          const held = yield* holds.pipe(
            Effect.scoped,
            Effect.provide(otherwise(change)),
            Effect.timeout("3 seconds"),
            Effect.as(true),
            Effect.catchCause(() => Effect.succeed(false))
          )
          assert.isFalse(held, `it kept the law: ${says}`)
        }
      }
    })
  )
})
