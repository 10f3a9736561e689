/** Failover, turn rules and telemetry around models that are somebody else's. */
import { assert, describe, it } from "@effect/vitest"
import * as Client from "@holdfast/core/Client"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { Failure } from "@holdfast/core/Failure"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Turn from "@holdfast/core/Turn"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Answers from "@holdfast/providers/Answers"
import * as ModelCalls from "@holdfast/providers/ModelCalls"
import * as Wrapped from "@holdfast/providers/Wrapped"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Duration from "effect/Duration"
import * as TestFailover from "@holdfast/testing/TestFailover"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as AiModel from "effect/ai/Model"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as ResponseIdTracker from "effect/ai/ResponseIdTracker"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { HttpClient } from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import { calls, fails, foreign, says, streams } from "./support/foreign.ts"
import { json, scripted, services } from "./support/scripted.ts"
import { openai } from "./support/wire.ts"

const claude = "anthropic/claude-opus-4-7"
const gpt = "openai/gpt-5.5"

const failover = (overrides?: FailoverPolicy.Overrides) =>
  TestFailover.layer(overrides).pipe(Layer.provideMerge(Telemetry.layer))

const refused = new AiError.AuthenticationError({ kind: "InvalidKey" })
const hello = LanguageModel.generateText({ prompt: "hi" })
const streamed = Stream.runCollect(LanguageModel.streamText({ prompt: "hi" }))

const textOf = (parts: ReadonlyArray<Response.AnyPart>): string =>
  parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("")

describe("an answer", () => {
  it.effect("comes through as it is, and says who was asked and who answered", () => {
    const theirs = foreign(says("Hello."), streams("Hel", "lo."))
    return Effect.gen(function* () {
      const response = yield* hello
      assert.strictEqual(response.text, "Hello.")
      assert.strictEqual(response.usage.outputTokens.total, 6)
      assert.strictEqual(response.finishReason, "stop")
      const head = response.content.find((part) => part.type === "response-metadata")
      assert.strictEqual(head?.id, "resp_1")
      assert.isDefined(head?.timestamp)
      const by = { requested: claude, answered: claude, swap: undefined }
      assert.deepStrictEqual(Answers.of(response), by)
      const parts = yield* streamed
      assert.strictEqual(textOf(parts), "Hello.")
      assert.deepStrictEqual(Answers.of({ content: parts }), by)
      assert.deepStrictEqual(yield* Effect.all([AiModel.ProviderName, AiModel.ModelName]), claude.split("/"))
    }).pipe(Effect.provide(Layer.provide(Wrapped.layer(theirs.layer, { model: claude }), failover())))
  })

  it.effect("of files, sources and tools that a provider ran comes through as well", () => {
    const Search = Tool.providerDefined({
      id: "anthropic.search",
      customName: "search",
      providerName: "search",
      parameters: Schema.Struct({ q: Schema.String }),
      success: Schema.String
    })
    const ran = { id: "srv_1", name: "search", providerExecuted: true } as const
    const theirs = foreign({
      parts: [
        { type: "file", mediaType: "image/png", data: "AAEC" },
        { type: "source", sourceType: "url", id: "s", url: "https://example.com/", title: "t" },
        { type: "tool-call", ...ran, params: { q: "x" } },
        { type: "tool-result", ...ran, result: "found", isFailure: false },
        ...says("Found.").parts
      ]
    })
    return Effect.gen(function* () {
      const { content } = yield* LanguageModel.generateText({ prompt: "hi", toolkit: Toolkit.make(Search()) })
      assert.deepStrictEqual(
        content.map(({ type }) => type),
        ["file", "source", "tool-call", "tool-result", "response-metadata", "text", "finish"]
      )
      const [file, source, call, result] = content
      assert.deepStrictEqual(file?.type === "file" ? [...file.data] : [], [0, 1, 2])
      assert.strictEqual(source?.type === "source" && source.sourceType === "url" ? source.url.host : "", "example.com")
      assert.strictEqual(call?.type === "tool-call" ? (call.params as { readonly q: string }).q : "", "x")
      assert.strictEqual(result?.type === "tool-result" ? result.result : "", "found")
    }).pipe(Effect.provide(Layer.provide(Wrapped.layer(theirs.layer, { model: claude }), failover())))
  })

  it.effect("takes its name from the layer where that gives one, and wants one where not", () => {
    const theirs = foreign(says("Hello."))
    const named = AiModel.make("anthropic", "claude-opus-4-7", theirs.layer)
    return Effect.gen(function* () {
      assert.deepStrictEqual(Answers.of(yield* Effect.provide(hello, Wrapped.layer(named)))?.answered, claude)
      const error = yield* Effect.flip(
        Layer.build(Wrapped.layer(theirs.layer, { fallbacks: [theirs.layer], limits: { total: -1 as never } }))
      )
      assert.deepStrictEqual(error._tag === "InvalidInput" ? error.problems.map(({ place }) => place).toSorted() : [], [
        "fallbacks[0]",
        "limits.total",
        "model"
      ])
    }).pipe(Effect.scoped, Effect.provide(failover()))
  })
})

/** What a failure of somebody else's is taken for. */
const mapped: ReadonlyArray<readonly [AiError.AiErrorReason, Failure["reason"]["_tag"]]> = [
  [new AiError.RateLimitError({ retryAfter: Duration.seconds(3) }), "RateLimited"],
  [new AiError.QuotaExhaustedError({}), "BillingExhausted"],
  [refused, "AuthenticationFailed"],
  [new AiError.AuthenticationError({ kind: "MissingKey" }), "AuthenticationFailed"],
  [new AiError.AuthenticationError({ kind: "ExpiredKey" }), "CredentialRevoked"],
  [new AiError.AuthenticationError({ kind: "InsufficientPermissions" }), "PermissionDenied"],
  [new AiError.ContentPolicyError({ description: "no" }), "ContentRefused"],
  [new AiError.InvalidRequestError({}), "InvalidRequest"],
  [new AiError.InternalProviderError({ description: "no" }), "ServerError"],
  [
    new AiError.InternalProviderError({ description: "no", http: { response: { status: 529, headers: {} } } }),
    "Overloaded"
  ],
  [new AiError.NetworkError({ reason: "TransportError", method: "POST", url: "https://x" }), "ConnectionLost"],
  [new AiError.InvalidOutputError({ description: "no" }), "MalformedResponse"],
  [new AiError.UnknownError({}), "Unclassified"]
]

describe("a failure", () => {
  it.effect.each(mapped)("%o is ambiguous, because nothing is known of it", ([reason, tag]) => {
    const theirs = foreign(fails(reason), says("never asked"))
    return Effect.gen(function* () {
      const failure = yield* Effect.flip(ModelCalls.generateText({ prompt: "hi" }))
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      if (failure._tag !== "ReplayAmbiguous") return
      assert.strictEqual(failure.reason._tag, tag)
      assert.strictEqual(failure.evidence._tag, "Unknown")
      assert.strictEqual(failure.declaration, "unknown")
      if (failure.reason._tag === "RateLimited") assert.strictEqual(failure.reason.retryAfterMs, 3000)
      assert.strictEqual(theirs.asked.length, 1)
    }).pipe(Effect.provide(Layer.provide(Wrapped.layer(theirs.layer, { model: claude }), failover())))
  })

  it.effect("that may be replayed is, where the app says that the call is repeatable", () => {
    const theirs = foreign(fails(new AiError.InvalidOutputError({ description: "cut" })), says("Hello."))
    return Effect.gen(function* () {
      assert.strictEqual((yield* hello).text, "Hello.")
      assert.strictEqual(theirs.asked.length, 2)
    }).pipe(
      Effect.provide(
        Layer.provide(Wrapped.layer(theirs.layer, { model: claude, declaration: "repeatable" }), failover())
      )
    )
  })

  it.effect("of something else than an attempt is the app's as it is", () => {
    const theirs = foreign(says("no object"))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(
        LanguageModel.generateObject({ prompt: "hi", schema: Schema.Struct({ city: Schema.String }) })
      )
      assert.strictEqual(error.reason._tag, "StructuredOutputError")
      assert.isUndefined(AiErrors.failureOf(error))
    }).pipe(Effect.provide(Layer.provide(Wrapped.layer(theirs.layer, { model: claude }), failover())))
  })

  it.effect("never invites a retry that ours would not make", () => {
    const theirs = foreign(fails(new AiError.InternalProviderError({ description: "no" })), says("never asked"))
    return Effect.gen(function* () {
      yield* hello.pipe(Effect.retry({ while: ({ isRetryable }) => isRetryable, times: 3 }), Effect.exit)
      assert.strictEqual(theirs.asked.length, 1)
    }).pipe(Effect.provide(Layer.provide(Wrapped.layer(theirs.layer, { model: claude }), failover())))
  })
})

/** A model of another package on an `HttpClient`: it maps what fails as effect's own providers do. */
const onHttp = Layer.effect(
  LanguageModel.LanguageModel,
  Effect.gen(function* () {
    const client = yield* HttpClient
    return yield* LanguageModel.make({
      generateText: () =>
        client.post("https://api.anthropic.com/v1/messages").pipe(
          Effect.flatMap((response) => response.text),
          Effect.map((text): Array<Response.PartEncoded> => [
            { type: "text", text },
            ...(says("").parts.slice(2) as [])
          ]),
          Effect.mapError((error) =>
            AiError.make({
              module: "Foreign",
              method: "generateText",
              reason:
                HttpClientError.isHttpClientError(error) && error.reason._tag === "TransportError"
                  ? AiError.NetworkError.fromHttpClientError(error as never)
                  : new AiError.UnknownError({ description: "no" })
            })
          )
        ),
      streamText: () => Stream.empty
    })
  })
)

const over = (...script: ReadonlyArray<TestTransport.Step>) =>
  Wrapped.layer(Layer.provide(onHttp, Client.layer("anthropic")), { model: claude }).pipe(
    Layer.provide([failover({ retry: { reach: Schedule.recurs(0) } }), TestTransport.layer(script)])
  )

describe("on our HttpClient", () => {
  it.effect("a failure has its evidence, so that what is safe is replayed", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(ModelCalls.generateText({ prompt: "hi" }))
      assert.strictEqual(failure._tag, "ReplaySafe")
      if (failure._tag !== "ReplaySafe") return
      assert.strictEqual(failure.evidence._tag, "Observed")
      assert.strictEqual(`${failure.candidate.provider}/${failure.candidate.model}`, claude)
      assert.strictEqual(failure.reason._tag, "DnsFailure")
    }).pipe(Effect.provide(over(TestTransport.dnsFailure())))
  )

  it.effect("what is ambiguous stays so, by the client's own word for its requests", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(ModelCalls.generateText({ prompt: "hi" }))
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      if (failure._tag !== "ReplayAmbiguous") return
      assert.strictEqual(failure.evidence._tag, "Observed")
      assert.strictEqual(failure.declaration, "unknown")
    }).pipe(Effect.provide(over(TestTransport.stale(), TestTransport.answer({ body: "never asked" }))))
  )
})

const thoughts = (asked: LanguageModel.ProviderOptions | undefined): number =>
  (asked?.prompt.content ?? []).flatMap((message) =>
    message.role === "assistant" ? message.content.filter((part) => part.type === "reasoning") : []
  ).length

describe("a chain", () => {
  it.effect("goes on to another model of somebody else's, and says so before the answer", () => {
    const first = foreign(fails(refused), fails(refused))
    const second = foreign(says("Hello."), streams("Hello."))
    const told: Array<string> = []
    return Effect.gen(function* () {
      assert.deepStrictEqual(Answers.of(yield* hello), {
        requested: claude,
        answered: gpt,
        swap: "AuthenticationFailed"
      })
      const parts = yield* streamed
      assert.strictEqual(parts[0]?.type, "response-metadata")
      assert.deepStrictEqual(Answers.of({ content: parts }), {
        requested: claude,
        answered: gpt,
        swap: "AuthenticationFailed"
      })
      assert.deepStrictEqual(told, ["AuthenticationFailed", "AuthenticationFailed"])
    }).pipe(
      Effect.provide(
        Layer.provide(
          Wrapped.layer(first.layer, {
            model: claude,
            declaration: "repeatable",
            fallbacks: [{ layer: second.layer, model: gpt }],
            onSwap: ({ swap }) => Effect.sync(() => told.push(String(swap?.why)))
          }),
          failover()
        )
      )
    )
  })

  it.effect("tells every attempt, decision and swap, and writes down who answered the turn", () => {
    const first = foreign(fails(refused), says("never asked"))
    const second = foreign(says("Hello."), says("Again."))
    const events: Array<string> = []
    return Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      yield* telemetry.listen(({ _tag }) => events.push(_tag))
      yield* Turn.run(
        Effect.gen(function* () {
          yield* hello
          assert.strictEqual(Answers.of(yield* hello)?.swap, "TurnContinues")
        })
      )
      assert.deepStrictEqual(events.slice(0, 7), [
        "AttemptStarted",
        "AttemptFailed",
        "Decided",
        "ReplayAssumed",
        "AttemptStarted",
        "Swapped",
        "AttemptSucceeded"
      ])
      assert.deepStrictEqual([first.asked.length, second.asked.length], [1, 2])
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.provideMerge(
          Wrapped.layer(first.layer, {
            model: claude,
            declaration: "repeatable",
            fallbacks: [{ layer: second.layer, model: gpt }]
          }),
          failover()
        )
      )
    )
  })

  it.effect("goes on to one of ours, by its name", () => {
    const first = foreign(fails(refused))
    const script = scripted(json(openai.text("Hello.")))
    return Effect.gen(function* () {
      const response = yield* hello
      assert.strictEqual(response.text, "Hello.")
      assert.strictEqual(Answers.of(response)?.answered, gpt)
      assert.strictEqual(script.requests[0]?.candidate.provider, "openai")
    }).pipe(
      Effect.provide(
        Layer.provide(
          Wrapped.layer(first.layer, { model: claude, declaration: "repeatable", fallbacks: [gpt] }),
          services(script)
        )
      )
    )
  })

  it.effect("stays mid turn with the family of the model that answered", () => {
    const first = foreign(calls("add", { a: 1, b: 1 }), fails(refused))
    const second = foreign(says("never asked"))
    const Add = Tool.make("add", {
      parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
      success: Schema.Finite
    })
    const tools = Toolkit.make(Add)
    const runs: Array<number> = []
    return Effect.gen(function* () {
      const chat = yield* Chat.empty
      yield* chat.generateText({ prompt: "1 + 1?", toolkit: tools })
      const error = yield* Effect.flip(chat.generateText({ prompt: [], toolkit: tools }))
      assert.strictEqual(AiErrors.failureOf(error as AiError.AiError)?.reason._tag, "AuthenticationFailed")
      assert.strictEqual(second.asked.length, 0)
      assert.deepStrictEqual(runs, [2])
    }).pipe(
      Effect.provide(
        tools.toLayer({
          add: ({ a, b }) =>
            Effect.sync(() => {
              runs.push(a + b)
              return a + b
            })
        })
      ),
      Effect.provide(
        Layer.provide(
          Wrapped.layer(first.layer, {
            model: claude,
            declaration: "repeatable",
            fallbacks: [{ layer: second.layer, model: gpt }]
          }),
          failover()
        )
      )
    )
  })

  it.effect("gives each model the conversation as that one reads it, and none another's response ids", () => {
    const thought = { type: "reasoning", text: "Hm.", metadata: { anthropic: { signature: "c2ln" } } } as const
    const [head, ...rest] = says("Yes.").parts
    const first = foreign({ parts: [head, thought, ...rest] as never }, fails(refused), says("Perhaps."))
    const second = foreign(says("No."))
    return Effect.gen(function* () {
      const chat = yield* Chat.empty
      const tracker = yield* ResponseIdTracker.make
      const ask = (prompt: string) =>
        Effect.provideService(chat.generateText({ prompt }), ResponseIdTracker.ResponseIdTracker, tracker)
      yield* ask("one")
      yield* ask("two")
      yield* ask("three")
      assert.strictEqual(thoughts(first.asked[1]), 1)
      assert.strictEqual(thoughts(second.asked[0]), 0)
      assert.strictEqual(thoughts(first.asked[2]), 1)
      assert.strictEqual(first.asked[1]?.previousResponseId, "resp_1")
      assert.isUndefined(second.asked[0]?.previousResponseId)
      assert.isUndefined(first.asked[2]?.previousResponseId)
    }).pipe(
      Effect.provide(
        Layer.provide(
          Wrapped.layer(first.layer, {
            model: claude,
            declaration: "repeatable",
            fallbacks: [{ layer: second.layer, model: gpt }]
          }),
          failover()
        )
      )
    )
  })
})

describe("a stream", () => {
  const cut = new AiError.InvalidOutputError({ description: "cut" })

  it.effect("that fails after its first content is not replayed, and its failure has what was given", () => {
    const parts = streams("Hel").parts.slice(0, 3)
    const theirs = foreign(fails(cut, ...parts), streams("never asked"))
    return Effect.gen(function* () {
      const seen: Array<string> = []
      const failure = yield* ModelCalls.streamText({ prompt: "hi" }).pipe(
        Stream.runForEach((part) => Effect.sync(() => seen.push(part.type))),
        Effect.flip
      )
      assert.strictEqual(failure._tag, "ReplayUnsafe")
      if (failure._tag !== "ReplayUnsafe") return
      assert.deepStrictEqual(
        (failure.partial as ReadonlyArray<{ readonly type: string }>).map(({ type }) => type),
        seen
      )
      assert.strictEqual(theirs.asked.length, 1)
    }).pipe(
      Effect.provide(
        Layer.provide(Wrapped.layer(theirs.layer, { model: claude, declaration: "repeatable" }), failover())
      )
    )
  })

  it.effect("that fails before it leaves no trace in the answer", () => {
    const theirs = foreign(fails(cut, ...streams("").parts.slice(0, 2)), streams("Hello."))
    return Effect.gen(function* () {
      const parts = yield* streamed
      assert.strictEqual(textOf(parts), "Hello.")
      assert.strictEqual(parts.filter(({ type }) => type === "text-start").length, 1)
    }).pipe(
      Effect.provide(
        Layer.provide(Wrapped.layer(theirs.layer, { model: claude, declaration: "repeatable" }), failover())
      )
    )
  })
})

describe("tools", () => {
  it.effect("that were approved before the call run once, however often a model is asked after them", () => {
    const Pay = Tool.make("pay", { parameters: Schema.Struct({ to: Schema.String }), success: Schema.String })
    const tools = Toolkit.make(Pay)
    const paid: Array<string> = []
    const first = foreign(fails(refused))
    const second = foreign(says("Paid."))
    const prompt = Prompt.make([
      { role: "user", content: [{ type: "text", text: "pay" }] },
      {
        role: "assistant",
        content: [
          { type: "tool-call", id: "call_1", name: "pay", params: { to: "them" }, providerExecuted: false },
          { type: "tool-approval-request", approvalId: "a", toolCallId: "call_1" }
        ]
      },
      { role: "tool", content: [{ type: "tool-approval-response", approvalId: "a", approved: true }] }
    ])
    return Effect.gen(function* () {
      const response = yield* LanguageModel.generateText({ prompt, toolkit: tools })
      assert.strictEqual(response.text, "Paid.")
      assert.deepStrictEqual(paid, ["them"])
    }).pipe(
      Effect.provide(tools.toLayer({ pay: ({ to }) => Effect.sync(() => String(paid.push(to))) })),
      Effect.provide(
        Layer.provide(
          Wrapped.layer(first.layer, {
            model: claude,
            declaration: "repeatable",
            fallbacks: [{ layer: second.layer, model: gpt }]
          }),
          failover({ swap: { midTurn: "any" } })
        )
      )
    )
  })
})
