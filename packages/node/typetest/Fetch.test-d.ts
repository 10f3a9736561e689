/** What `fetch` is to a type checker: a plain `fetch`, that every SDK takes, and what making one may fail with. */
import type { createOpenAI } from "@ai-sdk/openai"
import type { ClientOptions as AnthropicOptions } from "@anthropic-ai/sdk"
import type { Failure } from "@holdfast/core/Failure"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type * as Fetch from "@holdfast/node/Fetch"
import type * as NodeTransport from "@holdfast/node/HttpTransport"
import type * as Effect from "effect/Effect"
import type { ClientOptions as OpenAIOptions } from "openai"
import { describe, expectTypeOf, it } from "vitest"

type Made = Effect.Success<ReturnType<typeof Fetch.fetch>>

describe("Fetch.fetch", () => {
  it("gives a plain fetch, needs a transport and fails with wrong options alone", () => {
    expectTypeOf<ReturnType<typeof Fetch.fetch>>().toEqualTypeOf<
      Effect.Effect<typeof globalThis.fetch, InvalidInput, HttpTransport>
    >()
    expectTypeOf<typeof NodeTransport.fetch>().toEqualTypeOf<typeof Fetch.fetch>()
  })

  it("is taken by vendors' SDKs", () => {
    expectTypeOf<Made>().toExtend<NonNullable<OpenAIOptions["fetch"]>>()
    expectTypeOf<Made>().toExtend<NonNullable<AnthropicOptions["fetch"]>>()
    expectTypeOf<Made>().toExtend<NonNullable<NonNullable<Parameters<typeof createOpenAI>[0]>["fetch"]>>()
  })
})

describe("Fetch.make", () => {
  it("needs a provider, and gives what the language can dispose of", () => {
    expectTypeOf<{ readonly provider: string }>().toExtend<Fetch.MakeOptions>()
    expectTypeOf<{ readonly connections: number }>().not.toExtend<Fetch.MakeOptions>()
    expectTypeOf<Fetch.Made>().toExtend<AsyncDisposable>()
  })
})

describe("Fetch.failureOf", () => {
  it("takes anything that was thrown", () => {
    expectTypeOf<typeof Fetch.failureOf>().toEqualTypeOf<(error: unknown) => Failure | undefined>()
  })
})
