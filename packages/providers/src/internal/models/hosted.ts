/** What is known of models that others than their makers host, named `<maker>/<model>[:<variant>]`. */
import type { ModelFacts } from "../../ProviderDefinition.ts"
import { describe as describeClaude } from "./claude.ts"
import { describe as describeDeepseek } from "./deepseek.ts"
import { describe as describeErnie } from "./ernie.ts"
import { describe as describeGlm } from "./glm.ts"
import { describe as describeOpenai } from "./gpt.ts"
import { describe as describeKimi } from "./kimi.ts"

/** What a maker's own definition knows of a model, but for its price, which is the host's to say. */
export const describeHosted = (id: string): ModelFacts | undefined => {
  // What follows the colon says how it is run: free, fast, with a search.
  const [name = ""] = id.split(":", 1)
  const slash = name.indexOf("/")
  if (slash <= 0) return undefined
  const maker = name.slice(0, slash).replace(/^~/, "")
  const model = name.slice(slash + 1)
  const facts = describeBy(maker, model)
  if (facts === undefined) return { identity: model }
  const { contextBeta: _, price: __, ...rest } = facts
  return rest
}

const describeBy = (maker: string, model: string): ModelFacts | undefined => {
  switch (maker) {
    case "anthropic":
      // Anthropic writes versions with a dash.
      return describeClaude(model.replaceAll(".", "-"))
    case "openai":
      return model.startsWith("gpt-oss-") ? openWeights(model) : describeOpenai(model)
    case "deepseek":
    case "deepseek-ai":
      return named(describeDeepseek(model.toLowerCase()), model)
    case "moonshotai":
      return describeKimi(model.toLowerCase())
    case "z-ai":
    case "zai-org":
      return describeGlm(model.toLowerCase())
    case "baidu":
      return describeErnie(model)
    case "google":
    case "x-ai":
      return { identity: model, family: { maker, line: lineOf(model) } }
    default:
      return undefined
  }
}

const openWeights = (model: string): ModelFacts => ({
  identity: model,
  family: { maker: "openai", line: "gpt-oss" },
  input: ["text"],
  contextTokens: 131_072
})

/**
 * With the name for an identity. `deepseek-chat` and `deepseek-reasoner` are moving names that once meant other models.
 * What a maker's own platform shows its newest snapshot may not be true of open weights.
 */
const named = (facts: ModelFacts | undefined, model: string): ModelFacts | undefined => {
  if (facts?.family === undefined) return undefined
  return /^deepseek-(chat|reasoner)$/.test(model) ? { family: facts.family } : { identity: model, family: facts.family }
}

/** The name without versions, dates and states: `gemini-3.1-flash-lite-preview` is of the line `gemini-flash-lite`. */
const lineOf = (model: string): string =>
  model
    .split("-")
    .filter((word) => !/^v?\d|^(preview|exp|beta|latest)$/.test(word))
    .join("-")
