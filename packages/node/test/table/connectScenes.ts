/** What rows of the connect phase have in common. */
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import type { Fails, Row } from "./row.ts"
import { nothing, once } from "./row.ts"
import { elsewhere } from "./scenes.ts"

/** Nothing was put on a connection. */
export const fails = (phase: Fails["phase"], reason: Fails["reason"]): Fails => ({
  reason,
  judged: "Safe not-started",
  phase
})

/** A row of a place where no request gets to. */
export const row = (says: string, place: Parameters<typeof elsewhere>[0], expected: Row["expected"]): Row => ({
  says,
  scene: elsewhere(place),
  cells: once,
  starts: 0,
  expected,
  server: nothing
})

/** An endpoint of the fault server. */
export const endpoint = (name: string) => Effect.flatMap(FaultServer.FaultServer, (server) => server.endpoint(name))
