/** HTTP/2, row by row. */
import { layer } from "@effect/vitest"
import * as FaultServer from "@holdfast/testing/FaultServer"
import { rows } from "./http2Rows.ts"
import { play } from "./play.ts"

layer(FaultServer.layer({ endpoints: { a: {} } }), { excludeTestServices: true })("HTTP/2:", (it) => {
  for (const row of rows) it.effect(row.says, () => play(row))
})
