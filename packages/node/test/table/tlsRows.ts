/** The connect phase: TLS, and connections that end as soon as they stand. */
import type * as Net from "node:net"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as Effect from "effect/Effect"
import { prepare } from "../support/harness.ts"
import { rawServer } from "../support/rawServer.ts"
import { rawHttp2 } from "../support/rawHttp2.ts"
import { endpoint, fails, row } from "./connectScenes.ts"
import type { Row } from "./row.ts"
import { nothing, once } from "./row.ts"
import type { Elsewhere } from "./scenes.ts"
import { scripted, seenBy } from "./scenes.ts"

const { atAccept, cut, on } = FaultScript

const certified = (name: string, trusted: boolean) =>
  Effect.gen(function* () {
    const { ca } = yield* endpoint("good")
    const { origin } = yield* prepare([], name)
    return { origin, seen: seenBy(name), ...(trusted && ca !== undefined ? { pool: { tls: { ca } } } : undefined) }
  })

/** An alert record of TLS, fatal (RFC 8446 section 6). */
const alert = (code: number): Buffer => Buffer.of(0x15, 3, 3, 0, 2, 2, code)

/** A peer that does something once the first message of a handshake has come. */
const handshake = (deed: (socket: Net.Socket) => unknown) =>
  Effect.map(
    rawServer((socket) => socket.once("data", () => deed(socket))),
    (server): Elsewhere => ({
      origin: `https://127.0.0.1:${server.port}`,
      seen: () =>
        Effect.sync(() => ({
          requests: 0,
          complete: 0,
          ran: 0,
          open: server.sockets.some(({ destroyed }) => !destroyed)
        }))
    })
  )

const securing: ReadonlyArray<Row> = [
  ...(
    [
      ["self-signed", "own", true, "DEPTH_ZERO_SELF_SIGNED_CERT"],
      ["expired", "expired", true, "CERT_HAS_EXPIRED"],
      ["host", "elsewhere", true, "ERR_TLS_CERT_ALTNAME_INVALID"],
      ["CA", "good", false, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"]
    ] as const
  ).map(([says, name, trusted, code]) =>
    row(
      `certificate: ${says}`,
      certified(name, trusted),
      fails("securing", { _tag: "TlsFailure", code, certificate: /"subject":.*"issuer":.*"validTo":/ })
    )
  ),
  row(
    "handshake FIN",
    handshake((socket) => socket.end()),
    fails("securing", { _tag: "TlsFailure", code: "ECONNRESET" })
  ),
  row(
    "handshake RST",
    handshake((socket) => socket.resetAndDestroy()),
    fails("securing", { _tag: "TlsFailure", code: "ECONNRESET" })
  ),
  row(
    "plaintext",
    handshake((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")),
    fails("securing", { _tag: "TlsFailure", code: /^ERR_SSL_/ })
  ),
  ...(
    [
      ["alert", 40, /^ERR_SSL_.*HANDSHAKE_FAILURE$/],
      ["version", 70, /^ERR_SSL_.*PROTOCOL_VERSION$/],
      ["ALPN", 120, /^ERR_SSL_.*NO_APPLICATION_PROTOCOL$/]
    ] as const
  ).map(([says, code, name]) =>
    row(
      `handshake, ${says}`,
      handshake((socket) => socket.write(alert(code))),
      fails("securing", { _tag: "TlsFailure", code: name })
    )
  )
]

/** They begin: our side has a connection, and the peer ends it before it has read anything. */
const atOnce: ReadonlyArray<Row> = [
  {
    ...row(
      "TLS 1.3 client certificate required",
      Effect.map(
        rawHttp2(() => undefined, {
          protocols: ["http/1.1"],
          tls: { requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" }
        }),
        ({ ca, origin }) => ({ origin, pool: { tls: { ca } } })
      ),
      {
        reason: { _tag: "TlsFailure", code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" },
        judged: "Ambiguous lost-before-answer",
        phase: "waiting",
        closed: "peer-fin"
      }
    ),
    starts: 1
  },
  {
    ...row(
      "http to a TLS port",
      Effect.map(prepare([], "good"), ({ port }) => ({ origin: `http://127.0.0.1:${port}`, seen: seenBy("good") })),
      {
        reason: { _tag: "ConnectionLost", during: "request" },
        judged: "Ambiguous lost-before-answer",
        phase: "waiting",
        closed: "peer-fin"
      }
    ),
    starts: 1
  },
  {
    says: "accept-then-FIN",
    scene: scripted(() => [on({ connection: 1 }, cut("fin", atAccept))]),
    cells: once,
    starts: 1,
    expected: {
      reason: { _tag: "ConnectionLost", during: "request", how: "fin" },
      judged: "Ambiguous lost-before-answer",
      phase: "waiting",
      closed: "peer-fin"
    },
    server: nothing
  }
]

export const rows: ReadonlyArray<Row> = [...securing, ...atOnce]
