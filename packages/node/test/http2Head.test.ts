import { assert, describe, it } from "@effect/vitest"
import { answerHeaders, requestHead, sizeOf } from "../src/internal/http2/head.ts"
import type { Sent } from "../src/internal/pool.ts"

const sent: Sent = {
  origin: "https://api.example.com:8443",
  path: "/v1/messages?beta=1",
  method: "POST",
  headers: ["Content-Type", "application/json", "X-Api-Key", "secret"],
  body: "{}",
  fresh: false,
  headersTimeout: 0,
  bodyTimeout: 0
}

const lengthOf = (more: Partial<Sent>) => requestHead({ ...sent, ...more }).fields["content-length"]

describe("the head of a request over HTTP/2", () => {
  it("says where it goes in pseudo-headers, and names in lower case", () => {
    assert.deepEqual(requestHead(sent).fields, {
      ":method": "POST",
      ":scheme": "https",
      ":authority": "api.example.com:8443",
      ":path": "/v1/messages?beta=1",
      "content-type": "application/json",
      "x-api-key": "secret",
      "content-length": "2"
    })
  })

  it("says how long a body is where that is known, in bytes", () => {
    assert.strictEqual(lengthOf({ body: "Grüße" }), "7")
    assert.strictEqual(lengthOf({ body: new Uint8Array(3) }), "3")
    assert.strictEqual(lengthOf({ body: null }), "0")
    assert.isUndefined(lengthOf({ body: null, method: "GET" }))
    assert.strictEqual(lengthOf({ body: "x", method: "DELETE" }), "1")
  })

  it("keeps every value of a name that is given twice", () => {
    const { fields } = requestHead({ ...sent, headers: ["X-A", "1", "x-a", "2", "X-a", "3"] })
    assert.deepEqual(fields["x-a"], ["1", "2", "3"])
  })

  it("counts as RFC 7541 does", () => {
    assert.strictEqual(sizeOf({ "x-a": "bc" }), 3 + 2 + 32)
    assert.strictEqual(sizeOf({ "x-a": ["b", "cd"] }), 3 + 1 + 32 + 3 + 2 + 32)
    assert.strictEqual(requestHead(sent).bytes, sizeOf(requestHead(sent).fields))
  })
})

describe("the headers of an answer over HTTP/2", () => {
  it("are those of HTTP", () => {
    assert.deepEqual(answerHeaders({ ":status": "200", "content-type": "text/plain", "set-cookie": ["a=1", "b=2"] }), {
      "content-type": "text/plain",
      "set-cookie": ["a=1", "b=2"]
    })
  })
})
