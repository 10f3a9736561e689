/** What an operator writes, and changes while calls run, as the servers see it. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it, layer } from "@effect/vitest"
import { FaultScript, FaultServer, FaultTruth } from "@holdfast/testing"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { LanguageModel } from "effect/ai"
import { AiErrors, Holdfast, InvalidInput, ProviderHealth, Telemetry, TelemetryEvent } from "holdfast"

type Event = TelemetryEvent.TelemetryEvent

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "holdfast-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** As an editor saves: another file is put in the place of the one that is there. */
const save = (path: string, text: string): void => {
  writeFileSync(`${path}.tmp`, text)
  renameSync(`${path}.tmp`, path)
}

const environment = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnv({ env }))

const nothing = environment({})

/** Waits for an event that is to come. */
const awaiting = Effect.gen(function* () {
  const { listen } = yield* Telemetry.Telemetry
  const events = yield* Queue.unbounded<Event>()
  yield* listen((event) => Queue.offerUnsafe(events, event))
  // Whatever is published fits its schema, in JSON too.
  const known = Schema.encodeUnknownEffect(Schema.toCodecJson(TelemetryEvent.TelemetryEvent))
  return <T extends Event["_tag"]>(tag: T): Effect.Effect<Extract<Event, { readonly _tag: T }>> =>
    Queue.take(events).pipe(
      Effect.tap((event) => Effect.orDie(known(event))),
      Effect.repeat({ until: (event) => event._tag === tag }),
      Effect.map((event) => event as Extract<Event, { readonly _tag: T }>),
      Effect.timeoutOrElse({ duration: "9 seconds", orElse: () => Effect.die(new Error(`no ${tag} was published`)) })
    )
})

const say = LanguageModel.generateText({ prompt: "hi" }).pipe(Effect.map(({ text }) => text))

/** An Anthropic that takes one key, and counts what it refuses. */
const keyed = Effect.gen(function* () {
  const state = { key: "sk-ant-first", refused: 0, answered: 0 }
  const server = createServer((request, response) => {
    const accepted = request.headers["x-api-key"] === state.key
    request.resume().on("end", () => {
      if (accepted) state.answered++
      else state.refused++
      response.writeHead(accepted ? 200 : 401, { "content-type": "application/json", "request-id": "req_1" }).end(
        JSON.stringify(
          accepted
            ? {
                id: "msg_1",
                type: "message",
                role: "assistant",
                model: "claude-opus-4-7",
                content: [{ type: "text", text: "hello" }],
                stop_reason: "end_turn",
                stop_sequence: null,
                usage: { input_tokens: 1, output_tokens: 1 }
              }
            : { type: "error", error: { type: "authentication_error", message: "invalid x-api-key" } }
        )
      )
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )
  // A server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo
  return { state, baseUrl: `http://127.0.0.1:${port}` }
})

const opus = Holdfast.model("anthropic/claude-opus-4-7")

const started = (path: string) => Layer.provideMerge(opus, Holdfast.layer({ config: path }))

const retry = (times: number) => ({ policy: { retry: { capacity: { times } } } })

// Nobody cools down between its calls.
const asking = (times: number) => ({ ...retry(times), health: false })

const rotated = (source: (path: string) => object) =>
  Effect.gen(function* () {
    const { baseUrl, state } = yield* keyed
    const directory = yield* temporary
    const path = join(directory, "key")
    writeFileSync(path, `${state.key}\n`)
    const config = { providers: { anthropic: { baseUrl, apiKey: source(path) } } }
    const texts = yield* Effect.gen(function* () {
      const rotate = Effect.sync(() => {
        state.key = "sk-ant-second"
        save(path, `${state.key}\n`)
      })
      const calls = Effect.forEach(
        Array.from({ length: 60 }),
        (_, n) => (n === 20 ? Effect.andThen(rotate, say) : say),
        {
          concurrency: 4
        }
      )
      return yield* calls
    }).pipe(Effect.provide(opus), Effect.provide(Holdfast.layer({ config })))
    assert.deepStrictEqual(texts, Array(60).fill("hello"))
    assert.strictEqual(state.answered, 60)
    // No more than were on the way with the old one.
    assert.isAtMost(state.refused, 4)
    assert.isAtLeast(state.refused, 1)
  }).pipe(Effect.scoped, Effect.provide(nothing))

describe("a key", () => {
  it.live("in a file that is replaced while calls run fails none of them", () => rotated((path) => ({ file: path })))

  it.live("that a command prints is taken anew in the same way", () =>
    rotated((path) => ({ command: [process.execPath, "-p", "fs.readFileSync(process.argv[1], 'utf8').trim()", path] }))
  )

  it.live("in the environment is all that is needed", () =>
    Effect.gen(function* () {
      const { baseUrl, state } = yield* keyed
      const text = yield* say.pipe(
        Effect.provide(opus),
        Effect.provide(Holdfast.layer({ config: false })),
        Effect.provide(environment({ ANTHROPIC_API_KEY: state.key, ANTHROPIC_BASE_URL: baseUrl }))
      )
      assert.strictEqual(text, "hello")
    }).pipe(Effect.scoped)
  )
})

const problemsOf = (config: Holdfast.Config) =>
  Effect.scoped(Layer.build(Holdfast.layer({ config }))).pipe(
    Effect.flip,
    Effect.flatMap((error) =>
      InvalidInput.isInvalidInput(error) ? Effect.succeed(error.problems) : Effect.die(error)
    ),
    Effect.provide(nothing)
  )

describe("a configuration that cannot be", () => {
  it.live("is refused by the path of its file", () =>
    Effect.gen(function* () {
      const path = join(yield* temporary, "holdfast.json5")
      const [missing] = yield* problemsOf(path)
      assert.deepInclude(missing, { place: path, found: "no such file" })
      writeFileSync(path, "{\n  agents: {\n")
      const [broken] = yield* problemsOf(path)
      assert.deepInclude(broken, { place: `${path}:3:1`, expected: "a name, or }", found: "the end" })
    }).pipe(Effect.scoped)
  )

  it.live("is refused where it names an account to sign in to as the only credential, once a model needs it", () =>
    Effect.gen(function* () {
      const config = { credentials: { profiles: { "anthropic:me": { mode: "oauth" } } } }
      const error = yield* Layer.build(opus).pipe(
        Effect.scoped,
        Effect.flip,
        Effect.provide(Holdfast.layer({ config })),
        Effect.provide(environment({ ANTHROPIC_API_KEY: "sk-ant-another" }))
      )
      assert.match(error.problems[0].found, /an account to sign in to, which nothing here can do yet/)
    })
  )

  it.live("is refused with all that is wrong with it, in a file as in code", () =>
    Effect.gen(function* () {
      const config = { providers: { anthropic: { keepAlive: "soon", http2: 1 } } }
      const inCode = yield* problemsOf(config)
      assert.lengthOf(inCode, 2)
      const path = join(yield* temporary, "holdfast.json5")
      writeFileSync(path, JSON.stringify(config))
      const inFile = yield* problemsOf(path)
      assert.deepStrictEqual<ReadonlyArray<unknown>>(
        inFile,
        inCode.map((problem) => ({ ...problem, place: `${path}: ${problem.place}` }))
      )
      writeFileSync(path, JSON.stringify({ agents: { chief: { primary: "nobody/x" } } }))
      const [unknown] = yield* problemsOf(path)
      assert.strictEqual(unknown?.place, `${path}: agents.chief.primary`)
    }).pipe(Effect.scoped)
  )
})

layer(
  FaultServer.layer({
    endpoints: { a: { answer: { text: "from a" } }, b: { answer: { text: "from b" } } }
  }),
  { excludeTestServices: true }
)("a configuration file", (it) => {
  /** Builds on a file of providers; `write` puts another in its place. */
  const opened = Effect.gen(function* () {
    const server = yield* FaultServer.FaultServer
    for (const name of ["a", "b"]) yield* server.script(name, [])
    const path = join(yield* temporary, "holdfast.json5")
    const write = (settings: object, rest: object = {}, others: object = {}) =>
      save(
        path,
        JSON.stringify({ ...rest, providers: { anthropic: { apiKey: { env: "KEY" }, ...settings }, ...others } })
      )
    const a = (yield* server.endpoint("a")).origin
    const b = (yield* server.endpoint("b")).origin
    const counts = Effect.map(server.truth, (truth) => ({
      a: truth.endpoints["a"]?.counts,
      b: truth.endpoints["b"]?.counts
    }))
    return { a, b, counts, path, server, write }
  })

  const inEnvironment = environment({ KEY: "sk-ant-key" })

  it.effect("that is edited is taken up by the next call; a broken edit is told, and changes nothing", () =>
    Effect.gen(function* () {
      const { a, b, path, write } = yield* opened
      write({ baseUrl: a })
      yield* Effect.gen(function* () {
        const next = yield* awaiting
        assert.strictEqual(yield* say, "from a")
        save(path, "{ providers: { anthropic: { baseUrl: ")
        const refused = yield* next("ConfigurationRefused")
        assert.strictEqual(refused.place, path)
        assert.match(refused.problems[0]?.place ?? "", /holdfast\.json5:1:\d+$/)
        assert.strictEqual(yield* say, "from a")
        write({ baseUrl: 7 })
        assert.strictEqual((yield* next("ConfigurationRefused")).problems[0]?.place, "providers.anthropic.baseUrl")
        assert.strictEqual(yield* say, "from a")
        write({ baseUrl: b })
        assert.strictEqual((yield* next("ConfigurationTaken")).place, path)
        assert.strictEqual(yield* say, "from b")
      }).pipe(Effect.provide(started(path)))
    }).pipe(Effect.scoped, Effect.provide(inEnvironment))
  )

  it.effect("that keeps no connection has each call open one", () =>
    Effect.gen(function* () {
      const { a, counts, path, write } = yield* opened
      write({ baseUrl: a })
      yield* Effect.gen(function* () {
        const next = yield* awaiting
        for (let n = 0; n < 3; n++) yield* say
        assert.strictEqual((yield* counts).a?.connections, 1)
        write({ baseUrl: a, keepAlive: false })
        yield* next("ConfigurationTaken")
        // The one that was kept is closed for the new ones.
        yield* next("ConnectionClosed")
        for (let n = 0; n < 3; n++) yield* say
        assert.strictEqual((yield* counts).a?.connections, 4)
      }).pipe(Effect.provide(started(path)))
    }).pipe(Effect.scoped, Effect.provide(inEnvironment))
  )

  it.effect("that names a proxy has new calls go through it, and those on the way go on", () =>
    Effect.gen(function* () {
      const { a, path, server, write } = yield* opened
      yield* server.script("a", [FaultScript.on({ nth: 1 }, FaultScript.drip(100))])
      write({ baseUrl: a })
      yield* Effect.gen(function* () {
        const next = yield* awaiting
        const slow = yield* Effect.forkChild(say, { startImmediately: true })
        yield* next("ConnectionOpened")
        // Nobody listens there.
        write({ baseUrl: a, proxy: "http://127.0.0.1:9" })
        yield* next("ConfigurationTaken")
        yield* Effect.sleep("50 millis")
        const failure = AiErrors.failureOf(yield* Effect.flip(say))
        assert.strictEqual(failure?.reason._tag, "ProxyFailure")
        assert.strictEqual(yield* Fiber.join(slow), "from a")
        write({ baseUrl: a, proxy: false })
        yield* next("ConfigurationTaken")
        yield* Effect.sleep("50 millis")
        assert.strictEqual(yield* say, "from a")
      }).pipe(Effect.provide(started(path)))
    }).pipe(Effect.scoped, Effect.provide(inEnvironment))
  )

  it.effect("sets limits, and the policy, of calls that begin after it was taken", () =>
    Effect.gen(function* () {
      const { a, path, server, write } = yield* opened
      yield* server.script("a", [FaultScript.always(FaultScript.status(529))])
      write({ baseUrl: a }, asking(1))
      const attempts = Effect.map(Effect.flip(say), (error) => AiErrors.failureOf(error)?.attempts.length)
      yield* Effect.gen(function* () {
        const next = yield* awaiting
        assert.strictEqual(yield* attempts, 2)
        write({ baseUrl: a }, asking(3))
        yield* next("ConfigurationTaken")
        assert.strictEqual(yield* attempts, 4)
        yield* server.script("a", [FaultScript.always(FaultScript.cut("stall", FaultScript.afterRequest))])
        write({ baseUrl: a, limits: { total: "200 millis" } }, { health: false })
        yield* next("ConfigurationTaken")
        const failure = AiErrors.failureOf(yield* Effect.flip(say))
        assert.deepInclude(failure?.reason, { _tag: "TotalTimeout", limitMs: 200 })
      }).pipe(Effect.provide(started(path)))
    }).pipe(Effect.scoped, Effect.provide(inEnvironment))
  )

  it.effect("holds streams back and names models for a reason, from when it says so", () =>
    Effect.gen(function* () {
      const { a, b, path, server, write } = yield* opened
      const local = { baseUrl: `${b}/v1`, api: "openai-completions" }
      const save = (policy: object) =>
        write(
          { baseUrl: a },
          { agents: { default: { primary: "anthropic/claude-opus-4-7", fallbacks: ["local/m"] } }, policy },
          { local }
        )
      const once = { retry: { connection: false, response: false } }
      const parts: Array<string> = []
      const stream = LanguageModel.streamText({ prompt: "hi" }).pipe(
        Stream.runForEach((part) => Effect.sync(() => part.type === "text-delta" && parts.push(part.delta))),
        Effect.exit,
        Effect.map((exit) => {
          const text = parts.splice(0).join("")
          return { text, isWhole: exit._tag === "Success" }
        })
      )
      save(once)
      yield* Effect.gen(function* () {
        const next = yield* awaiting
        yield* server.script("a", [FaultScript.always(FaultScript.cut("reset", FaultScript.afterEvents(4)))])
        const cut = yield* stream
        assert.isFalse(cut.isWhole)
        assert.isAbove(cut.text.length, 0)
        assert.notInclude(cut.text, "from b")
        save({ ...once, hold: "whole" })
        yield* next("ConfigurationTaken")
        assert.deepStrictEqual(yield* stream, { text: "from b", isWhole: true })
        // A refused prompt is given up, unless a model is named for it.
        const error = { type: "invalid_request_error", message: "prompt is too long: 250000 tokens > 200000 maximum" }
        yield* server.script("a", [FaultScript.always(FaultScript.status(400, { error }))])
        assert.strictEqual(AiErrors.failureOf(yield* Effect.flip(say))?.reason._tag, "ContextOverflow")
        save({ ...once, chains: { ContextOverflow: ["local/m"], ContentRefused: ["nobody/m"] } })
        const refused = yield* next("ConfigurationRefused")
        assert.deepStrictEqual(
          refused.problems.map(({ place }) => place),
          ["policy.chains.ContentRefused[0]"]
        )
        save({ ...once, chains: { ContextOverflow: ["local/m"] } })
        yield* next("ConfigurationTaken")
        assert.strictEqual(yield* say, "from b")
      }).pipe(Effect.provide(Layer.provideMerge(Holdfast.model(), Holdfast.layer({ config: path, health: false }))))
    }).pipe(Effect.scoped, Effect.provide(inEnvironment))
  )

  it.effect(
    "keeps who failed from being asked for as long as it says; other numbers wait for a restart, and say so",
    () =>
      Effect.gen(function* () {
        const { a, counts, path, server, write } = yield* opened
        yield* server.script("a", [FaultScript.always(FaultScript.status(529))])
        const cooling = (window: string) =>
          write({ baseUrl: a }, { ...retry(0), health: { capacity: { windows: [window] } }, budget: { ratio: 0.1 } })
        cooling("1 hour")
        yield* Effect.gen(function* () {
          const next = yield* awaiting
          const health = yield* ProviderHealth.ProviderHealth
          yield* Effect.flip(say)
          yield* Effect.flip(say)
          assert.strictEqual((yield* counts).a?.requests, 1)
          const [entry] = yield* health.snapshot
          assert.isAbove(entry?.untilMs ?? 0, Date.now() + 3_000_000)
          cooling("1 second")
          const { unknown } = yield* next("ConfigurationTaken")
          assert.deepStrictEqual(
            unknown.map(({ place }) => place),
            ["health"]
          )
          yield* health.reset()
          yield* Effect.flip(say)
          assert.isAbove((yield* health.snapshot)[0]?.untilMs ?? 0, Date.now() + 3_000_000)
          cooling("1 hour")
          assert.deepStrictEqual((yield* next("ConfigurationTaken")).unknown, [])
        }).pipe(Effect.provide(started(path)))
      }).pipe(Effect.scoped, Effect.provide(inEnvironment))
  )

  it.effect("keeps the beginnings of attempts apart", () =>
    Effect.gen(function* () {
      const { a, path, server, write } = yield* opened
      write({ baseUrl: a, minInterval: "100 millis" })
      yield* Effect.provide(Effect.all([say, say, say, say], { concurrency: 4 }), started(path))
      const begun = FaultTruth.requests(yield* server.truth, "a").map(({ startedAtMs }) => startedAtMs)
      // The server's clock is another; it reads a request a little later than it was sent, and not each as much later.
      assert.isAtLeast((begun.at(-1) ?? 0) - (begun[0] ?? 0), 250)
    }).pipe(Effect.scoped, Effect.provide(inEnvironment))
  )

  it.effect("whose key is not accepted, and is what it was, has nothing sent again", () =>
    Effect.gen(function* () {
      const { a, counts, path, server, write } = yield* opened
      yield* server.script("a", [FaultScript.always(FaultScript.status(401))])
      write({ baseUrl: a })
      yield* Effect.gen(function* () {
        const next = yield* awaiting
        const failure = AiErrors.failureOf(yield* Effect.flip(say))
        assert.strictEqual(failure?.reason._tag, "AuthenticationFailed")
        assert.isFalse((yield* next("CredentialReread")).changed)
      }).pipe(Effect.provide(started(path)))
      assert.strictEqual((yield* counts).a?.requests, 1)
    }).pipe(Effect.scoped, Effect.provide(inEnvironment))
  )

  it.effect("of OpenClaw's older shape sets proxy, limits and pace", () =>
    Effect.gen(function* () {
      const { a, path, server } = yield* opened
      const older = (rest: object) =>
        save(
          path,
          JSON.stringify({ models: { primary: { provider: "anthropic", model: "claude-opus-4-7" } }, ...rest })
        )
      const providers = { anthropic: { baseUrl: a, apiKey: Redacted.make("sk-ant-key") } }
      older({ proxy: { enabled: true, url: "http://127.0.0.1:9" } })
      yield* Effect.gen(function* () {
        const next = yield* awaiting
        const proxied = AiErrors.failureOf(yield* Effect.flip(say))
        assert.strictEqual(proxied?.reason._tag, "ProxyFailure")
        older({ timeout: { request: 200 }, proxy: { enabled: false } })
        yield* next("ConfigurationTaken")
        yield* Effect.sleep("50 millis")
        yield* server.script("a", [FaultScript.always(FaultScript.cut("stall", FaultScript.afterRequest))])
        const stalled = Stream.runDrain(LanguageModel.streamText({ prompt: "hi" }))
        const late = AiErrors.failureOf(yield* Effect.flip(stalled))
        assert.propertyVal(late?.reason, "limitMs", 200)
        const whole = AiErrors.failureOf(yield* Effect.flip(say))
        assert.deepInclude(whole?.reason, { _tag: "HeadersTimeout", limitMs: 200 })
        older({ rateLimiting: { minInterval: 100 } })
        yield* next("ConfigurationTaken")
        yield* server.script("a", [])
        yield* Effect.all([say, say, say], { concurrency: 3 })
        const begun = FaultTruth.requests(yield* server.truth, "a").map(({ startedAtMs }) => startedAtMs)
        assert.isAtLeast((begun.at(-1) ?? 0) - (begun[0] ?? 0), 150)
      }).pipe(Effect.provide(opus), Effect.provide(Holdfast.layer({ config: path, providers })))
    }).pipe(Effect.scoped, Effect.provide(nothing))
  )

  it.effect("comes behind what the app sets", () =>
    Effect.gen(function* () {
      const { a, b, path, write } = yield* opened
      write({ baseUrl: a })
      const own = { anthropic: { baseUrl: b, apiKey: Redacted.make("sk-ant-own") } }
      const text = yield* say.pipe(
        Effect.provide(opus),
        Effect.provide(Holdfast.layer({ config: path, providers: own }))
      )
      assert.strictEqual(text, "from b")
    }).pipe(Effect.scoped, Effect.provide(inEnvironment))
  )
})
