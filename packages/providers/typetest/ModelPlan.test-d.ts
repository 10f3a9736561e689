/** A plan of models runs through what holds it to the verdict, and does not compile without. */
import type { GivenUp } from "@holdfast/core/Failover"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as ModelCalls from "@holdfast/providers/ModelCalls"
import * as ModelPlan from "@holdfast/providers/ModelPlan"
import * as Effect from "effect/Effect"
import * as ExecutionPlan from "effect/ExecutionPlan"
import * as Stream from "effect/Stream"
import type * as AiError from "effect/ai/AiError"
import { describe, expectTypeOf, it } from "vitest"

declare const plan: ModelPlan.ModelPlan

const hello = ModelCalls.generateText({ prompt: "hi" })
const streamed = ModelCalls.streamText({ prompt: "hi" })

type Errors = GivenUp | InvalidInput | AiError.AiError

describe("a plan of models", () => {
  it("needs a run, which nothing but run and stream provides", () => {
    const naive = Effect.withExecutionPlan(hello, plan)
    expectTypeOf<Effect.Services<typeof naive>>().toEqualTypeOf<ModelPlan.Run>()
    const naively = Stream.withExecutionPlan(streamed, plan)
    expectTypeOf<Stream.Services<typeof naively>>().toEqualTypeOf<ModelPlan.Run>()
    const merged = Effect.withExecutionPlan(hello, ExecutionPlan.merge(plan, plan))
    expectTypeOf<Effect.Services<typeof merged>>().toEqualTypeOf<ModelPlan.Run>()
  })

  it("keeps the errors of what it runs, and wants nothing else", () => {
    const ran = hello.pipe(ModelPlan.run(plan))
    expectTypeOf<Effect.Services<typeof ran>>().toEqualTypeOf<never>()
    expectTypeOf<Effect.Error<typeof ran>>().toEqualTypeOf<Errors>()
    const ranMerged = hello.pipe(ModelPlan.run(ExecutionPlan.merge(plan, plan)))
    expectTypeOf<Effect.Services<typeof ranMerged>>().toEqualTypeOf<never>()
    const stream = streamed.pipe(ModelPlan.stream(plan))
    expectTypeOf<Stream.Services<typeof stream>>().toEqualTypeOf<never>()
    expectTypeOf<Stream.Error<typeof stream>>().toEqualTypeOf<Errors>()
  })

  it("is made of what a chain stands on, but for Failover itself", () => {
    const made = ModelPlan.make(["a/b"])
    expectTypeOf<Effect.Services<typeof made>>().toEqualTypeOf<ModelPlan.Services>()
    expectTypeOf<Effect.Error<typeof made>>().toEqualTypeOf<InvalidInput>()
  })
})
