/**
 * How long an attempt is to wait, so that a provider takes it: by the requests and tokens a minute that its settings name,
 * and by what its answers have said.
 *
 * Configured limits are counted per provider and credential, in token buckets of the limit's size, as the large providers
 * count them themselves; their store may be shared by a fleet. What answers say is kept in the process, per provider,
 * credential and model, because most providers count each model by itself. It makes nobody wait until one has said that
 * nothing remains; where the wait would be longer than a minute the attempt is made all the same, and the policy decides
 * on what the provider says to it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import * as Layer from "effect/Layer"
import * as RateLimiter from "effect/persistence/RateLimiter"
import type { Candidate } from "./Candidate.ts"
import type { HttpRequest } from "./HttpTransport.ts"
import { isSpent, Learnt } from "./internal/rateLimits/learnt.ts"
import type { TooLate } from "./internal/rateLimits/line.ts"
import type { Provider } from "./ProviderRegistry.ts"

/** What an answer says of one rate limit. */
export interface RateLimit {
  readonly counted: "requests" | "tokens"
  /** Its size, where it is said. */
  readonly limit?: number
  /** What is left of it. Below 0 says nothing. */
  readonly remaining: number
  /** Until all of it is there again, in milliseconds. Read only where nothing remains. */
  readonly resetMs: number
  /** Until the next request is taken, in milliseconds, where that is said by itself. */
  readonly nextMs?: number
}

/** Reads what an answer says of rate limits, by the time that it came, in milliseconds since 1970. */
export type ReadRateLimits = (headers: Headers.Headers, at: number) => ReadonlyArray<RateLimit>

/** A limit that nothing remains of, by the provider's own word. */
export interface Short {
  /** Whose it is: of its provider, for its model and credential. */
  readonly candidate: Candidate
  readonly counted: RateLimit["counted"]
  /** Until it is full again, in milliseconds. */
  readonly resetMs: number
}

/** The place of an attempt: what it waits for. */
export interface Place {
  /** How long the attempt is going to wait, as far as is known, in milliseconds. */
  readonly dueMs: number
  /** Waits. Fails once it is known that the attempt cannot begin before `endsAt`. */
  readonly wait: (endsAt: number) => Effect.Effect<void, TooLate>
  /** For an attempt that is not made: what was set aside for it is left to others. */
  readonly giveBack: Effect.Effect<void>
}

/**
 * The longest that an attempt waits for what was learnt, in milliseconds. As long as the default policy waits for a
 * provider that asks for it (`FailoverPolicy.longestRetryAfterMs`): for more, another candidate is better.
 */
export const longestLearntMs = 60_000

/** What an attempt takes. */
interface Need {
  readonly requests: number
  readonly tokens: number
}

/** What was learnt of a candidate. */
interface Known extends Readonly<Record<RateLimit["counted"], Learnt>> {
  readonly candidate: Candidate
}

const both = ["requests", "tokens"] as const

// More than any app has candidates.
const mostLearnt = 1024

/**
 * The tokens of a request, as its body tells: one for every four characters or bytes, which is what OpenAI gives as the
 * rule of thumb for English. What the answer will hold is not among them, and images and files count too much. 0 without a
 * body; 1 for one that comes as it is made.
 */
export const tokensOf = ({ body }: Pick<HttpRequest, "body">): number => {
  if (body === undefined) return 0
  if (typeof body === "string") return Math.ceil(body.length / 4)
  return body instanceof Uint8Array ? Math.ceil(body.byteLength / 4) : 1
}

const isLimit = (perMinute: number | undefined): perMinute is number =>
  perMinute !== undefined && perMinute >= 1 && perMinute <= Number.MAX_SAFE_INTEGER

const keyOf = ({ credential = "", model, provider }: Candidate): string => `${provider}\n${credential}\n${model}`

/** Needs the limiter that counts the configured limits. */
export const make: Effect.Effect<RateLimits["Service"], never, RateLimiter.RateLimiter> = Effect.gen(function* () {
  const limiter = yield* RateLimiter.RateLimiter
  const clock = yield* Clock.Clock
  const learnt = new Map<string, Known>()
  const now = () => clock.currentTimeMillisUnsafe()

  const consume = (key: string, limit: number, tokens: number): Effect.Effect<number> =>
    limiter.consume({ key, limit, tokens, window: minute, algorithm: "token-bucket", onExceeded: "delay" }).pipe(
      Effect.map(({ delay }) => Math.ceil(Duration.toMillis(delay))),
      // A store that is out of order must not keep anybody from the provider.
      Effect.catch((error) => Effect.as(Effect.logDebug(`Rate limits are not counted: ${error.message}`), 0))
    )

  /** Takes from the configured limits, or, the other way round, gives back. */
  const set = Effect.fnUntraced(function* (
    provider: Provider,
    { credential = "" }: Candidate,
    need: Need,
    sign: 1 | -1
  ) {
    const { requestsPerMinute, tokensPerMinute } = provider
    const of = `${encodeURIComponent(provider.id)}:${encodeURIComponent(credential)}`
    let delayMs = 0
    if (isLimit(requestsPerMinute)) {
      delayMs = yield* consume(`holdfast:requests:${of}`, requestsPerMinute, sign * need.requests)
    }
    if (isLimit(tokensPerMinute) && need.tokens > 0) {
      // What is larger than the limit is the provider's to refuse.
      const tokens = sign * Math.min(need.tokens, tokensPerMinute)
      delayMs = Math.max(delayMs, yield* consume(`holdfast:tokens:${of}`, tokensPerMinute, tokens))
    }
    return delayMs
  })

  /** What was learnt of a candidate, if it says that something is short. */
  const learntOf = (candidate: Candidate): Known | undefined => {
    if (learnt.size === 0) return undefined
    const key = keyOf(candidate)
    const known = learnt.get(key)
    if (known === undefined || !isOver(known)) return known
    learnt.delete(key)
    return undefined
  }

  const sweep = (): void => {
    for (const [key, known] of learnt) if (isOver(known)) learnt.delete(key)
  }

  const learn = (candidate: Candidate, limits: ReadonlyArray<RateLimit>): void => {
    let known = learntOf(candidate)
    if (known === undefined) {
      if (!limits.some(isSpent)) return
      if (learnt.size >= mostLearnt) sweep()
      if (learnt.size >= mostLearnt) return
      known = { candidate, requests: new Learnt(now), tokens: new Learnt(now) }
      learnt.set(keyOf(candidate), known)
    }
    for (const counted of both) known[counted].heard(limits.filter((limit) => limit.counted === counted))
  }

  /** The place of an attempt by what was learnt until now. */
  const byWord = (candidate: Candidate, need: Need): Place => {
    const known = learntOf(candidate)
    if (known === undefined) return atOnce
    const needed = both.filter((counted) => need[counted] > 0)
    const dueMs = Math.max(...needed.map((counted) => known[counted].dueMs(need[counted])))
    // Whom the provider would have wait longer asks it at once, and hears so.
    if (dueMs > longestLearntMs) return atOnce
    const lastAt = now() + longestLearntMs
    return {
      dueMs,
      wait: (endsAt) =>
        Effect.forEach(needed, (counted) => known[counted].wait(need[counted], lastAt, endsAt), { discard: true }),
      giveBack: Effect.void
    }
  }

  const asSet = Effect.fnUntraced(function* (provider: Provider, candidate: Candidate, need: Need) {
    const delayMs = yield* set(provider, candidate, need, 1)
    const readyAt = now() + delayMs
    const place: Place = {
      dueMs: delayMs,
      wait: (endsAt) =>
        readyAt >= endsAt ? Effect.fail({ _tag: "TooLate" }) : Effect.sleep(Math.max(0, readyAt - now())),
      giveBack: Effect.asVoid(Effect.suspend(() => set(provider, candidate, need, -1)))
    }
    return place
  })

  return {
    mayWait: (provider, candidate) => isSet(provider) || learntOf(candidate) !== undefined,
    place: Effect.fnUntraced(function* (provider, candidate, tokens) {
      const need: Need = { requests: 1, tokens }
      const said = byWord(candidate, need)
      if (!isSet(provider)) return said
      const reserved = yield* asSet(provider, candidate, need)
      return {
        dueMs: Math.max(reserved.dueMs, said.dueMs),
        wait: (endsAt) =>
          Effect.andThen(
            reserved.wait(endsAt),
            // More may have been learnt meanwhile.
            Effect.suspend(() => byWord(candidate, need).wait(endsAt))
          ),
        giveBack: reserved.giveBack
      }
    }),
    heard: ({ readRateLimits }, candidate, headers) => {
      const limits = readRateLimits?.(headers, now()) ?? []
      if (limits.length > 0) learn(candidate, limits)
    },
    short: () =>
      Array.from(learnt.values()).flatMap((known) =>
        both
          .map((counted): Short => ({ candidate: known.candidate, counted, resetMs: known[counted].resetMs() }))
          .filter(({ resetMs }) => resetMs > 0)
      )
  }
})

const isSet = ({ requestsPerMinute, tokensPerMinute }: Provider): boolean =>
  isLimit(requestsPerMinute) || isLimit(tokensPerMinute)

const isOver = ({ requests, tokens }: Known): boolean => requests.isOver() && tokens.isOver()

const minute = Duration.minutes(1)

/** The place of an attempt that waits for nothing. */
export const atOnce: Place = { dueMs: 0, wait: () => Effect.void, giveBack: Effect.void }

/** Says how long attempts are to wait. */
export class RateLimits extends Context.Service<
  RateLimits,
  {
    /** Whether an attempt may have to wait: a limit is set, or something is short. It costs a look-up. */
    readonly mayWait: (provider: Provider, candidate: Candidate) => boolean
    /** A place for an attempt of so many tokens; taken from the limits that are set. */
    readonly place: (provider: Provider, candidate: Candidate, tokens: number) => Effect.Effect<Place>
    /** Takes in what an answer says. */
    readonly heard: (provider: Provider, candidate: Candidate, headers: Headers.Headers) => void
    /** What is short at this moment, by the providers' own word. */
    readonly short: () => ReadonlyArray<Short>
  }
>()("@holdfast/core/RateLimits") {
  /** Counts in a limiter of the app's, whose store a fleet may share (`RateLimiter.layerStoreRedis`). */
  static readonly layerNoDeps: Layer.Layer<RateLimits, never, RateLimiter.RateLimiter> = Layer.effect(RateLimits, make)

  /** Counts in this process. */
  static readonly layer: Layer.Layer<RateLimits> = this.layerNoDeps.pipe(
    Layer.provide(RateLimiter.layer),
    Layer.provide(RateLimiter.layerStoreMemory)
  )
}
