/**
 * Asks a SOCKS5 proxy for a connection (RFC 1928, RFC 1929).
 *
 * undici's client for it prints a warning that it is experimental, and does not notice that the proxy has gone.
 */
import * as Net from "node:net"
import type { Refusal } from "./failure.ts"
import { closed } from "./failure.ts"
import type { Credentials } from "./proxy.ts"
import { passwordOf } from "./proxy.ts"

/** Where the connection is to lead. */
export interface Target {
  /** An address of IPv6 without its brackets. */
  readonly host: string
  readonly port: number
}

// RFC 1928 section 6.
const replies: ReadonlyArray<string> = [
  "",
  "SOCKS_GENERAL_FAILURE",
  "SOCKS_NOT_ALLOWED",
  "SOCKS_NETWORK_UNREACHABLE",
  "SOCKS_HOST_UNREACHABLE",
  "SOCKS_CONNECTION_REFUSED",
  "SOCKS_TTL_EXPIRED",
  "SOCKS_COMMAND_NOT_SUPPORTED",
  "SOCKS_ADDRESS_NOT_SUPPORTED"
]

const malformed = "SOCKS_MALFORMED"

/** Asks on a socket of the proxy's; ends with nothing once the socket leads to the target. */
export const askSocks = (
  socket: Net.Socket,
  target: Target,
  credentials: Credentials | undefined,
  done: (refusal: Refusal | undefined) => void
): void => {
  const talk = conversation(target, credentials)
  let turn = talk.next()
  const say = () => {
    if (turn.done !== true && turn.value.say !== undefined) socket.write(turn.value.say)
  }
  const finish = (refusal: Refusal | undefined) => {
    socket.off("readable", onReadable)
    done(refusal)
  }
  const onReadable = () => {
    while (turn.done !== true) {
      const heard: Buffer | null = socket.read(turn.value.hear)
      if (heard === null) return
      // All that was left when the proxy closed.
      if (heard.length < turn.value.hear) return finish(closed)
      turn = talk.next(heard)
      say()
    }
    finish(turn.value === undefined ? undefined : { code: turn.value })
  }
  socket.on("readable", onReadable)
  say()
}

/** What is said, if anything, and how many bytes are then waited for. */
interface Turn {
  readonly say?: Buffer
  readonly hear: number
}

/** Ends with a code where the proxy does not do as asked. */
function* conversation(
  target: Target,
  credentials: Credentials | undefined
): Generator<Turn, string | undefined, Buffer> {
  if (Buffer.byteLength(target.host) > 255) return "SOCKS_ADDRESS_NOT_SUPPORTED"
  const methods = credentials === undefined ? [0] : [0, 2]
  const chosen = yield { say: Buffer.of(5, methods.length, ...methods), hear: 2 }
  if (chosen[0] !== 5) return malformed
  if (chosen[1] === 2 && credentials !== undefined) {
    const answer = yield { say: introduction(credentials), hear: 2 }
    if (answer[0] !== 1) return malformed
    if (answer[1] !== 0) return "SOCKS_CREDENTIALS_REFUSED"
  } else if (chosen[1] === 0xff) {
    return credentials === undefined ? "SOCKS_CREDENTIALS_WANTED" : "SOCKS_CREDENTIALS_NOT_TAKEN"
  } else if (chosen[1] !== 0) {
    return malformed
  }

  const port = Buffer.alloc(2)
  port.writeUInt16BE(target.port)
  const reply = yield { say: Buffer.concat([Buffer.of(5, 1, 0), address(target.host), port]), hear: 4 }
  if (reply[0] !== 5) return malformed
  const code = reply[1] ?? 0
  if (code !== 0) return replies[code] ?? `SOCKS_REPLY_${code}`
  // The address that the proxy bound is of no use here, but it comes before the target's own bytes.
  switch (reply[3]) {
    case 1:
      yield { hear: 4 + 2 }
      return undefined
    case 3: {
      const length = yield { hear: 1 }
      yield { hear: (length[0] ?? 0) + 2 }
      return undefined
    }
    case 4:
      yield { hear: 16 + 2 }
      return undefined
    default:
      return malformed
  }
}

const introduction = (credentials: Credentials): Buffer => {
  const user = Buffer.from(credentials.username)
  const pass = Buffer.from(passwordOf(credentials))
  return Buffer.concat([Buffer.of(1, user.length), user, Buffer.of(pass.length), pass])
}

/** A host name goes as it is: the proxy looks it up. */
const address = (host: string): Buffer => {
  switch (Net.isIP(host)) {
    case 4:
      return Buffer.of(1, ...host.split(".").map(Number))
    case 6:
      return Buffer.concat([Buffer.of(4), ipv6(host)])
    default:
      return Buffer.concat([Buffer.of(3, Buffer.byteLength(host)), Buffer.from(host)])
  }
}

/** The 16 bytes of an address as URLs have it: groups in hexadecimal, at most one run of zeros left out. */
const ipv6 = (host: string): Buffer => {
  const [before = "", after] = host.split("::")
  const head = groupsOf(before)
  const tail = groupsOf(after ?? "")
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0")
  return Buffer.from([...head, ...zeros, ...tail].map((group) => group.padStart(4, "0")).join(""), "hex")
}

const groupsOf = (part: string): ReadonlyArray<string> => (part === "" ? [] : part.split(":"))
