/** Proxies, row by row. */
import { layer } from "@effect/vitest"
import * as FaultServer from "@holdfast/testing/FaultServer"
import { describeWith } from "../support/programs.ts"
import { play } from "./play.ts"
import type { Row } from "./row.ts"
import { rows, tinyproxyRows } from "./proxyRows.ts"

const servers = FaultServer.layer({
  endpoints: { a: {}, nobody: { refuse: true }, tls: { tls: "good" }, elsewhere: { tls: "wrong-host" } }
})

const table = (rows: ReadonlyArray<Row>) =>
  layer(servers, { excludeTestServices: true })("through a proxy:", (it) => {
    for (const row of rows) it.effect(row.says, () => play(row))
  })

table(rows)
describeWith(["tinyproxy"], "real ones", () => table(tinyproxyRows))
