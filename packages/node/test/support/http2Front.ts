/** nginx or haproxy, speaking HTTP/2 over TLS, in front of an upstream that speaks HTTP/1.1 in the clear. */
import type { Running } from "@holdfast/testing/Program"
import type * as Program from "@holdfast/testing/Program"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Name } from "./front.ts"
import { serve } from "./front.ts"
import { localCertificate } from "./localCertificate.ts"

/** A server in front of an upstream. */
export interface Http2Front extends Running {
  readonly origin: string
  /** The certificate to trust. */
  readonly ca: string
}

export interface Setup {
  /** The upstream, as `http://host:port`. */
  readonly upstream: string
  /** Milliseconds after which it closes an idle connection. Default 5 s. */
  readonly idleMs?: number
}

/** Starts a server in front of an upstream, for the life of a scope. */
export const make = (
  name: Name,
  { idleMs = 5000, upstream }: Setup
): Effect.Effect<Http2Front, Program.ProgramError, Scope.Scope> =>
  Effect.gen(function* () {
    const certificate = yield* Effect.promise(localCertificate)
    const running = yield* serve(name, { upstream: new URL(upstream).host, idleMs, certificate })
    return { ...running, origin: `https://localhost:${running.ports[0]}`, ca: certificate.cert }
  })
