/** HTTP/2 peers that write their frames by hand, in this process and in one of their own. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type { PoolOptions } from "../../src/Dispatcher.ts"
import type { Options, Peer } from "../support/rawHttp2.ts"
import { rawHttp2 } from "../support/rawHttp2.ts"
import { idleMs } from "./afterBusyLoop.ts"
import type { Cell, Scene, Seen, Stage } from "./row.ts"
import { nameOf } from "./row.ts"

/** What the peer does with the stream of an attempt. */
export type Deed = (peer: Peer, stream: number) => void

/** What else is set up. */
export interface How extends Pick<Stage, "asked" | "attempt"> {
  readonly options?: Options
  readonly pool?: PoolOptions
}

/** The tag travels as the text that the model is told: the peer reads no header. */
const carries = (body: string, tag: string): boolean => body.includes(`"content":"${tag}"`)

const bodiesOf = ({ requests }: Peer, tag: string): ReadonlyArray<string> =>
  [...requests.values()].filter((body) => carries(body, tag))

/** A peer that does something with attempts, and answers anything else. */
export const over =
  (deed: Deed, { asked, attempt, options, pool }: How = {}): Scene =>
  (cells) =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream, body) => {
          if (cells.some(({ tag }) => carries(body, tag))) deed(peer, stream)
          else peer.answer(stream)
        }
      }, options)
      const peersOf = (tag: string) => server.peers.filter((peer) => bodiesOf(peer, tag).length > 0)
      const seen = (tag: string): Seen => {
        const complete = peersOf(tag).flatMap((peer) => bodiesOf(peer, tag)).length
        // It runs whatever it has, whatever it says.
        const open = peersOf(tag).some(({ socket }) => !socket.destroyed)
        return { requests: complete, complete, ran: complete, open }
      }
      return {
        origin: server.origin,
        pool: { tls: { ca: server.ca }, http2: true, ...pool },
        isWhole: (text: string) => text === "fine",
        seen: (tag: string) => Effect.sync(() => seen(tag)),
        connectionOf: (tag: string) => peersOf(tag)[0],
        asked: (cell: Cell) => ({ text: nameOf(cell), ...asked?.(cell) }),
        ...(attempt === undefined ? undefined : { attempt })
      }
    })

/** A process with a peer that closes what has been idle for a while; it ends with this one. */
interface IdlePeer {
  readonly ca: string
  readonly port: number
  readonly received: (text: string) => Effect.Effect<number>
}

const startIdlePeer = async (how: string): Promise<IdlePeer> => {
  const file = fileURLToPath(new URL("../programs/idleHttp2.ts", import.meta.url))
  const execArgv = ["--no-warnings", "--conditions=@holdfast/source"]
  const child = fork(file, [how, String(idleMs)], { execArgv })
  child.unref()
  child.channel?.unref()
  const heard = async (): Promise<unknown> => (await once(child, "message"))[0]
  const { ca, port } = (await heard()) as { readonly ca: string; readonly port: number }
  const received = (text: string) =>
    Effect.promise(async () => {
      const answer = heard()
      child.send(text)
      return ((await answer) as { readonly received: number }).received
    })
  return { ca, port, received }
}

const idlePeers = new Map<string, Promise<IdlePeer>>()

/** It takes longer to start than to play, so rows share it. */
export const idlePeer = (how: "fin" | "reset"): Promise<IdlePeer> => {
  const peer = idlePeers.get(how) ?? startIdlePeer(how)
  idlePeers.set(how, peer)
  return peer
}
