/** Runs an example as its reader would, in a process of its own, with servers of this machine in the providers' place. */
import { FaultServer } from "@holdfast/testing"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { EndpointName, Name, Scenario } from "./scenarios.ts"
import { endpoints, scenarios } from "./scenarios.ts"

const run = promisify(execFile)

/** The servers, for as long as the layer lives. */
export const servers: Layer.Layer<FaultServer.FaultServer, FaultServer.FaultServerError> = FaultServer.layer({
  endpoints
})

/** What an example printed, with a scenario that is not its own where one is given. */
export const play = Effect.fnUntraced(function* (
  name: Name,
  { env = {}, scenario = scenarios[name] }: { readonly env?: Record<string, string>; readonly scenario?: Scenario } = {}
): Effect.fn.Return<string, FaultServer.FaultServerError, FaultServer.FaultServer> {
  const server = yield* FaultServer.FaultServer
  for (const endpoint of Object.keys(endpoints) as ReadonlyArray<EndpointName>) {
    yield* server.script(endpoint, scenario.script?.[endpoint] ?? [])
  }
  const originOf = (endpoint: EndpointName) => Effect.map(server.endpoint(endpoint), ({ origin }) => origin)
  const given = {
    PATH: process.env["PATH"],
    ANTHROPIC_API_KEY: "a-key",
    ANTHROPIC_BASE_URL: yield* originOf(scenario.anthropic ?? "anthropic"),
    OPENAI_API_KEY: "another-key",
    OPENAI_BASE_URL: `${yield* originOf("openai")}/v1`,
    CORP_API_KEY: "a-third-key",
    CORP_BASE_URL: `${yield* originOf("corp")}/v1`,
    ...env
  }
  const file = fileURLToPath(new URL(`../${name}.ts`, import.meta.url))
  const { stdout } = yield* Effect.promise(() =>
    run(process.execPath, ["--conditions=@holdfast/source", file], { timeout: 30_000, env: given })
  )
  return stdout
})
