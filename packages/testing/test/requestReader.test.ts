import { assert, describe, it } from "@effect/vitest"
import { RequestReader } from "../src/internal/requestReader.ts"

const body = '{"text":"Grüße"}'
const length = Buffer.byteLength(body)
const plain = `POST /v1/messages?beta=true HTTP/1.1\r\nHost: x\r\nX-Fault-Tag: a b \r\nContent-Length: ${length}\r\n\r\n${body}`
const chunked = `POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)};a=b\r\n${body}\r\n0\r\nx: y\r\n\r\n`

describe("RequestReader", () => {
  it.each([plain, chunked])("reads the same request wherever it is cut in two", (text) => {
    const whole = Buffer.from(`${text}GET`, "utf8")
    const end = whole.length - 3
    for (let cut = 0; cut <= whole.length; cut++) {
      const reader = new RequestReader()
      const rest = [reader.push(whole.subarray(0, cut)), reader.push(whole.subarray(cut))]
      assert.strictEqual(reader.state, "complete", `cut at ${cut}`)
      assert.strictEqual(reader.bytes, end)
      assert.strictEqual(reader.body().toString("utf8"), body)
      assert.strictEqual(Buffer.concat(rest).toString(), "GET")
    }
  })

  it("reads a request that comes byte by byte, and then the next", () => {
    const reader = new RequestReader()
    for (const text of [plain, chunked, plain]) {
      for (const byte of Buffer.from(text, "utf8")) reader.push(Buffer.of(byte))
      assert.strictEqual(reader.state, "complete")
      assert.strictEqual(reader.body().toString("utf8"), body)
      reader.reset()
    }
  })

  it("reads what the head says", () => {
    const reader = new RequestReader()
    reader.push(Buffer.from(plain, "utf8"), true)
    assert.deepStrictEqual(reader.head, {
      method: "POST",
      path: "/v1/messages",
      keepAlive: true,
      expectsContinue: false,
      tag: "a b"
    })
    assert.strictEqual(reader.state, "body")
    assert.strictEqual(reader.bytes, plain.indexOf("{"))
  })

  it.each([
    ["HTTP/1.1", "close", false],
    ["HTTP/1.1", "keep-alive", true],
    ["HTTP/1.0", "keep-alive", true],
    ["HTTP/1.0", "x", false]
  ])("knows whether %s with connection: %s is kept alive: %s", (version, connection, expected) => {
    const reader = new RequestReader()
    reader.push(Buffer.from(`GET / ${version}\r\nconnection: ${connection}\r\n\r\n`))
    assert.strictEqual(reader.state, "complete")
    assert.strictEqual(reader.head?.keepAlive, expected)
  })

  it.each([
    "hello\r\n\r\n",
    "GET / HTTP/2\r\n\r\n",
    "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
    "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
    `GET / HTTP/1.1\r\nx: ${"a".repeat(70_000)}`
  ])("refuses what is no request", (text) => {
    const reader = new RequestReader()
    reader.push(Buffer.from(text))
    assert.strictEqual(reader.state, "invalid")
  })
})
