/** What the tests of proxies share: providers to reach, who we are, and proxies that do what they are told. */
import type * as Net from "node:net"
import { inspect } from "node:util"
import { assert } from "@effect/vitest"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { prepare } from "./harness.ts"
import { user } from "./proxies.ts"
import { rawServer } from "./rawServer.ts"

export const servers = FaultServer.layer({
  endpoints: { plain: {}, a: { tls: "good" }, own: { tls: "self-signed" }, elsewhere: { tls: "wrong-host" } }
})

/** The provider behind TLS, by a name. */
export const provider = Effect.gen(function* () {
  const { ca = "", port } = yield* prepare([])
  return { origin: `https://localhost:${port}`, port, ca }
})

/** A proxy that does with each request for a tunnel what it is told. */
export const scripted = (onAsked: (socket: Net.Socket, asked: Buffer) => void) =>
  rawServer((socket) => socket.once("data", (asked) => onAsked(socket, asked)))

export const credentials = { username: user.name, password: Redacted.make(user.password) }
export const encoded = Buffer.from(`${user.name}:${user.password}`).toString("base64")

/** Nothing of the credentials, in whatever way it is looked at. */
export const assertNoSecrets = (...values: ReadonlyArray<unknown>): void => {
  for (const value of values) {
    const text = `${JSON.stringify(value)} ${String(value)} ${inspect(value, { depth: 10, showHidden: true })}`
    for (const secret of [user.password, encodeURIComponent(user.password), encoded]) assert.notInclude(text, secret)
  }
}
