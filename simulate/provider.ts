/**
 * A simulated provider. It is the truth about itself: it knows what it received, what it ran and for whom; an agent
 * learns what a transport could observe.
 */
import type * as Candidate from "@holdfast/core/Candidate"
import type * as Declaration from "@holdfast/core/Declaration"
import type * as Evidence from "@holdfast/core/Evidence"
import type * as Exposure from "@holdfast/core/Exposure"
import * as Failure from "@holdfast/core/Failure"
import * as Reason from "@holdfast/core/Reason"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Dice } from "./dice.ts"
import type { Load } from "./load.ts"
import type { CallTruth, Connection } from "./truth.ts"
import * as Weather from "./weather.ts"

/** An answer. Who gave it is written in it, as providers do. */
export interface Reply {
  readonly by: Candidate.Candidate
}

/** A part of a streamed answer. */
export interface Part extends Reply {
  readonly gives: Exposure.Exposure
}

/** One attempt, as the provider and its network see it. */
export interface Request {
  readonly call: CallTruth
  readonly connection: Connection
  readonly wants: "any" | "fresh"
  /** What the app says of the call. */
  readonly declaration: Declaration.Declaration
}

/** What a provider is made of. */
export interface Options {
  readonly candidate: Candidate.Candidate
  readonly place: number
  readonly dice: Dice
  readonly load: Load
  readonly clock: Clock.Clock
  readonly outages: ReadonlyArray<Weather.Outage>
  /** The median of the time an answer takes when all is well. */
  readonly latencyMs: number
  readonly requestsPerMinute: number
  /** How many times the usual faults it has on a good day. */
  readonly faults: number
}

/** How an attempt ends, and after how long. */
interface Fate {
  readonly afterMs: number
  readonly failure: Failure.Failure | undefined
}

/** How long it idles before it closes a connection. One edge that was measured does so at exactly 400 s. */
const idleLimitMs = 400_000
// Of connections idle for 5 to 15 minutes 42% were found reset, of those idle for less than 10 s 4% (claude-code 89608).
const staleBeyondLimit = 0.42
const staleWithinLimit = 0.005
/** How often a request on a connection that seemed closed was run all the same. */
const ranThoughStale = 0.02
/** Faults on a good day, each by its share of attempts. */
const faults = { lost: 0.001, truncated: 0.0015, slow: 0.0002, serverError: 0.001 }
const headersLimitMs = 60_000
/** After an outage: how long it is slow, how many times slower at first, and how often it refuses at first. */
const warming = { forMs: 120_000, slower: 3, refuses: 0.3 }
const noticedAfterMs = 250
const minute = 60_000

/** A provider. */
export class Provider {
  readonly options: Options
  private readonly weather: (now: number) => Weather.Weather
  private minute = 0
  private inMinute = 0

  constructor(options: Options) {
    this.options = options
    this.weather = Weather.reader(options.outages)
  }

  /** Puts an attempt to it. Its fate depends on when it comes, and on the weather until its answer would be whole. */
  ask(request: Request): Effect.Effect<Reply, Failure.Failure> {
    return Effect.suspend(() => {
      const { afterMs, failure } = this.receive(request)
      const reply: Reply = { by: this.options.candidate }
      return Effect.flatMap(Effect.sleep(afterMs), () => this.ended(request, failure, reply))
    })
  }

  /** Puts an attempt to it whose answer is streamed: a sign of life, then a text, a call of a tool, and the end. */
  stream(request: Request): Stream.Stream<Part, Failure.Failure> {
    const by = this.options.candidate
    const part = (gives: Exposure.Exposure): Part => ({ by, gives })
    return Stream.unwrap(
      Effect.suspend(() => {
        const fate = this.receive(request)
        // A connection that breaks does so before the first content or after a tool has been called.
        const breaks = fate.failure !== undefined && isMidAnswer(fate.failure) && this.options.dice.chance(0.5)
        const end = Stream.fromEffectDrain(this.ended(request, fate.failure, undefined))
        const parts: ReadonlyArray<Part> =
          fate.failure === undefined || breaks ? [part("nothing"), part("output"), part("tool-call")] : []
        return Effect.as(
          Effect.sleep(fate.afterMs),
          fate.failure === undefined ? Stream.fromArray(parts) : Stream.concat(Stream.fromArray(parts), end)
        )
      })
    )
  }

  private ended<A>(
    request: Request,
    failure: Failure.Failure | undefined,
    value: A
  ): Effect.Effect<A, Failure.Failure> {
    return Effect.suspend(() => {
      const { connection } = request
      connection.lastUsedAt = this.now()
      if (failure === undefined) {
        connection.served++
        return Effect.succeed(value)
      }
      if (!keepsConnection(failure)) connection.openedAt = -Infinity
      return Effect.fail(failure)
    })
  }

  private now(): number {
    return this.options.clock.currentTimeMillisUnsafe()
  }

  private receive(request: Request): Fate {
    const now = this.now()
    const weather = this.weather(now)
    this.options.load.arrived(request.call.arrivesAt(this.options.place), now, weather.outage)
    const on = this.connect(request, now)
    if (weather.outage?.trouble === "refused") return this.refused(request)
    const stale = this.stale(request, on)
    if (stale !== undefined) return stale
    if (weather.outage !== undefined) return this.down(request, weather.outage.trouble, on)
    if (this.overLimit(now)) return this.limited(request, now, on)
    const cold = Math.max(0, 1 - (now - weather.recoveredAt) / warming.forMs)
    if (cold > 0 && this.options.dice.chance(cold * warming.refuses)) return this.down(request, "overloaded", on)
    return this.answers(request, now, on, weather, 1 + cold * (warming.slower - 1))
  }

  /** The connection that carries an attempt: the agent's own if it is still open, else a new one. */
  private connect({ connection, wants }: Request, now: number): Evidence.Connection {
    const reuses = wants === "any" && connection.openedAt >= 0
    if (!reuses) {
      connection.openedAt = now
      connection.lastUsedAt = now
      connection.served = 0
    }
    return {
      reused: reuses,
      ageMs: now - connection.openedAt,
      idleMs: now - connection.lastUsedAt,
      requestsServed: connection.served
    }
  }

  /** A reused connection that was closed while it idled, which is noticed too late. */
  private stale(request: Request, on: Evidence.Connection): Fate | undefined {
    const { dice } = this.options
    if (!on.reused || !dice.chance(on.idleMs > idleLimitMs ? staleBeyondLimit : staleWithinLimit)) return undefined
    if (dice.chance(ranThoughStale)) this.run(request)
    return this.fails(request, noticedAfterMs, new Reason.StaleConnection({ idleMs: on.idleMs, how: "fin" }), {
      ...sent(on),
      closed: "peer-fin"
    })
  }

  private refused(request: Request): Fate {
    const host = this.options.candidate.endpoint ?? this.options.candidate.provider
    return this.fails(request, 20, new Reason.ConnectFailure({ host, code: "ECONNREFUSED", addresses: [] }), {
      _tag: "Observed",
      phase: "connecting",
      bytesWritten: 0,
      bytesRead: 0
    })
  }

  private down(request: Request, trouble: Exclude<Weather.Trouble, "refused">, on: Evidence.Connection): Fate {
    if (trouble === "overloaded") {
      const reason = new Reason.Overloaded({ rule: "status-529", status: 529 })
      return this.fails(request, 150, reason, answered(on, 529, true))
    }
    // One in a hundred had gone through before the gateway gave up on it.
    if (this.options.dice.chance(0.01)) this.run(request)
    const reason = new Reason.ServerError({ rule: "status-503", status: 503, from: "intermediary" })
    return this.fails(request, 150, reason, answered(on, 503, false))
  }

  private overLimit(now: number): boolean {
    const at = Math.floor(now / minute)
    if (at !== this.minute) {
      this.minute = at
      this.inMinute = 0
    }
    if (this.inMinute >= this.options.requestsPerMinute) return true
    this.inMinute++
    return false
  }

  private limited(request: Request, now: number, on: Evidence.Connection): Fate {
    this.options.load.limited++
    const reason = new Reason.RateLimited({
      rule: "status-429",
      status: 429,
      limited: "credential",
      retryAfterMs: Math.ceil((minute - (now % minute)) / 1000) * 1000
    })
    return this.fails(request, 100, reason, answered(on, 429, true))
  }

  private answers(
    request: Request,
    now: number,
    on: Evidence.Connection,
    weather: Weather.Weather,
    slower: number
  ): Fate {
    const { dice } = this.options
    const takes = Math.ceil(Math.min(55_000, dice.logNormal(this.options.latencyMs, 0.6) * slower))
    const { next } = weather
    if (next?.trouble === "refused" && next.from < now + takes) {
      // It goes down under the attempt.
      if (dice.chance(0.5)) this.run(request)
      return this.lost(request, next.from - now, on)
    }
    const roll = dice.next() / this.options.faults
    if (roll < faults.slow) {
      this.run(request)
      return this.fails(request, headersLimitMs, new Reason.HeadersTimeout({ limitMs: headersLimitMs }), {
        ...sent(on),
        closed: "local-limit"
      })
    }
    if (roll < faults.slow + faults.serverError) {
      if (dice.chance(0.5)) this.run(request)
      const reason = new Reason.ServerError({ rule: "status-500", status: 500, from: "provider" })
      return this.fails(request, takes, reason, answered(on, 500, false))
    }
    this.run(request)
    if (roll < faults.slow + faults.serverError + faults.lost) return this.lost(request, takes, on)
    if (roll < faults.slow + faults.serverError + faults.lost + faults.truncated) {
      return this.fails(request, takes, new Reason.StreamTruncated({ missing: "message_stop" }), {
        ...begun(on),
        closed: "peer-fin"
      })
    }
    return { afterMs: takes, failure: undefined }
  }

  private lost(request: Request, afterMs: number, on: Evidence.Connection): Fate {
    return this.fails(request, afterMs, new Reason.ConnectionLost({ how: "reset", during: "body" }), {
      ...begun(on),
      closed: "peer-reset"
    })
  }

  /** It runs the model, and with it the tools of its own that the call has. */
  private run({ call }: Request): void {
    this.options.load.ran++
    if (call.kind === "provider-tools") call.turn.providerRan(call.step)
  }

  private fails(request: Request, afterMs: number, reason: Reason.Reason, evidence: Evidence.Evidence): Fate {
    const { candidate } = this.options
    return { afterMs, failure: Failure.make({ reason, evidence, candidate, declaration: request.declaration }) }
  }
}

/** Whether the answer had begun when the attempt failed. */
const isMidAnswer = ({ reason }: Failure.Failure): boolean =>
  reason._tag === "ConnectionLost" || reason._tag === "StreamTruncated"

/** Whether the connection outlives the failure: that of an attempt that was answered does. */
const keepsConnection = ({ evidence }: Failure.Failure): boolean => (evidence.status ?? 0) >= 400

const sent = (connection: Evidence.Connection): Evidence.Observed => ({
  _tag: "Observed",
  phase: "waiting",
  bytesWritten: 4096,
  bytesRead: 0,
  connection
})

const begun = (connection: Evidence.Connection): Evidence.Observed => ({
  ...sent(connection),
  phase: "responding",
  bytesRead: 512,
  status: 200
})

const answered = (connection: Evidence.Connection, status: number, notRun: boolean): Evidence.Observed => ({
  ...begun(connection),
  status,
  ...(notRun ? { notRun: true as const } : undefined)
})
