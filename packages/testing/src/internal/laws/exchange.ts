/** What is asked arrives as it was asked, and what is answered as it was answered; neither is done twice or elsewhere. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as FaultScript from "../../FaultScript.ts"
import type { Law } from "./law.ts"
import { bodyOf, Broken, config, failureOf, fetchText, prepare, send, truthOf, untilTruth } from "./law.ts"

const { afterEvents, always, cut, on } = FaultScript

const said = config.endpoints.plain.answer.text

/** Statuses that clients are known to act on by themselves. */
const statuses = [201, 204, 400, 401, 403, 404, 407, 408, 409, 413, 421, 425, 429, 500, 502, 503, 504, 529, 599]

const redirects = [301, 302, 303, 307, 308]

/** @see module documentation */
export const exchange: ReadonlyArray<Law> = [
  {
    says: "sends method, path, query, headers and body as they are, secrets unwrapped, and no trace headers",
    holds: Effect.gen(function* () {
      const body = bodyOf({}, "Grüße 🌊")
      const request = yield* prepare([], {
        body,
        headers: { "x-api-key": Redacted.make("sk-1"), "x-empty": "", "X-Case": "As Is", "x-latin": "caf\u00e9" }
      })
      yield* fetchText({ ...request, url: `${request.url}?a=1&b=%20x` }).pipe(Effect.withSpan("a span"))
      const { requests } = yield* truthOf()
      const text = Buffer.from(requests[0]?.text ?? "", "latin1")
      const end = text.indexOf("\r\n\r\n")
      assert.strictEqual(text.toString("utf8", end + 4), body)
      const [line, ...lines] = text.toString("latin1", 0, end).split("\r\n")
      assert.strictEqual(line, "POST /v1/messages?a=1&b=%20x HTTP/1.1")
      const headers = new Map(
        lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()])
      )
      assert.strictEqual(headers.size, lines.length)
      assert.strictEqual(headers.get("x-api-key"), "sk-1")
      assert.strictEqual(headers.get("x-empty"), "")
      assert.strictEqual(headers.get("x-case"), "As Is")
      assert.strictEqual(headers.get("x-latin"), "caf\u00e9")
      assert.strictEqual(headers.get("content-length"), String(Buffer.byteLength(body)))
      for (const name of ["traceparent", "b3", "x-b3-traceid"]) assert.isFalse(headers.has(name), name)
    })
  },
  {
    says: "sends a body of bytes as it is, and a request without a body",
    holds: Effect.gen(function* () {
      const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256)
      const request = yield* prepare([], { body: bytes })
      yield* fetchText(request)
      const { body: _, ...bare } = request
      yield* fetchText({ ...bare, method: "GET" })
      const { requests } = yield* truthOf()
      assert.isTrue(
        Buffer.from(requests[0]?.text ?? "", "latin1")
          .subarray(-bytes.length)
          .equals(bytes)
      )
      assert.isTrue(requests[1]?.text?.startsWith("GET /v1/messages HTTP/1.1\r\n"))
      assert.isTrue(requests[1]?.text?.endsWith("\r\n\r\n"))
    })
  },
  {
    says: "gives a whole answer as it was sent",
    holds: Effect.gen(function* () {
      const response = yield* send(yield* prepare([]))
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers["content-type"], "application/json")
      assert.match(response.headers["request-id"] ?? "", /^req_/)
      assert.strictEqual(JSON.parse(yield* response.text).content[0].text, said)
      const { connections } = yield* truthOf()
      const { bytesReceived = 0, bytesSent = 0 } = connections[0] ?? {}
      assert.deepInclude(response.evidence(), {
        _tag: "Observed",
        phase: "responding",
        status: 200,
        bytesWritten: bytesReceived,
        bytesRead: bytesSent
      })
      assert.isAtLeast(response.elapsedMs(), 0)
    })
  },
  {
    says: "gives the bytes of a streamed answer as they come, before its end",
    holds: Effect.gen(function* () {
      const request = yield* prepare([always(cut("stall", afterEvents(4)))], { streaming: true })
      const response = yield* send(request)
      assert.match(response.headers["content-type"] ?? "", /^text\/event-stream/)
      const text = yield* response.body.pipe(
        Stream.scan(
          () => "",
          (text, chunk) => text + Buffer.from(chunk).toString("utf8")
        ),
        Stream.takeUntil((text) => text.split("\n\n").length > 4),
        Stream.runLast
      )
      assert.match(
        Option.getOrElse(text, () => ""),
        /^event: message_start\n[^]*event: content_block_delta\ndata: .*\n\n$/
      )
    })
  },
  {
    says: "gives an answer whatever its status, once, and asks nobody again",
    holds: Effect.gen(function* () {
      for (const status of statuses) {
        const message = `the body of a ${status}`
        const fault = FaultScript.status(status, {
          shape: status === 204 ? "empty" : "json-foreign",
          error: { message },
          headers: { "x-law": "kept", "retry-after": "0" }
        })
        // A 408 on a reused connection would be taken for one that was sent while it idled.
        const request = yield* prepare([always(fault)], { connection: "fresh" })
        const response = yield* Effect.mapError(send(request), (error) => new Broken(`an answer of ${status}`, error))
        assert.strictEqual(response.status, status)
        assert.deepInclude(response.headers, { "x-law": "kept", "retry-after": "0" })
        assert.strictEqual(yield* response.text, status === 204 ? "" : JSON.stringify({ message }))
        const { counts } = yield* truthOf()
        assert.strictEqual(counts.requests, 1, `requests answered with ${status}`)
      }
    })
  },
  {
    says: "follows no redirect",
    holds: Effect.gen(function* () {
      for (const status of redirects) {
        const { origin } = new URL((yield* prepare([])).url)
        const location = `${origin}/elsewhere/v1/messages`
        const request = yield* prepare([
          on({ nth: 1 }, FaultScript.status(status, { shape: "empty", headers: { location } }))
        ])
        const response = yield* send(request)
        assert.strictEqual(response.status, status)
        assert.strictEqual(response.headers["location"], location)
        yield* response.discard
        assert.strictEqual((yield* truthOf()).counts.requests, 1, `requests answered with ${status}`)
      }
    }).pipe(Effect.scoped)
  },
  {
    says: "forgets what is said before an answer",
    holds: Effect.gen(function* () {
      const response = yield* send(yield* prepare([always(FaultScript.informational(103))]))
      assert.strictEqual(response.status, 200)
      assert.isUndefined(response.headers["link"])
      assert.include(yield* response.text, said)
    })
  },
  {
    says: "takes no 408 that was sent to an idle connection for an answer",
    holds: Effect.gen(function* () {
      const request = yield* prepare([on({ request: 1 }, FaultScript.idleClose("408", 5))])
      const statusOf = Effect.scoped(Effect.map(send(request), (response) => response.status))
      for (let times = 0; times < 30; times++) {
        yield* fetchText(request)
        yield* Effect.sleep(4 + (times % 3))
        const outcome = yield* Effect.result(statusOf)
        if (Result.isSuccess(outcome)) assert.strictEqual(outcome.success, 200)
        else assert.propertyVal(yield* failureOf(Effect.fail(outcome.failure)), "_tag", "ReplayAmbiguous")
      }
    })
  },
  {
    says: "gives a body once",
    holds: Effect.gen(function* () {
      const response = yield* send(yield* prepare([]))
      assert.include(yield* response.text, said)
      const again = yield* Effect.orElseSucceed(response.text, () => "")
      assert.strictEqual(again, "")
      assert.strictEqual((yield* truthOf()).counts.requests, 1)
    })
  },
  {
    says: "serves on after an answer that was discarded",
    holds: Effect.gen(function* () {
      const request = yield* prepare([])
      yield* Effect.scoped(Effect.flatMap(send(request), (response) => response.discard))
      assert.include(yield* fetchText(request), said)
      assert.deepInclude((yield* truthOf()).counts, { requests: 2, answeredFull: 2 })
    })
  },
  {
    says: "ends a discarded answer that goes on",
    holds: Effect.gen(function* () {
      const request = yield* prepare([always(cut("stall", afterEvents(2)))], { streaming: true })
      yield* Effect.scoped(Effect.flatMap(send(request), (response) => response.discard))
      yield* untilTruth("a connection that the client closed", ({ counts }) => counts.closedByClient === 1)
    })
  },
  {
    says: "gives many at once each their own answer",
    holds: Effect.gen(function* () {
      const request = yield* prepare(
        Array.from({ length: 40 }, (_, index) =>
          on({ tag: `${index}` }, FaultScript.status(404, { error: { message: `answer ${index}` } }))
        )
      )
      const texts = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, index) => `${index}`),
        (tag) => fetchText({ ...request, headers: { "x-fault-tag": tag } }),
        { concurrency: "unbounded" }
      )
      for (const [index, text] of texts.entries()) assert.include(text, `"answer ${index}"`)
      assert.strictEqual((yield* truthOf()).counts.requests, 40)
    })
  },
  {
    says: "takes a connection that has carried nothing where the request insists on one",
    holds: Effect.gen(function* () {
      const request = yield* prepare([])
      yield* fetchText(request)
      // A connection is free again some turns of the event loop after its answer.
      yield* Effect.sleep("20 millis")
      const response = yield* send({ ...request, connection: "fresh" })
      yield* response.text
      const { requests } = yield* truthOf()
      assert.deepStrictEqual(
        requests.map(({ index }) => index),
        [1, 1]
      )
      const evidence = response.evidence()
      assert.deepInclude(evidence._tag === "Observed" ? evidence.connection : undefined, {
        reused: false,
        idleMs: 0,
        requestsServed: 0
      })
    })
  }
]
