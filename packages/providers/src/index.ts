/** LLM providers for Holdfast: for app authors. */
export * as AiErrors from "./AiErrors.ts"
export * as Answers from "./Answers.ts"
export * as Model from "./Model.ts"
export * as Providers from "./Providers.ts"

/** For authors of providers and wire formats. */
export * as AnthropicMessages from "./AnthropicMessages.ts"
export * as Codec from "./Codec.ts"
export * as Codecs from "./Codecs.ts"
export * as Configuration from "./Configuration.ts"
export * as ConfigurationSource from "./ConfigurationSource.ts"
export * as ErrorRule from "./ErrorRule.ts"
export * as OpenAiCompletions from "./OpenAiCompletions.ts"
export * as ProviderDefinition from "./ProviderDefinition.ts"
export * as ProviderTable from "./ProviderTable.ts"
