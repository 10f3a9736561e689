import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Struct from "effect/Struct"
import type * as FaultConfig from "../src/FaultConfig.ts"
import * as FaultScript from "../src/FaultScript.ts"
import * as FaultServer from "../src/FaultServer.ts"
import * as FaultTruth from "../src/FaultTruth.ts"
import { connect, endOf, request } from "./rawClient.ts"

const config = {
  endpoints: {
    a: {},
    b: { script: [FaultScript.always(FaultScript.status(503))] },
    nobody: { refuse: true },
    good: { tls: "good" },
    expired: { tls: "expired" },
    elsewhere: { tls: "wrong-host" },
    own: { tls: "self-signed" },
    cutTls: { tls: "good" }
  }
} as const satisfies FaultConfig.Config

layer(FaultServer.layer(config), { excludeTestServices: true })("FaultServer", (it) => {
  it.effect("records every byte, request and run, and numbers them from when the script was set", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const endpoint = yield* server.endpoint("a")
      yield* server.script("a", [])
      const first = yield* connect(endpoint)
      const second = yield* connect(endpoint)
      const one = request({ text: "one" })
      const two = request({ api: "openai", stream: true, text: "two" })
      yield* first.send(one)
      yield* first.hears(endOf(false))
      yield* first.send(two)
      yield* first.hears(endOf(true))
      yield* second.send(one.slice(0, -1))
      const truth = yield* server.truth
      const connections = truth.endpoints["a"]?.connections ?? []
      assert.strictEqual(connections.length, 2)
      assert.strictEqual(connections[0]?.bytesReceived, one.length + two.length)
      assert.strictEqual(connections[0]?.bytesSent, first.heard().length)
      assert.deepStrictEqual(
        FaultTruth.requests(truth, "a").map((seen) => Struct.omit(seen, ["startedAtMs"])),
        [
          {
            index: 1,
            nth: 1,
            tag: null,
            bytes: one.length,
            complete: true,
            ran: true,
            runKey: "one#0",
            api: "anthropic",
            stream: false,
            answered: "full"
          },
          {
            index: 2,
            nth: 2,
            tag: null,
            bytes: two.length,
            complete: true,
            ran: true,
            runKey: "two#0",
            api: "openai",
            stream: true,
            answered: "full"
          },
          {
            index: 1,
            nth: 3,
            tag: null,
            bytes: one.length - 1,
            complete: false,
            ran: false,
            runKey: null,
            api: null,
            stream: false,
            answered: "none"
          }
        ]
      )
      assert.deepInclude(truth.endpoints["a"]?.counts, {
        connections: 2,
        open: 2,
        requests: 3,
        complete: 2,
        ran: 2,
        answeredFull: 2,
        answeredNone: 1
      })
    })
  )

  it.effect("counts a run key that ran at two endpoints, in two wire formats, as a duplicate", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      yield* server.reset
      yield* server.script("b", [])
      for (const [name, api] of [
        ["a", "anthropic"],
        ["b", "openai"]
      ] as const) {
        const client = yield* connect(yield* server.endpoint(name))
        yield* client.send(request({ api, text: "twice" }))
        yield* client.hears(endOf(false))
      }
      assert.deepStrictEqual((yield* server.truth).runs, {
        total: 2,
        distinct: 1,
        duplicates: [{ runKey: "twice#0", count: 2 }]
      })
    })
  )

  it.effect("replaces the rules and the counters of one endpoint, and keeps its connections", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      yield* server.reset
      const endpoint = yield* server.endpoint("a")
      const other = yield* connect(yield* server.endpoint("b"))
      yield* other.send(request())
      yield* other.hears("request_id")
      const kept = yield* connect(endpoint)
      yield* kept.send(request())
      yield* kept.hears(endOf(false))
      yield* server.script("a", [FaultScript.on({ connection: 1, request: 1 }, FaultScript.status(418), { times: 1 })])
      yield* kept.send(request())
      yield* kept.hears("HTTP/1.1 418")
      const truth = yield* server.truth
      assert.deepInclude(truth.endpoints["a"]?.connections[0], { id: 1, survivor: true })
      assert.strictEqual(truth.endpoints["a"]?.counts.requests, 1)
      assert.strictEqual(truth.endpoints["b"]?.counts.requests, 1)
    })
  )

  it.effect("lets the first matching rule decide, as often as it may", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      yield* server.script("a", [
        FaultScript.on({ nth: 2 }, FaultScript.status(501)),
        FaultScript.on({ request: 1 }, FaultScript.status(502)),
        FaultScript.always(FaultScript.status(503), { times: 2 })
      ])
      const client = yield* connect(yield* server.endpoint("a"))
      for (const status of [502, 501, 503, 503, 200]) {
        const before = client.heard().length
        yield* client.send(request())
        while (client.heard().length === before) yield* Effect.sleep("1 millis")
        assert.isTrue(client.heard().slice(before).startsWith(`HTTP/1.1 ${status} `), client.heard().slice(before))
      }
    })
  )

  it.effect("refuses a malformed script with all its problems, and changes nothing", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      yield* server.script("a", [FaultScript.always(FaultScript.status(418))])
      const malformed = [
        { match: { nth: 0 }, fault: { _tag: "Drip", delayMs: "1" } },
        { match: { tag: "x" }, fault: FaultScript.cut("fin", FaultScript.atAccept) },
        { match: {}, fault: { _tag: "Nope" }, extra: 1 }
      ]
      const error = yield* Effect.flip(server.script("a", malformed as unknown as FaultScript.Script))
      assert.strictEqual(error.action, "script")
      assert.deepStrictEqual(error.problems.map((problem) => problem.place).toSorted(), [
        "script[0].fault.delayMs",
        "script[0].match.nth",
        "script[1].match.tag",
        "script[2].extra",
        "script[2].fault"
      ])
      assert.match(error.message, /^script: script\[0\]/)
      const client = yield* connect(yield* server.endpoint("a"))
      yield* client.send(request())
      yield* client.hears("HTTP/1.1 418")
    })
  )

  it.effect("names the endpoints there are when it is asked for another", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const here = yield* Effect.flip(server.endpoint("x"))
      assert.include(here.message, "endpoints.x: Expected one of a, b, nobody")
      const there = yield* Effect.flip(server.script("x", []))
      assert.include(there.message, "endpoints.x: Expected one of a, b, nobody")
      const storm = yield* Effect.flip(server.armStorm("a"))
      assert.include(storm.message, "Expected a storm")
    })
  )

  it.effect("closes all idle connections now, and only those", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const endpoint = yield* server.endpoint("a")
      for (const how of ["fin", "half-fin", "reset", "408", "200"] as const) {
        yield* server.reset
        yield* server.script("a", [
          FaultScript.on({ tag: "stuck" }, FaultScript.cut("stall", FaultScript.afterRequest))
        ])
        const idle = yield* connect(endpoint)
        yield* idle.send(request())
        yield* idle.hears(endOf(false))
        const unused = yield* connect(endpoint)
        const busy = yield* connect(endpoint)
        yield* busy.send(request({ headers: ["x-fault-tag: stuck"] }))
        assert.strictEqual(yield* server.closeIdle("a", how), 2)
        for (const client of [idle, unused]) assert.strictEqual(yield* client.ended, how === "reset" ? "reset" : "fin")
        if (how === "408") assert.include(idle.heard(), "HTTP/1.1 408 Request Timeout\r\n")
        const truth = yield* server.truth
        assert.strictEqual(truth.endpoints["a"]?.counts.closedWhileIdle, 2)
        assert.deepStrictEqual(
          truth.endpoints["a"]?.connections.map((connection) => connection.closed),
          [{ by: "server", how, whileIdle: true }, { by: "server", how, whileIdle: true }, undefined]
        )
        assert.strictEqual(busy.heard(), "")
      }
      assert.strictEqual(yield* server.closeIdle("a", "fin"), 0)
    })
  )

  it.effect("tells who closed a connection, how, and whether it was idle", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      yield* server.script("a", [FaultScript.always(FaultScript.cut("stall", FaultScript.afterRequest))])
      const endpoint = yield* server.endpoint("a")
      const unused = yield* connect(endpoint)
      unused.socket.end()
      yield* unused.ended
      const midway = yield* connect(endpoint)
      yield* midway.send(request().slice(0, 30))
      midway.socket.end()
      yield* midway.ended
      const waiting = yield* connect(endpoint)
      yield* waiting.send(request())
      waiting.socket.resetAndDestroy()
      const truth = yield* server.truth
      assert.deepStrictEqual(
        truth.endpoints["a"]?.connections.map((connection) => connection.closed),
        [
          { by: "client", how: "fin", whileIdle: true },
          { by: "client", how: "fin", whileIdle: false },
          { by: "client", how: "reset", whileIdle: false }
        ]
      )
      assert.strictEqual(truth.endpoints["a"]?.counts.open, 0)
      assert.strictEqual(truth.endpoints["a"]?.counts.closedByClient, 3)
    })
  )

  it.effect("answers a client that half closed after its request", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      yield* server.script("a", [FaultScript.always(FaultScript.drip(5))])
      const client = yield* connect(yield* server.endpoint("a"))
      yield* client.send(request())
      client.socket.end()
      yield* client.hears(endOf(false))
      assert.strictEqual(yield* client.ended, "fin")
    })
  )

  it.effect("reads chunked, pipelined and expectant requests, and refuses what is no HTTP", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      yield* server.script("a", [])
      const endpoint = yield* server.endpoint("a")
      const body = '{"model":"m","messages":[{"role":"user","content":"chunks"}]}'
      const chunked = `POST /v1/messages?beta=true HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\n${body.slice(0, 5)}\r\n${(body.length - 5).toString(16)};x=y\r\n${body.slice(5)}\r\n0\r\n\r\n`
      const client = yield* connect(endpoint)
      yield* client.send(chunked + request({ text: "piped" }) + chunked)
      while (client.heard().split(endOf(false)).length < 4) yield* Effect.sleep("1 millis")
      const expectant = yield* connect(endpoint)
      const [head = "", rest = ""] = request({ text: "expected", headers: ["expect: 100-continue"] }).split("\r\n\r\n")
      yield* expectant.send(`${head}\r\n\r\n`)
      yield* expectant.hears("HTTP/1.1 100 Continue\r\n\r\n")
      yield* expectant.send(rest)
      yield* expectant.hears(endOf(false))
      const noise = yield* connect(endpoint)
      yield* noise.send("hello?\r\n\r\n")
      yield* noise.hears("HTTP/1.1 400 Bad Request")
      const truth = yield* server.truth
      assert.deepStrictEqual(
        FaultTruth.requests(truth, "a").map(({ bytes, runKey }) => [runKey, bytes]),
        [
          ["chunks#0", chunked.length],
          ["piped#0", request({ text: "piped" }).length],
          ["chunks#0", chunked.length],
          ["expected#0", head.length + 4 + rest.length],
          [null, 10]
        ]
      )
    })
  )

  it.effect("refuses a body that is no request and a path it does not serve, in the provider's shape", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      yield* server.script("a", [])
      const client = yield* connect(yield* server.endpoint("a"))
      yield* client.send(request({ body: "{" }))
      yield* client.hears('"type":"invalid_request_error"')
      yield* client.send("GET /v1/models HTTP/1.1\r\n\r\n")
      assert.include(yield* client.hears('"code"'), "HTTP/1.1 404 Not Found")
      assert.deepInclude((yield* server.truth).endpoints["a"]?.counts, { complete: 2, ran: 0, answeredFull: 2 })
    })
  )

  it.effect("answers HEAD without a body", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      yield* server.script("a", [FaultScript.on({ nth: 2 }, FaultScript.status(503))])
      const client = yield* connect(yield* server.endpoint("a"))
      const head = "HEAD /v1/messages HTTP/1.1\r\n\r\n"
      yield* client.send(head + head + request())
      yield* client.hears(endOf(false))
      assert.match(client.heard(), /^HTTP\/1\.1 404 [^{]*\r\n\r\nHTTP\/1\.1 503 [^{]*\r\n\r\nHTTP\/1\.1 200 OK/)
    })
  )

  it.effect("has an endpoint whose port refuses connections", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const error = yield* Effect.flip(connect(yield* server.endpoint("nobody")))
      assert.propertyVal(error, "code", "ECONNREFUSED")
      assert.isTrue((yield* server.truth).endpoints["nobody"]?.refused)
    })
  )

  it.effect.each([
    ["expired", "CERT_HAS_EXPIRED"],
    ["elsewhere", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["own", "DEPTH_ZERO_SELF_SIGNED_CERT"]
  ] as const)("shows a certificate that clients refuse: %s", ([name, code]) =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const endpoint = yield* server.endpoint(name)
      const error = yield* Effect.flip(connect(endpoint, { ca: endpoint.ca }))
      assert.propertyVal(error, "code", code)
      const [connection] = (yield* server.truth).endpoints[name]?.connections ?? []
      assert.deepInclude(connection, { bytesReceived: 0, requests: [] })
    })
  )

  it.effect.each(["fin", "half-fin", "reset"] as const)("cuts TLS connections with %s, as plain ones", (how) =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const endpoint = yield* server.endpoint("good")
      yield* server.script("good", [
        FaultScript.on({ request: 1 }, FaultScript.idleClose(how, 30)),
        FaultScript.always(FaultScript.cut(how, FaultScript.afterEvents(3)))
      ])
      const client = yield* connect(endpoint, { ca: endpoint.ca })
      yield* client.send(request({ stream: true, text: "tls" }))
      yield* client.hears(endOf(true))
      assert.strictEqual(yield* client.ended, how === "reset" ? "reset" : "fin")
      if (how === "half-fin") yield* client.send(request({ text: "late" }))
      const { connections = [] } = (yield* server.truth).endpoints["good"] ?? {}
      assert.deepInclude(connections[0], { handshake: "done", closed: { by: "server", how, whileIdle: true } })
      if (how === "half-fin") assert.deepInclude(connections[0]?.requests[1], { ran: true, answered: "none" })
    })
  )

  it.effect.each(["fin", "half-fin", "reset"] as const)("cuts a TLS handshake with %s", (how) =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const endpoint = yield* server.endpoint("cutTls")
      yield* server.script("cutTls", [FaultScript.always(FaultScript.cut(how, FaultScript.atAccept))])
      const error = yield* Effect.flip(connect(endpoint, { ca: endpoint.ca }))
      assert.propertyVal(error, "code", "ECONNRESET")
      const [connection] = (yield* server.truth).endpoints["cutTls"]?.connections ?? []
      assert.deepInclude(connection, { requests: [], closed: { by: "server", how, whileIdle: false } })
    })
  )

  it.effect("counts side effects by key, from here and over HTTP", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      yield* server.reset
      assert.strictEqual(yield* server.recordEffect("mail to bob"), 1)
      const response = yield* Effect.promise(() =>
        fetch(`${server.control.origin}/effects`, { method: "POST", body: JSON.stringify({ key: "mail to bob" }) })
      )
      assert.deepStrictEqual(yield* Effect.promise(() => response.json()), { key: "mail to bob", count: 2 })
      yield* server.recordEffect("other")
      assert.deepStrictEqual(yield* server.effects, [
        { key: "mail to bob", count: 2 },
        { key: "other", count: 1 }
      ])
      assert.deepStrictEqual(FaultTruth.repeatedEffects(yield* server.truth), [{ key: "mail to bob", count: 2 }])
      yield* server.reset
      assert.deepStrictEqual(yield* server.effects, [])
    })
  )

  it.effect("returns to its configuration at a reset, and cuts what is under way", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      yield* server.reset
      yield* server.script("b", [FaultScript.always(FaultScript.cut("stall", FaultScript.afterRequest))])
      const idle = yield* connect(yield* server.endpoint("b"))
      const stuck = yield* connect(yield* server.endpoint("b"))
      yield* stuck.send(request())
      yield* server.truth
      yield* server.reset
      assert.strictEqual(yield* stuck.ended, "reset")
      yield* idle.send(request())
      yield* idle.hears("HTTP/1.1 503")
      assert.strictEqual((yield* server.truth).endpoints["b"]?.counts.requests, 1)
    })
  )
})

describe("FaultServer with counts only", () => {
  it.live("keeps counters and duplicates, and no records", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.make({ endpoints: { a: {} }, record: "counts" })
      const client = yield* connect(yield* server.endpoint("a"))
      const long = "long ".repeat(1000)
      for (const text of ["x", "x", long, long, "y"]) {
        const before = client.heard().length
        yield* client.send(request({ text }))
        while (!client.heard().slice(before).includes(endOf(false))) yield* Effect.sleep("1 millis")
      }
      const truth = yield* server.truth
      assert.deepStrictEqual(truth.endpoints["a"]?.connections, [])
      assert.deepInclude(truth.endpoints["a"]?.counts, { requests: 5, ran: 5, duplicateRuns: 2, answeredFull: 5 })
      assert.deepInclude(truth.runs, { total: 5, distinct: 3 })
      assert.strictEqual(truth.runs.duplicates.length, 2)
      assert.match(truth.runs.duplicates[1]?.runKey ?? "", /^long [\s\S]{115}~[0-9a-f]{16}#0$/)
    }).pipe(Effect.scoped)
  )
})

describe("FaultServer with bytes", () => {
  it.live("keeps what it took of each request, and nothing of what it threw away", () =>
    Effect.gen(function* () {
      const script = [FaultScript.on({ connection: 2 }, FaultScript.cut("stall", FaultScript.afterRequestBytes(30)))]
      const server = yield* FaultServer.make({ endpoints: { a: { script } }, record: "bytes" })
      const whole = request({ text: "Grüße" })
      const sent = Buffer.from(whole, "utf8").toString("latin1")
      const first = yield* connect(yield* server.endpoint("a"))
      yield* first.send(sent.slice(0, 20))
      yield* server.truth
      yield* first.send(sent.slice(20) + sent)
      yield* first.hears(`${endOf(false)}HTTP/1.1 200`)
      const second = yield* connect(yield* server.endpoint("a"))
      yield* second.send(sent)
      const texts = FaultTruth.requests(yield* server.truth, "a").map(({ text }) => text)
      assert.deepStrictEqual(texts, [sent, sent, sent.slice(0, 30)])
    }).pipe(Effect.scoped)
  )
})

describe("the fault server process", () => {
  const program = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

  const launch = (input: string) => {
    const child = spawn(process.execPath, ["--conditions=@holdfast/source", program], {
      stdio: ["pipe", "pipe", "inherit"]
    })
    child.stdin.write(input)
    return child
  }

  it.live("ends with its scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = yield* FaultServer.make({ endpoints: { a: {} } }).pipe(Scope.provide(scope))
      const endpoint = yield* server.endpoint("a")
      yield* Effect.scoped(connect(endpoint))
      yield* Scope.close(scope, Exit.void)
      const error = yield* Effect.flip(Effect.scoped(connect(endpoint)))
      assert.propertyVal(error, "code", "ECONNREFUSED")
      const gone = yield* Effect.flip(server.truth)
      assert.include(gone.message, "GET /truth: Expected the fault server to answer")
    })
  )

  it.live("ends by itself when its input ends", () =>
    Effect.promise(async () => {
      const child = launch('{"endpoints":{"a":{"script":[]}}}\n')
      const [line] = await once(child.stdout, "data")
      assert.isTrue(JSON.parse(String(line)).ready)
      assert.isNull(child.exitCode)
      child.stdin.end()
      const [code] = await once(child, "exit")
      assert.strictEqual(code, 0)
    })
  )

  it.live("says all that is wrong with its configuration, and does not start", () =>
    Effect.gen(function* () {
      const malformed = { endpoints: { a: { tls: "bad", answer: { events: 0 } } }, more: 1 }
      const error = yield* Effect.flip(FaultServer.make(malformed as unknown as FaultConfig.Config))
      assert.strictEqual(error.action, "start")
      assert.deepStrictEqual(error.problems.map(({ place }) => place).toSorted(), [
        "endpoints.a.answer.events",
        "endpoints.a.tls",
        "more"
      ])
      const child = launch("{\n")
      const [line] = yield* Effect.promise(() => once(child.stdout, "data"))
      assert.strictEqual(JSON.parse(String(line)).problems[0].place, "input")
      yield* Effect.promise(() => once(child, "exit"))
      assert.strictEqual(child.exitCode, 1)
    }).pipe(Effect.scoped)
  )

  it.live("says which port it could not have", () =>
    Effect.gen(function* () {
      const first = yield* FaultServer.make({ endpoints: { a: {} } })
      const { port } = yield* first.endpoint("a")
      const error = yield* Effect.flip(FaultServer.make({ endpoints: { b: { port } } }))
      assert.include(error.message, "endpoints.b.port: listen EADDRINUSE")
    }).pipe(Effect.scoped)
  )
})
