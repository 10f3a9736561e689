/** The typed error channel of a model's calls, and that the combinators of `ReplaySafety` take from it what they say. */
import type { GivenUp } from "@holdfast/core/Failover"
import type { ReplayAmbiguous, ReplaySafe, ReplayUnsafe } from "@holdfast/core/Failure"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as ReplaySafety from "@holdfast/core/ReplaySafety"
import type { SwapDenied } from "@holdfast/core/SwapDenied"
import * as ModelCalls from "@holdfast/providers/ModelCalls"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { AiError } from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { describe, expectTypeOf, it } from "vitest"

type Errors = ReplaySafe | ReplayAmbiguous | ReplayUnsafe | SwapDenied | InvalidInput | AiError

class NoMoney extends Schema.TaggedError<NoMoney>()("NoMoney", {}) {}

const Pay = Tool.make("pay", {
  parameters: Schema.Struct({ to: Schema.String }),
  success: Schema.String,
  failure: NoMoney
})
const tools = Toolkit.make(Pay)

type ErrorOf<T> =
  T extends Effect.Effect<unknown, infer E, unknown>
    ? E
    : T extends Stream.Stream<unknown, infer E, unknown>
      ? E
      : never
type ServicesOf<T> =
  T extends Effect.Effect<unknown, unknown, infer R>
    ? R
    : T extends Stream.Stream<unknown, unknown, infer R>
      ? R
      : never

const at = (model: LanguageModel.LanguageModel) => ModelCalls.of(model).generateText({ prompt: "hi" })

const text = ModelCalls.generateText({ prompt: "hi" })

describe("a typed call", () => {
  it("fails with the three verdicts, with invalid input and with AiError, and needs the model alone", () => {
    expectTypeOf<ErrorOf<typeof text>>().toEqualTypeOf<Errors>()
    expectTypeOf<ServicesOf<typeof text>>().toEqualTypeOf<LanguageModel.LanguageModel>()
    expectTypeOf<ModelCalls.Error>().toEqualTypeOf<Errors>()
    expectTypeOf<Effect.Success<typeof text>["text"]>().toEqualTypeOf<string>()
  })

  it("fails so in a stream and for an object as well", () => {
    const stream = ModelCalls.streamText({ prompt: "hi" })
    expectTypeOf<ErrorOf<typeof stream>>().toEqualTypeOf<Errors>()
    expectTypeOf<ServicesOf<typeof stream>>().toEqualTypeOf<LanguageModel.LanguageModel>()
    const object = ModelCalls.generateObject({ prompt: "hi", schema: Schema.Struct({ city: Schema.String }) })
    expectTypeOf<ErrorOf<typeof object>>().toEqualTypeOf<Errors>()
    expectTypeOf<Effect.Success<typeof object>["value"]>().toEqualTypeOf<{ readonly city: string }>()
  })

  it("keeps the errors and the handlers of tools", () => {
    const call = ModelCalls.generateText({ prompt: "hi", toolkit: tools })
    expectTypeOf<ErrorOf<typeof call>>().toEqualTypeOf<Errors | NoMoney>()
    expectTypeOf<LanguageModel.LanguageModel | Tool.HandlersFor<{ readonly pay: typeof Pay }>>().toExtend<
      ServicesOf<typeof call>
    >()
    expectTypeOf<Effect.Success<typeof call>["toolResults"][number]["name"]>().toEqualTypeOf<"pay">()
  })

  it("of a model at hand needs nothing", () => {
    expectTypeOf<ServicesOf<ReturnType<typeof at>>>().toEqualTypeOf<never>()
    expectTypeOf<ErrorOf<ReturnType<typeof at>>>().toEqualTypeOf<Errors>()
  })

  it("takes no option that there is not", () => {
    // @ts-expect-error there is no such option
    ModelCalls.generateText({ prompt: "hi", temperature: 1 })
  })
})

describe("under a combinator", () => {
  it("orElseWhenSafe takes ReplaySafe out", () => {
    const other = text.pipe(ReplaySafety.orElseWhenSafe(() => Effect.succeed("another answer")))
    expectTypeOf<ErrorOf<typeof other>>().toEqualTypeOf<Exclude<Errors, ReplaySafe>>()
  })

  it("retryWhenSafe leaves all of it", () => {
    const again = text.pipe(ReplaySafety.retryWhenSafe(Schedule.recurs(1)))
    expectTypeOf<ErrorOf<typeof again>>().toEqualTypeOf<Errors>()
  })

  it("assumeRepeatable makes Ambiguous Safe", () => {
    const assumed = text.pipe(ReplaySafety.assumeRepeatable)
    expectTypeOf<ErrorOf<typeof assumed>>().toEqualTypeOf<Exclude<Errors, ReplayAmbiguous>>()
  })
})

describe("Typed", () => {
  it("adds nothing where no AiError is", () => {
    expectTypeOf<ModelCalls.Typed<NoMoney>>().toEqualTypeOf<NoMoney>()
    expectTypeOf<ModelCalls.Typed<NoMoney | AiError>>().toEqualTypeOf<NoMoney | AiError | GivenUp | InvalidInput>()
  })
})
