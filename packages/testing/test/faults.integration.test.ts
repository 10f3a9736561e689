import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FaultScript from "../src/FaultScript.ts"
import * as FaultServer from "../src/FaultServer.ts"
import * as FaultTruth from "../src/FaultTruth.ts"
import { connect, countEvents, endOf, request } from "./rawClient.ts"

const { afterEvents, afterHead, afterHeadBytes, afterRequest, afterRequestBytes, always, atAccept, cut, on } =
  FaultScript

const prepare = Effect.fnUntraced(function* (script: FaultScript.Script) {
  const server = yield* FaultServer.FaultServer
  yield* server.script("a", script)
  return { server, endpoint: yield* server.endpoint("a") }
})

const onlyConnection = Effect.fnUntraced(function* () {
  const server = yield* FaultServer.FaultServer
  const truth = yield* server.truth
  const connections = truth.endpoints["a"]?.connections ?? []
  const [connection] = connections
  if (connections.length !== 1 || connection === undefined) return yield* Effect.die(new Error("not one connection"))
  return connection
})

const onlyRequest = Effect.fnUntraced(function* () {
  const { requests } = yield* onlyConnection()
  const [first] = requests
  if (requests.length !== 1 || first === undefined) return yield* Effect.die(new Error("not one request"))
  return first
})

layer(FaultServer.layer({ endpoints: { a: {} } }), { excludeTestServices: true })("faults on the wire", (it) => {
  it.effect.each(["fin", "reset"] as const)("cuts at accept with %s before anything is read", (how) =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([always(cut(how, atAccept))])
      // A reset may come before the client has noticed that it was connected.
      const ended = yield* connect(endpoint).pipe(
        Effect.flatMap((client) => client.ended),
        Effect.orElseSucceed(() => "reset")
      )
      assert.strictEqual(ended, how)
      const connection = yield* onlyConnection()
      assert.deepStrictEqual(connection.closed, { by: "server", how, whileIdle: false })
      assert.strictEqual(connection.requests.length, 0)
    })
  )

  it.effect("half closes at accept and runs the request that still comes", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([on({ connection: 1 }, cut("half-fin", atAccept))])
      const client = yield* connect(endpoint)
      assert.strictEqual(yield* client.ended, "fin")
      yield* client.send(request())
      const seen = yield* onlyRequest()
      assert.deepInclude(seen, { complete: true, ran: true, answered: "none", runKey: "hi#0" })
      assert.strictEqual(client.heard(), "")
    })
  )

  it.effect.each(["fin", "reset"] as const)("cuts with %s after k bytes of the request, which is then not run", (how) =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([always(cut(how, afterRequestBytes(50)))])
      const client = yield* connect(endpoint)
      yield* client.send(request())
      assert.strictEqual(yield* client.ended, how)
      const seen = yield* onlyRequest()
      assert.deepInclude(seen, { bytes: 50, complete: false, ran: false, runKey: null, answered: "none", fault: "Cut" })
      assert.strictEqual(client.heard(), "")
    })
  )

  it.effect("half closes after k bytes of the request, reads the rest and runs it", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([always(cut("half-fin", afterRequestBytes(50)))])
      const client = yield* connect(endpoint)
      const whole = request()
      yield* client.send(whole.slice(0, 60))
      assert.strictEqual(yield* client.ended, "fin")
      yield* client.send(whole.slice(60))
      const seen = yield* onlyRequest()
      assert.deepInclude(seen, { bytes: whole.length, complete: true, ran: true, answered: "none" })
    })
  )

  it.effect("stalls after k bytes of the request and throws the rest away", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([always(cut("stall", afterRequestBytes(50)))])
      const client = yield* connect(endpoint)
      const whole = request()
      yield* client.send(whole)
      yield* client.send(whole)
      const connection = yield* onlyConnection()
      assert.strictEqual(connection.bytesReceived, whole.length * 2)
      assert.isUndefined(connection.closed)
      assert.deepInclude(yield* onlyRequest(), { bytes: 50, complete: false, ran: false })
    })
  )

  it.effect("cuts a request shorter than k bytes when it is whole: received, not run", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([always(cut("fin", afterRequestBytes(100_000)))])
      const client = yield* connect(endpoint)
      yield* client.send(request())
      assert.strictEqual(yield* client.ended, "fin")
      assert.deepInclude(yield* onlyRequest(), { complete: true, ran: false, answered: "none" })
    })
  )

  it.effect("cuts k bytes into a request that comes byte by byte, whatever the tag rules before it", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([
        on({ tag: "other" }, FaultScript.status(500)),
        on({ tag: "mine" }, cut("reset", afterRequestBytes(140)))
      ])
      const client = yield* connect(endpoint)
      client.socket.setNoDelay(true)
      const whole = request({ headers: ["x-fault-tag: mine"] })
      for (const byte of whole.slice(0, 150)) yield* client.send(byte)
      assert.strictEqual(yield* client.ended, "reset")
      assert.deepInclude(yield* onlyRequest(), { bytes: 140, tag: "mine", complete: false, ran: false })
    })
  )

  for (const stream of [false, true]) {
    const mode = stream ? "streaming" : "non-streaming"

    it.effect.each(["fin", "half-fin", "reset", "stall"] as const)(
      `cuts a ${mode} answer with %s after the request, when the model has run`,
      (how) =>
        Effect.gen(function* () {
          const { endpoint } = yield* prepare([always(cut(how, afterRequest))])
          const client = yield* connect(endpoint)
          yield* client.send(request({ stream }))
          if (how !== "stall") assert.strictEqual(yield* client.ended, how === "reset" ? "reset" : "fin")
          assert.deepInclude(yield* onlyRequest(), { complete: true, ran: true, answered: "none", runKey: "hi#0" })
          assert.strictEqual(client.heard(), "")
        })
    )

    it.effect.each(["fin", "half-fin", "reset"] as const)(
      `cuts a ${mode} answer with %s after k bytes of the head, after the head, and after n events`,
      (how) =>
        Effect.gen(function* () {
          const { endpoint } = yield* prepare([
            on({ nth: 1 }, cut(how, afterHeadBytes(20))),
            on({ nth: 2 }, cut(how, afterHead)),
            on({ nth: 3 }, cut(how, afterEvents(3)))
          ])
          const heard: Array<string> = []
          for (let nth = 1; nth <= 3; nth++) {
            const client = yield* connect(endpoint)
            yield* client.send(request({ stream }))
            assert.strictEqual(yield* client.ended, how === "reset" ? "reset" : "fin")
            heard.push(client.heard())
          }
          const [partOfHead = "", head = "", events = ""] = heard
          assert.strictEqual(partOfHead, "HTTP/1.1 200 OK\r\ncon")
          assert.match(head, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/)
          if (stream) assert.strictEqual(countEvents(events), 3)
          else assert.strictEqual(events.slice(head.length), bodyStart(events, head))
          const server = yield* FaultServer.FaultServer
          const truth = yield* server.truth
          for (const seen of FaultTruth.requests(truth, "a"))
            assert.deepInclude(seen, { ran: true, answered: "partial" })
        })
    )

    it.effect(`drips a ${mode} answer`, () =>
      Effect.gen(function* () {
        const { endpoint } = yield* prepare([always(FaultScript.drip(15, { headDelayMs: 30 }))])
        const client = yield* connect(endpoint)
        let reads = 0
        client.socket.on("data", () => {
          reads += 1
        })
        const startedAt = performance.now()
        yield* client.send(request({ stream }))
        yield* client.hears(endOf(stream))
        // Ten events, 15 ms apart, after 30 ms; timers may fire a millisecond early. A busy client may read two writes as one.
        assert.isAtLeast(performance.now() - startedAt, 165)
        assert.isAbove(reads, 2)
        assert.deepInclude(yield* onlyRequest(), { answered: "full", ran: true })
      })
    )

    it.effect.each([100, 101, 102, 103] as const)(`sends an informational %s before a ${mode} answer`, (status) =>
      Effect.gen(function* () {
        const { endpoint } = yield* prepare([always(FaultScript.informational(status))])
        const client = yield* connect(endpoint)
        yield* client.send(request({ stream }))
        const heard = yield* client.hears(endOf(stream))
        assert.isTrue(heard.startsWith(`HTTP/1.1 ${status} `))
        assert.include(heard, "\r\n\r\nHTTP/1.1 200 OK\r\n")
        assert.deepInclude(yield* onlyRequest(), { answered: "full", ran: true })
      })
    )
  }

  it.effect("announces the close of a cut answer where the script says so", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([always(cut("fin", afterEvents(2), { connectionClose: true }))])
      const client = yield* connect(endpoint)
      yield* client.send(request())
      yield* client.ended
      assert.include(client.heard(), "\r\nconnection: close\r\n")
      assert.include(client.heard(), "\r\ncontent-length: ")
    })
  )

  it.effect("puts the provider's error into a stream, and in the place of a body", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([
        always(FaultScript.inBandError(2, { type: "overloaded_error", message: "Overloaded" }))
      ])
      const client = yield* connect(endpoint)
      yield* client.send(request({ stream: true }))
      const stream = yield* client.hears(endOf(true))
      assert.strictEqual(countEvents(stream), 3)
      assert.include(
        stream,
        'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}'
      )
      const openai = yield* connect(endpoint)
      yield* openai.send(request({ api: "openai", stream: true }))
      assert.include(
        yield* openai.hears(endOf(true)),
        'data: {"error":{"message":"Overloaded","type":"overloaded_error"'
      )
      const json = yield* connect(endpoint)
      yield* json.send(request())
      assert.match(
        yield* json.hears("req_0"),
        /^HTTP\/1\.1 200 OK[\s\S]*\{"type":"error","error":\{"type":"overloaded_error"/
      )
      const server = yield* FaultServer.FaultServer
      for (const seen of FaultTruth.requests(yield* server.truth, "a")) {
        assert.deepInclude(seen, { ran: true, answered: "partial", fault: "InBandError" })
      }
    })
  )

  it.effect("ends a stream cleanly without the end marker, and a body at half", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([always(FaultScript.noEndMarker())])
      for (const api of ["anthropic", "openai"] as const) {
        const client = yield* connect(endpoint)
        yield* client.send(request({ api, stream: true }))
        const heard = yield* client.hears(endOf(true))
        assert.notInclude(heard, "message_stop")
        assert.notInclude(heard, "[DONE]")
        assert.include(heard, api === "anthropic" ? "message_delta" : '"finish_reason":"stop"')
      }
      const client = yield* connect(endpoint)
      yield* client.send(request())
      const heard = yield* client.hears('"model":"claude-opus-4-7"')
      const [head = "", body = ""] = heard.split("\r\n\r\n")
      assert.strictEqual(Number(/content-length: (\d+)/.exec(head)?.[1]), body.length)
      assert.throws(() => JSON.parse(body))
      yield* client.send(request())
      yield* client.hears(`${body}HTTP/1.1 200 OK`)
    })
  )

  it.effect("answers with connection: close, and closes", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([always(FaultScript.connectionClose)])
      const client = yield* connect(endpoint)
      yield* client.send(request())
      assert.strictEqual(yield* client.ended, "fin")
      assert.include(client.heard(), "\r\nconnection: close\r\n")
      assert.isTrue(client.heard().endsWith(endOf(false)))
      assert.deepInclude(yield* onlyRequest(), { answered: "full", ran: true })
    })
  )

  it.effect.each([
    ["bad-status-line", /^HTTP\/1\.1 2xx /],
    ["bad-version", /^HTTP\/9\.9 200 /],
    ["bad-header", /\r\nthis line has no colon\r\n/],
    ["bad-chunk-size", /\r\nzz\r\n/],
    ["bare-lf", /^HTTP\/1\.1 200 OK\n(?![\s\S]*\r\n)/],
    ["both-lengths", /content-length: \d+\r\ntransfer-encoding: chunked/],
    ["two-lengths", /content-length: (\d+)\r\ncontent-length: (?!\1)/],
    ["long-headers", /^[\s\S]{40000,}\r\n\r\n/]
  ] as const)("breaks the framing: %s", ([kind, expected]) =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([always(FaultScript.framing(kind))])
      const client = yield* connect(endpoint)
      yield* client.send(request())
      assert.match(yield* client.hears('"output_tokens":6}}'), expected)
      assert.deepInclude(yield* onlyRequest(), { ran: true, fault: "Framing" })
    })
  )

  it.effect.each(["no-length-then-close", "early-close-header", "http-1.0"] as const)(
    "sends a body without length, whole or cut, ended by the close: %s",
    (kind) =>
      Effect.gen(function* () {
        const { endpoint } = yield* prepare([
          on({ nth: 1 }, FaultScript.framing(kind)),
          on({ nth: 2 }, FaultScript.framing(kind, { afterEvents: 2, how: "reset" }))
        ])
        const whole = yield* connect(endpoint)
        yield* whole.send(request())
        assert.strictEqual(yield* whole.ended, "fin")
        assert.isTrue(whole.heard().endsWith(endOf(false)))
        assert.notMatch(whole.heard(), /content-length|transfer-encoding/)
        assert.strictEqual(whole.heard().includes("connection: close"), kind === "early-close-header")
        assert.strictEqual(whole.heard().startsWith("HTTP/1.0"), kind === "http-1.0")
        const part = yield* connect(endpoint)
        yield* part.send(request())
        assert.strictEqual(yield* part.ended, "reset")
        assert.isBelow(part.heard().length, whole.heard().length)
        const server = yield* FaultServer.FaultServer
        const answered = FaultTruth.requests(yield* server.truth, "a").map((seen) => seen.answered)
        assert.deepStrictEqual(answered, ["full", "partial"])
      })
  )

  it.effect("answers with a status in the provider's own shape, without running the model", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([
        always(FaultScript.status(529, { retryAfter: 7, headers: { "x-more": "1" } }))
      ])
      const anthropic = yield* connect(endpoint)
      yield* anthropic.send(request())
      const heard = yield* anthropic.hears("request_id")
      assert.match(heard, /^HTTP\/1\.1 529 Overloaded\r\n[\s\S]*request-id: req_[\s\S]*retry-after: 7\r\nx-more: 1\r\n/)
      assert.include(
        heard,
        '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_'
      )
      const openai = yield* connect(endpoint)
      yield* openai.send(request({ api: "openai" }))
      assert.match(
        yield* openai.hears('"code"'),
        /x-request-id: req_[\s\S]*\{"error":\{"message":".*","type":"server_error","param":null,"code":null\}\}$/
      )
      const server = yield* FaultServer.FaultServer
      for (const seen of FaultTruth.requests(yield* server.truth, "a")) {
        assert.deepInclude(seen, { complete: true, ran: false, answered: "full", fault: "Status", runKey: "hi#0" })
      }
    })
  )

  it.effect(
    "answers with a proxy's page, another service's JSON or nothing, and with a model that ran all the same",
    () =>
      Effect.gen(function* () {
        const { endpoint } = yield* prepare([
          on({ tag: "html" }, FaultScript.status(502, { shape: "html" })),
          on(
            { tag: "foreign" },
            FaultScript.status(503, { shape: "json-foreign", error: { message: "no" }, ran: true })
          ),
          on({ tag: "empty" }, FaultScript.status(500, { shape: "empty" }))
        ])
        const client = yield* connect(endpoint)
        yield* client.send(request({ headers: ["x-fault-tag: html"] }))
        assert.match(
          yield* client.hears("</html>"),
          /^HTTP\/1\.1 502 Bad Gateway\r\nserver: nginx\r\ncontent-type: text\/html\r\n/
        )
        yield* client.send(request({ headers: ["x-fault-tag: foreign"] }))
        yield* client.hears('{"message":"no"}')
        yield* client.send(request({ headers: ["x-fault-tag: empty"] }))
        yield* client.hears("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n")
        const { requests } = yield* onlyConnection()
        assert.deepStrictEqual(
          requests.map(({ index, ran, tag }) => ({ index, ran, tag })),
          [
            { index: 1, ran: false, tag: "html" },
            { index: 2, ran: true, tag: "foreign" },
            { index: 3, ran: false, tag: "empty" }
          ]
        )
      })
  )

  it.effect.each(["fin", "half-fin", "reset"] as const)("closes an idle connection with %s after its answer", (how) =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([always(FaultScript.idleClose(how, 30, { keepAliveHint: 5 }))])
      const client = yield* connect(endpoint)
      yield* client.send(request())
      assert.include(yield* client.hears(endOf(false)), "keep-alive: timeout=5\r\n")
      assert.strictEqual(yield* client.ended, how === "reset" ? "reset" : "fin")
      const connection = yield* onlyConnection()
      assert.deepStrictEqual(connection.closed, { by: "server", how, whileIdle: true })
      if (how !== "half-fin") return
      yield* client.send(request({ text: "too late" }))
      const { requests } = yield* onlyConnection()
      assert.deepInclude(requests[1], { complete: true, ran: true, answered: "none", runKey: "too late#0" })
    })
  )

  it.effect.each(["408", "200"] as const)("sends an unsolicited %s on an idle connection, and closes it", (how) =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([always(FaultScript.idleClose(how, 20))])
      const client = yield* connect(endpoint)
      yield* client.send(request({ stream: true }))
      assert.strictEqual(yield* client.ended, "fin")
      const unasked = client.heard().slice(client.heard().indexOf(endOf(true)) + endOf(true).length)
      assert.isTrue(unasked.startsWith(`HTTP/1.1 ${how} `), unasked)
      if (how === "200") {
        assert.include(unasked, "message_stop")
        assert.include(unasked, "An answer that n")
      }
      assert.deepStrictEqual((yield* onlyConnection()).closed, { by: "server", how, whileIdle: true })
    })
  )

  it.effect("does not close a connection for idleness when a request has begun", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* prepare([on({ request: 1 }, FaultScript.idleClose("fin", 300))])
      const client = yield* connect(endpoint)
      const whole = request({ text: "second" })
      yield* client.send(request())
      const first = yield* client.hears(endOf(false))
      yield* client.send(whole.slice(0, 40))
      yield* Effect.sleep("500 millis")
      yield* client.send(whole.slice(40))
      while (client.heard().length < first.length * 2 - 2) yield* Effect.sleep("5 millis")
      assert.isUndefined((yield* onlyConnection()).closed)
    })
  )
})

const bodyStart = (heard: string, head: string): string => {
  const length = Number(/content-length: (\d+)/.exec(head)?.[1])
  return heard.slice(head.length, head.length + Math.ceil(length / 10) * 3)
}
