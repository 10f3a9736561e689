/**
 * Proxies: what may happen on the way to one and through it, one row for each way that was measured. The next request
 * goes through the same proxy, which is itself again.
 *
 * Of undici's API alone, and so without a row:
 * - ProxyAgent's and Socks5ProxyAgent's options and classes, and the abort that a refused CONNECT looks like there: the
 *   tunnels here are our own, and what a proxy says is in the reason;
 * - `NODE_USE_ENV_PROXY` and EnvHttpProxyAgent: pools read the environment themselves (proxy.test.ts).
 */
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as Effect from "effect/Effect"
import type { PoolOptions } from "../../src/Dispatcher.ts"
import { tinyproxy, user, watchedProxy } from "../support/proxies.ts"
import { asked, connect, endpoint, provider, says, socks, spoilt, through } from "./proxyScenes.ts"
import type { Answers, Cell, Expected, Fails, Row, Scene } from "./row.ts"
import { nothing, once, ranOnce, secret } from "./row.ts"
import type { Extra, Reply } from "./scenes.ts"
import { raw } from "./scenes.ts"

const { afterRequest, cut } = FaultScript

const limits = TimeLimits.resolve({ connect: "150 millis" })
const impatient: Extra = { asked: () => ({ limits }) }

const fails = (phase: Fails["phase"], reason: Fails["reason"]): Fails => ({
  reason,
  judged: "Safe not-started",
  phase,
  proxied: true
})

const refuses = (code: string | RegExp, status?: number): Fails =>
  fails("proxying", {
    _tag: "ProxyFailure",
    code,
    step: "tunnelling",
    proxy: /^127\.0\.0\.1:\d+$/,
    ...(status === undefined ? undefined : { status })
  })

const row = (says: string, scene: Scene, expected: Expected): Row => ({
  says,
  scene,
  cells: once,
  starts: 0,
  expected,
  server: nothing
})

const tunnels: ReadonlyArray<Row> = [
  ...[403, 407, 502, 503].map((status) =>
    row(
      `CONNECT ${status}`,
      spoilt(
        "http",
        asked((socket) => socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`)),
        connect
      ),
      refuses("PROXY_REFUSED", status)
    )
  ),
  row(
    "CONNECT FIN",
    spoilt(
      "http",
      asked((socket) => socket.end()),
      connect
    ),
    refuses("PROXY_CLOSED")
  ),
  row(
    "CONNECT partial",
    spoilt(
      "http",
      asked((socket) => socket.end("HTTP/1.1 200 O")),
      connect
    ),
    refuses("PROXY_CLOSED")
  ),
  row(
    "CONNECT RST",
    spoilt(
      "http",
      asked((socket) => socket.resetAndDestroy()),
      connect
    ),
    refuses("ECONNRESET")
  ),
  row(
    "CONNECT garbage",
    spoilt(
      "http",
      asked((socket) => socket.write("SSH-2.0-OpenSSH\r\n\r\n")),
      connect
    ),
    refuses(/^HPE_/)
  ),
  row(
    "proxy silent on CONNECT",
    spoilt("http", (socket) => socket.resume(), connect, impatient),
    fails("proxying", { _tag: "ConnectTimeout", limitMs: 150, proxy: /^127\.0\.0\.1:\d+$/ })
  ),
  {
    ...row(
      "proxy refused",
      through(Effect.map(endpoint("nobody"), ({ origin }) => origin)),
      fails("connecting", { _tag: "ProxyFailure", code: "ECONNREFUSED", step: "connecting" })
    ),
    last: true
  },
  {
    ...row(
      "proxy DNS",
      through(Effect.succeed("http://proxy.invalid:3128")),
      fails("resolving", { _tag: "ProxyFailure", code: /^(ENOTFOUND|EAI_AGAIN)$/, step: "resolving" })
    ),
    last: true
  },
  ...(
    [
      ["wrong host", "elsewhere", "ERR_TLS_CERT_ALTNAME_INVALID"],
      ["unknown CA", "tls", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"]
    ] as const
  ).map(([says, name, code]): Row => ({
    ...row(
      `https proxy, ${says}`,
      through(
        Effect.map(Effect.all([endpoint(name), endpoint("elsewhere")]), ([{ origin }, { ca = "" }]) =>
          name === "elsewhere" ? { url: origin, tls: { ca } } : origin
        )
      ),
      fails("connecting", { _tag: "ProxyFailure", code, step: "securing" })
    ),
    last: true
  })),
  row(
    "tunnel up, TLS cut",
    spoilt(
      "http",
      asked((socket) => {
        socket.once("data", () => socket.end())
        socket.write("HTTP/1.1 200 OK\r\n\r\n")
      }),
      connect
    ),
    fails("securing", { _tag: "TlsFailure", code: "ECONNRESET" })
  )
]

/** What is lost within a tunnel is lost as on a direct connection. */
const lost =
  (how: "fin" | "reset") =>
  ({ reused }: Cell): Fails => ({
    reason: reused ? { _tag: "StaleConnection", how } : { _tag: "ConnectionLost", how, during: "request" },
    judged: reused ? "Ambiguous stale-connection" : "Ambiguous lost-before-answer",
    phase: "waiting",
    closed: how === "fin" ? "peer-fin" : "peer-reset",
    proxied: true
  })

const withinTunnel: Row = {
  says: "tunnel up, full request, 0 bytes, FIN",
  scene: (cells) =>
    Effect.gen(function* () {
      const { ca, ...stage } = yield* provider(cells, cut("fin", afterRequest))
      const proxy = yield* watchedProxy(stage.port)
      return { ...stage, pool: { tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` } }
    }),
  starts: 1,
  expected: lost("fin"),
  server: ranOnce
}

const forwarded = (says: string, reply: Omit<Reply, "proxies">, expected: Row["expected"]): Row => ({
  says: `http forward ${says}`,
  scene: raw({ ...reply, proxies: "http://provider.invalid:8080" }),
  starts: 1,
  expected,
  server: ranOnce
})

const answers = (status: number): Answers => ({
  status,
  text: "other",
  judged: "Ambiguous answered-with-error",
  next: "reused"
})

const reply = (status: number): Omit<Reply, "proxies"> => ({
  write: `HTTP/1.1 ${status} No\r\ncontent-length: 2\r\n\r\nno`,
  ends: "open"
})

const forwards: ReadonlyArray<Row> = [
  ...[403, 502].map((status) =>
    forwarded(`${status}, which looks like the provider's`, reply(status), answers(status))
  ),
  forwarded("407", reply(407), {
    reason: { _tag: "ProxyFailure", code: "PROXY_REFUSED", status: 407, step: "forwarding" },
    judged: "Ambiguous answered-with-error",
    phase: "responding",
    status: 407,
    closed: "local-abort",
    proxied: true
  }),
  forwarded("FIN", { write: "", ends: "fin" }, lost("fin")),
  forwarded("RST", { write: "", ends: "reset" }, lost("reset"))
]

const noCredentials = Buffer.of(5, 0)

const socksRow = (name: string, replies: ReadonlyArray<Buffer | "fin" | "reset">, code: string): Row =>
  row(`SOCKS ${name}`, spoilt("socks5", says(...replies), socks), refuses(code))

const socksReplies = [
  "SOCKS_GENERAL_FAILURE",
  "SOCKS_NOT_ALLOWED",
  "SOCKS_NETWORK_UNREACHABLE",
  "SOCKS_HOST_UNREACHABLE",
  "SOCKS_CONNECTION_REFUSED",
  "SOCKS_TTL_EXPIRED",
  "SOCKS_COMMAND_NOT_SUPPORTED",
  "SOCKS_ADDRESS_NOT_SUPPORTED"
]

const overSocks: ReadonlyArray<Row> = [
  socksRow("authentication wanted", [Buffer.of(5, 0xff)], "SOCKS_CREDENTIALS_WANTED"),
  {
    ...row(
      "SOCKS authentication failed",
      (cells) =>
        Effect.map(spoilt("socks5", says(Buffer.of(5, 2), Buffer.of(1, 1)), socks)(cells), (stage) => ({
          ...stage,
          pool: { ...stage.pool, proxy: withUser(stage.pool?.proxy) }
        })),
      refuses("SOCKS_CREDENTIALS_REFUSED")
    )
  },
  socksRow("version", [Buffer.of(4, 0)], "SOCKS_MALFORMED"),
  ...socksReplies.map((code, index) =>
    socksRow(`reply ${index + 1}`, [noCredentials, Buffer.of(5, index + 1, 0, 1, 0, 0, 0, 0, 0, 0)], code)
  ),
  socksRow("FIN on the greeting", ["fin"], "PROXY_CLOSED"),
  socksRow("FIN on the request", [noCredentials, "fin"], "PROXY_CLOSED"),
  socksRow("RST", [noCredentials, "reset"], "ECONNRESET"),
  row(
    "SOCKS proxy silent",
    spoilt("socks5", (socket) => socket.resume(), socks, impatient),
    fails("proxying", { _tag: "ConnectTimeout", limitMs: 150, proxy: /^127\.0\.0\.1:\d+$/ })
  )
]

const withUser = (proxy: PoolOptions["proxy"]): string => String(proxy).replace("://", `://${user.name}:${secret}@`)

export const rows: ReadonlyArray<Row> = [...tunnels, withinTunnel, ...forwards, ...overSocks]

/** Those that need tinyproxy. */
export const tinyproxyRows: ReadonlyArray<Row> = [
  {
    ...row(
      "tinyproxy: bad authentication",
      through(
        Effect.map(tinyproxy({ password: "right" }), ({ port }) => `http://${user.name}:${secret}@127.0.0.1:${port}`)
      ),
      refuses("PROXY_REFUSED", 401)
    ),
    last: true
  },
  {
    ...row(
      "tinyproxy: dead target",
      () =>
        Effect.gen(function* () {
          const { ca, ...stage } = yield* provider()
          const { port } = yield* endpoint("nobody")
          const proxy = yield* tinyproxy()
          return {
            ...stage,
            origin: `https://localhost:${port}`,
            healthy: stage.origin,
            pool: { tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` }
          }
        }),
      refuses("PROXY_REFUSED", 500)
    )
  }
]
