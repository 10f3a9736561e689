/** HTTP/1.1, row by row. */
import { layer } from "@effect/vitest"
import * as FaultServer from "@holdfast/testing/FaultServer"
import { rows as idleRows } from "./http1IdleRows.ts"
import { rows } from "./http1Rows.ts"
import { play } from "./play.ts"

layer(FaultServer.layer({ endpoints: { a: {} } }), { excludeTestServices: true })("HTTP/1.1:", (it) => {
  for (const row of [...rows, ...idleRows]) it.effect(row.says, () => play(row))
})
