/** The connect phase, row by row. */
import { layer } from "@effect/vitest"
import * as FaultServer from "@holdfast/testing/FaultServer"
import { rows } from "./connectRows.ts"
import { play } from "./play.ts"
import { rows as tlsRows } from "./tlsRows.ts"

const servers = FaultServer.layer({
  endpoints: {
    a: {},
    nobody: { refuse: true },
    good: { tls: "good" },
    expired: { tls: "expired" },
    elsewhere: { tls: "wrong-host" },
    own: { tls: "self-signed" }
  }
})

layer(servers, { excludeTestServices: true })("connecting:", (it) => {
  for (const row of [...rows, ...tlsRows]) it.effect(row.says, () => play(row))
})
