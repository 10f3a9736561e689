/** What `fetch` means by the standard: the same request through ours and through Node's own, seen by one server. */
import * as Http from "node:http"
import * as Zlib from "node:zlib"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fetch from "../src/Fetch.ts"
import { rawServer } from "./support/rawServer.ts"

interface Received {
  readonly method: string
  readonly path: string
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
}

type Answer = (request: Received, response: Http.ServerResponse, origin: string) => void

interface World {
  readonly origin: string
  /** Another origin, of the same server. */
  readonly elsewhere: string
  readonly received: Array<Received>
  readonly answers: Map<string, Answer>
  readonly fetch: typeof globalThis.fetch
}

const World = Context.Service<World, World>("test/World")

const listen = (server: Http.Server): Effect.Effect<string> =>
  Effect.callback((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`))
    })
  })

const world = Layer.effect(
  World,
  Effect.gen(function* () {
    const received: Array<Received> = []
    const answers = new Map<string, Answer>()
    const serve = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("error", () => undefined)
      request.on("end", () => {
        const { headers, method = "", url = "" } = request
        const seen = { method, path: url, headers, body: Buffer.concat(chunks).toString("latin1") }
        received.push(seen)
        const answer = answers.get(new URL(url, "http://a").pathname)
        if (answer === undefined) response.end(`${method} ${seen.body}`)
        else answer(seen, response, elsewhere)
      })
    }
    const open = Effect.acquireRelease(
      Effect.sync(() => Http.createServer(serve)),
      (server) =>
        Effect.sync(() => {
          server.closeAllConnections()
          server.close()
        })
    ).pipe(Effect.flatMap(listen))
    const origin = yield* open
    const elsewhere = yield* open
    const { fetch } = yield* Effect.acquireRelease(
      Effect.promise(() => Fetch.make({ provider: "mine", drain: "100 millis" })),
      (made) => Effect.promise(() => made.close())
    )
    return { origin, elsewhere, received, answers, fetch }
  })
)

// What Node's own adds of itself, and what names a boundary or a connection.
const added = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "connection",
  "host",
  "sec-fetch-mode",
  "user-agent"
])

const comparable = ({ body, headers, method, path }: Received) => {
  const boundary = /boundary=(\S+)/.exec(headers["content-type"] ?? "")?.[1] ?? "no boundary"
  const text = (value: unknown) => String(value).replaceAll(boundary, "-")
  return {
    method,
    path,
    body: text(body),
    headers: Object.fromEntries(
      Object.entries(headers)
        .filter(([name]) => !added.has(name))
        .map(([name, value]) => [name, text(value)])
    )
  }
}

const described = async (answer: Response) => ({
  status: answer.status,
  statusText: answer.statusText,
  ok: answer.ok,
  url: answer.url,
  redirected: answer.redirected,
  type: answer.type,
  body: answer.body === null ? null : (await answer.text()).replace(/undici-\d+/g, "undici"),
  bodyUsed: answer.bodyUsed,
  headers: [...answer.headers].filter(([name]) => name !== "date" && name !== "x-should-retry"),
  cookies: answer.headers.getSetCookie()
})

/** What one request looks like to both sides. */
const through = async (
  { received }: World,
  fetch: typeof globalThis.fetch,
  make: () => readonly [string | URL | Request, RequestInit?]
) => {
  received.length = 0
  const [input, init] = make()
  const answer = await fetch(input, init).then(described, (error: unknown) =>
    error instanceof TypeError ? "TypeError" : error
  )
  return { answer, received: received.map(comparable) }
}

const duplex = { duplex: "half" } as RequestInit

const formOf = () => {
  const form = new FormData()
  form.append("a", "b\nc")
  form.append("file", new File(["content"], 'na"me.txt', { type: "text/plain" }))
  return form
}

async function* generated() {
  yield Buffer.from("gen")
  yield Buffer.from("erated")
}

const view = () => new Uint8Array(new Uint8Array([0, 104, 105, 0]).buffer, 1, 2)

const cases: ReadonlyArray<readonly [string, (origin: string) => readonly [string | URL | Request, RequestInit?]]> = [
  ["GET with a query and a fragment", (o) => [`${o}/a?b=c&d=%20#e`]],
  ["a URL object", (o) => [new URL(`${o}/a/../b`)]],
  ["a method in lower case", (o) => [`${o}/`, { method: "post", body: "x" }]],
  ["PATCH", (o) => [`${o}/`, { method: "PATCH", body: "x" }]],
  ["DELETE without a body", (o) => [`${o}/`, { method: "DELETE" }]],
  ["POST without a body", (o) => [`${o}/`, { method: "POST" }]],
  ["HEAD", (o) => [`${o}/`, { method: "HEAD" }]],
  ["text", (o) => [`${o}/`, { method: "POST", body: "Grüße 🌊" }]],
  ["text with half of a surrogate pair", (o) => [`${o}/`, { method: "POST", body: "a\ud800b" }]],
  ["an empty text", (o) => [`${o}/`, { method: "POST", body: "" }]],
  ["text with a type of its own", (o) => [`${o}/`, { method: "POST", body: "{}", headers: { "Content-Type": "a/b" } }]],
  ["bytes", (o) => [`${o}/`, { method: "POST", body: Buffer.from("bytes") }]],
  ["a view of a buffer", (o) => [`${o}/`, { method: "POST", body: view() }]],
  ["an ArrayBuffer", (o) => [`${o}/`, { method: "POST", body: new Uint8Array([104, 105]).buffer }]],
  ["search parameters", (o) => [`${o}/`, { method: "POST", body: new URLSearchParams({ a: "b c", d: "ü" }) }]],
  ["a form", (o) => [`${o}/`, { method: "POST", body: formOf() }]],
  ["a blob", (o) => [`${o}/`, { method: "POST", body: new Blob(["blob"]) }]],
  ["a blob with a type", (o) => [`${o}/`, { method: "POST", body: new Blob(["blob"], { type: "image/png" }) }]],
  ["a stream", (o) => [`${o}/`, { method: "POST", body: new Blob(["stream"]).stream(), ...duplex }]],
  ["an async iterable", (o) => [`${o}/`, { method: "POST", body: generated() as never, ...duplex }]],
  [
    "headers in pairs, some twice",
    (o) => [
      `${o}/`,
      {
        headers: [
          ["X-A", "1"],
          ["x-a", " 2 "],
          ["X-B", "\t3"]
        ]
      }
    ]
  ],
  ["Headers", (o) => [`${o}/`, { headers: new Headers({ "X-A": "1", authorization: "Bearer k" }) }]],
  ["a header in Latin-1", (o) => [`${o}/`, { headers: { "x-a": "ü" } }]],
  ["a Request", (o) => [new Request(`${o}/r`, { method: "PUT", headers: { "x-a": "1" } })]],
  [
    "a Request changed by init",
    (o) => [new Request(`${o}/r`, { headers: { "x-a": "1" } }), { method: "POST", body: "i" }]
  ],
  ["null for a body", (o) => [`${o}/`, { method: "POST", body: null }]],
  ["no content", (o) => [`${o}/204`]],
  ["not modified", (o) => [`${o}/304`]],
  ["cookies", (o) => [`${o}/cookies`]],
  ["an error status", (o) => [`${o}/503`]],
  ["a status without a name", (o) => [`${o}/299`]],
  ["an empty body", (o) => [`${o}/empty`]],
  ["gzip", (o) => [`${o}/gzip`]],
  ["deflate", (o) => [`${o}/deflate`]],
  ["deflate without its header", (o) => [`${o}/raw-deflate`]],
  ["br", (o) => [`${o}/br`]],
  ["br over gzip", (o) => [`${o}/both`]],
  ["a coding that nobody knows", (o) => [`${o}/unknown-coding`]],
  ["an empty body that says gzip", (o) => [`${o}/empty-gzip`]],
  ["421", (o) => [`${o}/421`]],
  ["a redirect of GET", (o) => [`${o}/301`, { headers: { "x-a": "1" } }]],
  ["a redirect of HEAD", (o) => [`${o}/302`, { method: "HEAD" }]],
  ["a redirect of POST by 301", (o) => [`${o}/301`, { method: "POST", body: "x" }]],
  ["a redirect of POST by 302", (o) => [`${o}/302`, { method: "POST", body: "x" }]],
  [
    "a redirect of PUT by 303",
    (o) => [`${o}/303`, { method: "PUT", body: "x", headers: { "content-language": "de" } }]
  ],
  ["a redirect of GET by 307", (o) => [`${o}/307`]],
  ["a redirect of GET by 308", (o) => [`${o}/308#kept`]],
  ["a redirect that the caller handles", (o) => [`${o}/302`, { redirect: "manual" }]],
  ["a redirect that the caller would not have", (o) => [`${o}/302`, { redirect: "error" }]],
  ["a redirect without a place", (o) => [`${o}/nowhere`]],
  ["a redirect to another scheme", (o) => [`${o}/ftp`]],
  ["redirects without end", (o) => [`${o}/loop`]],
  ["a relative URL", () => ["/v1"]],
  ["a body with GET", (o) => [`${o}/`, { body: "x" }]],
  ["a stream without duplex", (o) => [`${o}/`, { method: "POST", body: new Blob(["x"]).stream() }]],
  ["a method that is forbidden", (o) => [`${o}/`, { method: "TRACE" }]]
]

const setAnswers = (answers: Map<string, Answer>): void => {
  const give = (path: string, status: number, headers: Http.OutgoingHttpHeaders, body: string | Uint8Array = "") =>
    answers.set(path, (_, response) => response.writeHead(status, headers).end(body))
  const plain = "plain text, ".repeat(50)
  give("/204", 204, {})
  give("/304", 304, { etag: "x" })
  give("/cookies", 200, {
    "set-cookie": ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/", "b=2"],
    vary: "a, b"
  })
  give("/503", 503, { "retry-after": "1" }, "busy")
  answers.set("/299", (_, response) => response.writeHead(299, "").end("x"))
  give("/empty", 200, { "content-length": 0 })
  give("/gzip", 200, { "content-encoding": "gzip" }, Zlib.gzipSync(plain))
  give("/deflate", 200, { "content-encoding": "deflate" }, Zlib.deflateSync(plain))
  give("/raw-deflate", 200, { "content-encoding": "deflate" }, Zlib.deflateRawSync(plain))
  give("/br", 200, { "content-encoding": "br" }, Zlib.brotliCompressSync(plain))
  give("/both", 200, { "content-encoding": "gzip, br" }, Zlib.brotliCompressSync(Zlib.gzipSync(plain)))
  give("/unknown-coding", 200, { "content-encoding": "rot13" }, "cynva")
  give("/empty-gzip", 200, { "content-encoding": "gzip", "content-length": 0 })
  give("/421", 421, {}, "elsewhere")
  for (const status of [301, 302, 303, 307, 308]) give(`/${status}`, status, { location: "/target?q=1" }, "moved")
  give("/nowhere", 302, {}, "moved")
  give("/ftp", 302, { location: "ftp://a/b" })
  give("/loop", 302, { location: "/loop" })
}

layer(world, { excludeTestServices: true })("fetch, beside Node's own", (it) => {
  it.effect.each(cases)("does the same with %s", ([name, make]) =>
    Effect.gen(function* () {
      const here = yield* World
      setAnswers(here.answers)
      const ours = yield* Effect.promise(() => through(here, here.fetch, () => make(here.origin)))
      const theirs = yield* Effect.promise(() => through(here, globalThis.fetch, () => make(here.origin)))
      // Node's own sends a misdirected request twice, behind the caller's back.
      if (name === "421") theirs.received.length = 1
      assert.deepStrictEqual(ours, theirs)
    })
  )

  it.effect("sends no body again that a redirect asks for, and gives the redirect", () =>
    Effect.gen(function* () {
      const here = yield* World
      setAnswers(here.answers)
      for (const [status, init] of [
        [307, { method: "POST", body: "x" }],
        [308, { method: "POST", body: "x" }],
        [307, { method: "DELETE" }],
        [301, { method: "PUT", body: "x" }]
      ] as const) {
        here.received.length = 0
        const answer = yield* Effect.promise(() => here.fetch(`${here.origin}/${status}`, init))
        assert.strictEqual(answer.status, status)
        assert.strictEqual(answer.headers.get("location"), "/target?q=1")
        assert.strictEqual(yield* Effect.promise(() => answer.text()), "moved")
        assert.strictEqual(here.received.length, 1)
      }
    })
  )

  it.effect("takes nothing to another origin that may be a credential, nor back from there", () =>
    Effect.gen(function* () {
      const here = yield* World
      here.answers.set("/away", (_, response, elsewhere) =>
        response.writeHead(302, { location: `${elsewhere}/back` }).end()
      )
      here.answers.set("/back", (_, response) => response.writeHead(302, { location: `${here.origin}/home` }).end())
      here.received.length = 0
      const answer = yield* Effect.promise(() =>
        here.fetch(`${here.origin}/away`, {
          method: "POST",
          body: "secret body",
          headers: {
            authorization: "Bearer k",
            cookie: "k",
            "x-api-key": "k",
            "api-key": "k",
            "x-goog-api-key": "k",
            "openai-organization": "k",
            "content-type": "a/b",
            accept: "text/plain",
            "user-agent": "me"
          }
        })
      )
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.url, `${here.origin}/home`)
      assert.isTrue(answer.redirected)
      assert.deepStrictEqual(
        here.received.map(({ body, headers, method }) => [method, body, Object.keys(headers).toSorted().join(" ")]),
        [
          [
            "POST",
            "secret body",
            "accept api-key authorization connection content-length content-type cookie host openai-organization user-agent x-api-key x-goog-api-key"
          ],
          ["GET", "", "accept connection host user-agent"],
          ["GET", "", "accept connection host user-agent"]
        ]
      )
    })
  )

  it.effect("sends a Request's body with its length, so that it can be repaired", () =>
    Effect.gen(function* () {
      const here = yield* World
      here.received.length = 0
      for (const body of ["text", new URLSearchParams("a=b"), formOf()]) {
        yield* Effect.promise(() => here.fetch(new Request(`${here.origin}/`, { method: "POST", body })))
      }
      for (const { headers } of here.received) assert.isAbove(Number(headers["content-length"]), 0)
      assert.strictEqual(here.received.length, 3)
    })
  )

  it.effect("fails the body whose encoding is broken, with our failure", () =>
    Effect.gen(function* () {
      const here = yield* World
      const gzip = Zlib.gzipSync("x".repeat(5000))
      const bodies: ReadonlyArray<readonly [string, Uint8Array]> = [
        ["gzip", gzip.subarray(0, 12)],
        ["gzip", Buffer.from("no gzip at all")],
        ["br", Buffer.from("no brotli at all")],
        ["gzip", Buffer.concat([gzip.subarray(0, 15), Buffer.alloc(20)])]
      ]
      for (const [encoding, body] of bodies) {
        here.answers.set("/broken", (_, response) =>
          response.writeHead(200, { "content-encoding": encoding }).end(body)
        )
        const error = yield* Effect.promise(() =>
          here.fetch(`${here.origin}/broken`).then((answer) => answer.text().catch((error: unknown) => error))
        )
        assert.instanceOf(error, TypeError)
        assert.strictEqual(error.message, "terminated")
        assert.strictEqual(Fetch.failureOf(error)?.reason._tag, "MalformedResponse")
      }
    })
  )

  it.effect("stops a body that grows without measure when it is decoded", () =>
    Effect.gen(function* () {
      const here = yield* World
      const bomb = Zlib.brotliCompressSync(Buffer.alloc(200 * 1024 * 1024), {
        params: { [Zlib.constants.BROTLI_PARAM_QUALITY]: 1 }
      })
      here.answers.set("/bomb", (_, response) => response.writeHead(200, { "content-encoding": "br" }).end(bomb))
      let bytes = 0
      const error = yield* Effect.promise(async () => {
        try {
          for await (const chunk of (await here.fetch(`${here.origin}/bomb`)).body ?? []) bytes += chunk.byteLength
          return undefined
        } catch (error) {
          return error
        }
      })
      assert.include(Fetch.failureOf(error)?.message, "grows")
      assert.isAtMost(bytes, 66 * 1024 * 1024)
    })
  )

  it.effect("refuses a status that no Response can hold, with our failure", () =>
    Effect.gen(function* () {
      const here = yield* World
      const raw = yield* rawServer((socket) =>
        socket.on("data", () => socket.write("HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n"))
      )
      const error = yield* Effect.promise(() => here.fetch(raw.origin).catch((error: unknown) => error))
      assert.strictEqual(Fetch.failureOf(error)?.reason._tag, "MalformedResponse")
    }).pipe(Effect.scoped)
  )

  it.effect("reads headers that are not Latin-1 byte by byte", () =>
    Effect.gen(function* () {
      const here = yield* World
      const raw = yield* rawServer((socket) =>
        socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nx-a: 1€\r\ncontent-length: 0\r\n\r\n"))
      )
      const read = (fetch: typeof globalThis.fetch) => fetch(raw.origin).then((answer) => answer.headers.get("x-a"))
      const [ours, theirs] = yield* Effect.promise(() => Promise.all([read(here.fetch), read(globalThis.fetch)]))
      assert.strictEqual(ours, theirs)
    }).pipe(Effect.scoped)
  )

  it.effect("gives a copy of an answer that knows what the answer knows", () =>
    Effect.gen(function* () {
      const here = yield* World
      const answer = yield* Effect.promise(() => here.fetch(`${here.origin}/copied`, { method: "POST", body: "x" }))
      const copy = answer.clone()
      assert.deepStrictEqual(
        [copy.url, copy.type, copy.redirected, copy.status, copy.headers.get("date")],
        [answer.url, "basic", false, 200, answer.headers.get("date")]
      )
      const texts = yield* Effect.promise(() => Promise.all([copy.text(), answer.text()]))
      assert.deepStrictEqual(texts, ["POST x", "POST x"])
    })
  )
})
