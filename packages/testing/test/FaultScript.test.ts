import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as FaultScript from "../src/FaultScript.ts"

const script: FaultScript.Script = [
  FaultScript.on({ connection: 1 }, FaultScript.cut("reset", FaultScript.atAccept)),
  FaultScript.on({ nth: 1 }, FaultScript.cut("fin", FaultScript.afterRequestBytes(10))),
  FaultScript.on({ request: 2 }, FaultScript.cut("half-fin", FaultScript.afterRequest)),
  FaultScript.on({ tag: "a" }, FaultScript.cut("stall", FaultScript.afterHeadBytes(10), { connectionClose: true })),
  FaultScript.always(FaultScript.cut("reset", FaultScript.afterHead)),
  FaultScript.always(FaultScript.cut("reset", FaultScript.afterEvents(2))),
  FaultScript.always(FaultScript.idleClose("408", 10, { keepAliveHint: 5 }), { times: 2 }),
  FaultScript.always(FaultScript.status(429, { retryAfter: 3, error: { code: "x" }, ran: true })),
  FaultScript.always(FaultScript.status(502, { shape: "html", headers: { via: "proxy" } })),
  FaultScript.always(FaultScript.inBandError(0, { type: "overloaded_error" })),
  FaultScript.always(FaultScript.noEndMarker()),
  FaultScript.always(FaultScript.drip(5, { headDelayMs: 10 })),
  FaultScript.always(FaultScript.informational(103)),
  FaultScript.always(FaultScript.framing("two-lengths")),
  FaultScript.always(FaultScript.connectionClose)
]

describe("FaultScript", () => {
  it("is plain JSON data", () => {
    const codec = Schema.fromJsonString(FaultScript.Script)
    const json = Schema.encodeSync(codec)(script)
    assert.deepStrictEqual(JSON.parse(json), script)
    assert.deepStrictEqual(Schema.decodeSync(codec)(json), script)
  })

  it("matches a cut at accept by connection only", () => {
    const rule = FaultScript.on({ tag: "a" }, FaultScript.cut("fin", FaultScript.atAccept))
    assert.throws(() => Schema.decodeSync(FaultScript.Rule)(rule), /at Accept there is no request yet/)
  })
})
