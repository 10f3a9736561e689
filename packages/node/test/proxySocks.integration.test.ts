/** What a SOCKS proxy is told, and what its answers mean. */
import { assert, layer } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import * as Effect from "effect/Effect"
import { ask, failureOf, fetchText, transport, truthOf } from "./support/harness.ts"
import { assertNoSecrets, credentials, provider, servers } from "./support/proxied.ts"
import { user } from "./support/proxies.ts"
import { ok, rawServer } from "./support/rawServer.ts"

const ipv6 = (hex: string) => Buffer.concat([Buffer.of(5, 1, 0, 4), Buffer.from(hex, "hex")])

/** Each request of SOCKS by its first bytes. */
const socksProxy = (...answers: ReadonlyArray<Buffer | "fin" | "reset">) =>
  rawServer((socket) => {
    const left = [...answers]
    socket.on("data", () => {
      const answer = left.shift()
      if (answer === "fin") socket.end()
      else if (answer === "reset") socket.resetAndDestroy()
      else if (answer !== undefined) socket.write(answer)
    })
  })

layer(servers, { excludeTestServices: true })("a SOCKS proxy", (it) => {
  const method = Buffer.of(5, 0)

  it.effect.each([
    ["a greeting of another protocol", "SOCKS_MALFORMED", [Buffer.from("HTTP/1.1 400 Bad\r\n\r\n")]],
    ["no method that it takes", "SOCKS_CREDENTIALS_WANTED", [Buffer.of(5, 0xff)]],
    ["a method that was not offered", "SOCKS_MALFORMED", [Buffer.of(5, 2)]],
    ["a reply of another version", "SOCKS_MALFORMED", [method, Buffer.of(4, 0, 0, 1)]],
    ["an address of no kind", "SOCKS_MALFORMED", [method, Buffer.of(5, 0, 0, 9)]],
    ["general failure", "SOCKS_GENERAL_FAILURE", [method, Buffer.of(5, 1, 0, 1)]],
    ["not allowed", "SOCKS_NOT_ALLOWED", [method, Buffer.of(5, 2, 0, 1)]],
    ["network unreachable", "SOCKS_NETWORK_UNREACHABLE", [method, Buffer.of(5, 3, 0, 1)]],
    ["host unreachable", "SOCKS_HOST_UNREACHABLE", [method, Buffer.of(5, 4, 0, 1)]],
    ["refused", "SOCKS_CONNECTION_REFUSED", [method, Buffer.of(5, 5, 0, 1)]],
    ["time to live", "SOCKS_TTL_EXPIRED", [method, Buffer.of(5, 6, 0, 1)]],
    ["command", "SOCKS_COMMAND_NOT_SUPPORTED", [method, Buffer.of(5, 7, 0, 1)]],
    ["address", "SOCKS_ADDRESS_NOT_SUPPORTED", [method, Buffer.of(5, 8, 0, 1)]],
    ["a reply that has no name", "SOCKS_REPLY_77", [method, Buffer.of(5, 77, 0, 1)]],
    ["FIN", "PROXY_CLOSED", ["fin"]],
    ["FIN within the reply", "PROXY_CLOSED", [method, Buffer.of(5, 0, 0), "fin"]],
    ["RST", "ECONNRESET", ["reset"]],
    ["RST after the greeting", "ECONNRESET", [method, "reset"]]
  ] as ReadonlyArray<readonly [string, string, ReadonlyArray<Buffer | "fin" | "reset">]>)(
    "is ProxyFailure, safe, where the answer is %s",
    ([name, code, answers]) =>
      Effect.gen(function* () {
        const { ca, origin } = yield* provider
        const proxy = yield* socksProxy(...answers)
        if (name === "FIN within the reply") {
          yield* Effect.forkScoped(
            Effect.andThen(
              Effect.andThen(proxy.accepted(1), Effect.sleep("50 millis")),
              Effect.sync(() => proxy.sockets[0]?.end())
            )
          )
        }
        const failure = yield* Effect.provide(
          failureOf(ask(origin)),
          transport({ tls: { ca }, proxy: `socks5://127.0.0.1:${proxy.port}` })
        )
        assert.deepInclude(failure.reason, { _tag: "ProxyFailure", code, step: "tunnelling" })
        assert.deepInclude(failure.evidence, { phase: "proxying", bytesWritten: 0, bytesRead: 0, proxied: true })
        assert.strictEqual(failure._tag, "ReplaySafe")
        yield* proxy.allClosed
        const { counts } = yield* truthOf()
        assert.strictEqual(counts.connections, 0)
      })
  )

  it.effect("is told the name, an address of either kind, and the credentials, however the answers are split", () =>
    Effect.gen(function* () {
      const proxies: Array<ReadonlyArray<Buffer>> = []
      const answers = [Buffer.of(5, 2), Buffer.of(1, 0), Buffer.of(5, 0, 0, 3, 2, 104, 105, 1, 2)]
      const proxy = yield* rawServer((socket) => {
        const heard: Array<Buffer> = []
        proxies.push(heard)
        socket.on("data", (data) => {
          if (heard.length > answers.length - 1) return void socket.write(ok())
          heard.push(data)
          // A byte a turn.
          const bytes = [...(answers[heard.length - 1] ?? [])]
          const next = () => {
            const byte = bytes.shift()
            if (byte !== undefined) socket.write(Buffer.of(byte), () => setImmediate(next))
          }
          next()
        })
      })
      const statuses = yield* Effect.forEach(
        ["http://api.test:8080", "http://192.0.2.7", "http://[2001:db8::ff:1]:8080", "http://[::1]"],
        (origin) => Effect.map(fetchText(ask(origin)), ({ evidence, status }) => [status, evidence.proxied])
      ).pipe(Effect.provide(transport({ proxy: { url: `socks5h://127.0.0.1:${proxy.port}`, ...credentials } })))
      assert.deepStrictEqual(
        statuses,
        Array.from({ length: 4 }, () => [200, true])
      )
      const hello = Buffer.of(5, 2, 0, 2)
      const introduction = Buffer.concat([
        Buffer.of(1, user.name.length),
        Buffer.from(user.name),
        Buffer.of(user.password.length),
        Buffer.from(user.password)
      ])
      assert.deepStrictEqual(proxies, [
        [
          hello,
          introduction,
          Buffer.concat([Buffer.of(5, 1, 0, 3, 8), Buffer.from("api.test"), Buffer.of(0x1f, 0x90)])
        ],
        [hello, introduction, Buffer.of(5, 1, 0, 1, 192, 0, 2, 7, 0, 80)],
        [hello, introduction, Buffer.concat([ipv6("20010db8000000000000000000ff0001"), Buffer.of(0x1f, 0x90)])],
        [hello, introduction, Buffer.concat([ipv6("00000000000000000000000000000001"), Buffer.of(0, 80)])]
      ])
    })
  )

  it.effect("is ProxyFailure, without the credentials, where it takes none of them", () =>
    Effect.gen(function* () {
      const { ca, origin } = yield* provider
      const refused = yield* socksProxy(Buffer.of(5, 2), Buffer.of(1, 1))
      const notTaken = yield* socksProxy(Buffer.of(5, 0xff))
      const failures = yield* Effect.forEach([refused, notTaken], (proxy) =>
        Effect.provide(
          failureOf(ask(origin)),
          transport({ tls: { ca }, proxy: { url: `socks5://127.0.0.1:${proxy.port}`, ...credentials } })
        )
      )
      assert.deepStrictEqual(
        failures.map(({ reason }) => reason._tag === "ProxyFailure" && reason.code),
        ["SOCKS_CREDENTIALS_REFUSED", "SOCKS_CREDENTIALS_NOT_TAKEN"]
      )
      for (const failure of failures) assertNoSecrets(failure, Failure.thrown(failure), failure.reason.message)
    })
  )
})
