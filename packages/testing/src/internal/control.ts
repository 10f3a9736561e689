/**
 * The control plane: a loopback HTTP server beside the endpoints, which is an ordinary, well-behaved one.
 *
 * Every answer is JSON; what is refused changes nothing and gets `{ "problems": [{ "place", "expected" }] }`.
 */
import * as Http from "node:http"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FaultConfig from "../FaultConfig.ts"
import * as FaultScript from "../FaultScript.ts"
import type { Problem } from "../FaultServerError.ts"
import type * as FaultTruth from "../FaultTruth.ts"
import * as Clock from "./clock.ts"
import { decodeJson } from "./decode.ts"
import type { Endpoint } from "./endpoint.ts"
import type { Tally } from "./truth.ts"
import { mergeRuns } from "./truth.ts"

/** What is controlled. */
export interface Controlled {
  readonly endpoints: ReadonlyMap<string, Endpoint>
  readonly effects: Tally
  /** The answer to `GET /`: where everything is. */
  readonly about: () => unknown
}

/** Answers a control request. */
type Answer = (status: number, body: unknown) => void
type Handler = (body: string, answer: Answer) => void

const SideEffect = Schema.Struct({ key: Schema.NonEmptyString })
const CloseIdle = Schema.Struct({ how: FaultScript.IdleHow })

/** More turns than it takes to accept a connection and read what its client had sent before it asked for the truth. */
const turnsBeforeTruth = 4

/** Makes the control server; it does not listen yet. */
export const makeControl = (controlled: Controlled): Http.Server => {
  const server = Http.createServer((request, response) => {
    const answer: Answer = (status, body) => {
      const text = JSON.stringify(body)
      response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) })
      response.end(`${text}`)
    }
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const handler = find(controlled, request.method ?? "GET", request.url ?? "/")
      handler(Buffer.concat(chunks).toString("utf8"), answer)
    })
  })
  // The tool that makes stale sockets must not have any: a control connection is never closed for being idle.
  server.keepAliveTimeout = 0
  return server
}

const find = (controlled: Controlled, method: string, url: string): Handler => {
  const [, first = "", name = "", verb = ""] = url.split("/")
  if (first === "endpoints") {
    const endpoint = controlled.endpoints.get(name)
    return endpoint === undefined
      ? unknownEndpoint(controlled, name)
      : (forEndpoint(endpoint, `${method} ${verb}`) ?? notFound)
  }
  return forServer(controlled, `${method} /${first}`) ?? notFound
}

const forServer = (controlled: Controlled, route: string): Handler | undefined => {
  const endpoints = Array.from(controlled.endpoints.values())
  switch (route) {
    case "GET /":
      return (_, answer) => answer(200, controlled.about())
    case "GET /truth":
      return (_, answer) => Clock.settle(turnsBeforeTruth, () => answer(200, truthOf(controlled)))
    case "GET /effects":
      return (_, answer) => answer(200, controlled.effects.list())
    case "POST /effects":
      return reading(SideEffect, "effect", ({ key }, answer) =>
        answer(200, { key, count: controlled.effects.add(key) })
      )
    case "POST /reset":
      return (_, answer) => {
        for (const endpoint of endpoints) endpoint.reset()
        controlled.effects.clear()
        answer(200, {})
      }
    default:
      return undefined
  }
}

const forEndpoint = (endpoint: Endpoint, route: string): Handler | undefined => {
  switch (route) {
    case "PUT script":
      return reading(FaultScript.Script, "script", (script, answer) => {
        endpoint.setScript(script)
        answer(200, { rules: script.length })
      })
    case "POST close-idle":
      return reading(CloseIdle, "close-idle", ({ how }, answer) => {
        // A connection whose answer its client has just read may look busy for one more turn.
        Clock.settle(turnsBeforeTruth, () => endpoint.closeIdle(how, (closed) => answer(200, { closed })))
      })
    case "POST storm":
      return (body, answer) => {
        if (body !== "") return reading(FaultConfig.Storm, "storm", arm(endpoint))(body, answer)
        if (endpoint.config.storm !== undefined) return arm(endpoint)(endpoint.config.storm, answer)
        answer(400, {
          problems: [{ place: "storm", expected: "Expected a storm, here or in the endpoint's configuration" }]
        })
      }
    case "DELETE storm":
      return (_, answer) => {
        endpoint.calm()
        answer(200, {})
      }
    default:
      return undefined
  }
}

const arm =
  (endpoint: Endpoint) =>
  (storm: FaultConfig.Storm, answer: Answer): void => {
    endpoint.arm(storm)
    answer(200, {})
  }

const truthOf = ({ effects, endpoints }: Controlled): FaultTruth.Truth => ({
  endpoints: Object.fromEntries(Array.from(endpoints, ([name, endpoint]) => [name, endpoint.truth()])),
  runs: mergeRuns(Array.from(endpoints.values(), (endpoint) => endpoint.recorder)),
  effects: effects.list()
})

const reading =
  <A>(schema: Schema.Codec<A, unknown>, root: string, handle: (value: A, answer: Answer) => void): Handler =>
  (body, answer) =>
    Result.match(decodeJson(schema, root, body), {
      onFailure: (problems) => answer(400, { problems }),
      onSuccess: (value) => handle(value, answer)
    })

const refusing =
  (problem: Problem): Handler =>
  (_, answer) =>
    answer(404, { problems: [problem] })

const unknownEndpoint = ({ endpoints }: Controlled, name: string): Handler =>
  refusing({ place: `endpoints.${name}`, expected: `Expected one of ${Array.from(endpoints.keys()).join(", ")}` })

const notFound = refusing({
  place: "path",
  expected:
    "Expected GET /, GET /truth, GET or POST /effects, POST /reset, PUT /endpoints/NAME/script, POST /endpoints/NAME/close-idle, POST or DELETE /endpoints/NAME/storm"
})
