/**
 * An HTTP/2 server that closes a connection once it has been idle for a while after a request that says so: `fin` or
 * `reset`, and milliseconds. Asked over the channel to its parent, it tells how many requests of a text it has had in
 * full; it ends with that.
 */
import * as Effect from "effect/Effect"
import { rawHttp2 } from "../support/rawHttp2.ts"

const [how = "fin", idleMs = "0"] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const { ca, peers, port } = yield* rawHttp2((peer) => {
    peer.onRequest = (stream, body) => {
      peer.answer(stream)
      if (body.includes(", before")) setTimeout(() => (how === "fin" ? peer.fin() : peer.reset()), Number(idleMs))
    }
  })
  process.on("message", (text: string) => {
    const bodies = peers.flatMap(({ requests }) => [...requests.values()])
    process.send?.({ received: bodies.filter((body) => body.includes(`"content":"${text}"`)).length })
  })
  process.send?.({ port, ca })
  return yield* Effect.never
})

process.on("disconnect", () => process.exit())
void Effect.runFork(Effect.scoped(program))
