/** The client is an ordinary HttpClient: its errors are HttpClient's, and what it needs is a transport. */
import * as Client from "@holdfast/core/Client"
import type { Declaration } from "@holdfast/core/Declaration"
import type * as Failure from "@holdfast/core/Failure"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import { describe, expectTypeOf, it } from "vitest"

declare const client: Effect.Success<ReturnType<typeof Client.make>>

describe("make and layer", () => {
  it("fail on wrong names and limits alone, and need a transport alone", () => {
    expectTypeOf(Client.make("openai")).toEqualTypeOf<
      Effect.Effect<HttpClient.HttpClient, InvalidInput, HttpTransport>
    >()
    expectTypeOf(Client.layer("openai", { limits: { total: "1 minute" } })).toEqualTypeOf<
      Layer.Layer<HttpClient.HttpClient, InvalidInput, HttpTransport>
    >()
  })

  it("give a client whose requests fail as HttpClient has it, and need nothing", () => {
    expectTypeOf(client.get("https://api.openai.com/v1/models")).toEqualTypeOf<
      Effect.Effect<HttpClientResponse, HttpClientError>
    >()
  })

  it("refuse options that are none", () => {
    // @ts-expect-error a declaration is one of four words
    Client.make("openai", { declare: () => "harmless" })
    // @ts-expect-error a limit is a duration or false
    Client.make("openai", { limits: { total: true } })
  })
})

describe("declare", () => {
  it("is asked with the request", () => {
    expectTypeOf<NonNullable<Client.Options["declare"]>>().toEqualTypeOf<(request: HttpClientRequest) => Declaration>()
  })
})

describe("failureOf", () => {
  it("takes anything and may find nothing", () => {
    expectTypeOf(Client.failureOf).toEqualTypeOf<(error: unknown) => Failure.Failure | undefined>()
  })
})
