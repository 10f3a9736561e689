/**
 * Holdfast keeps an AI agent on its model.
 *
 * `Holdfast.layer` and `Holdfast.model` are what most programs need; the rest is for programs that catch, combine,
 * configure and watch.
 */
export * as Holdfast from "./Holdfast.ts"

/** Failed calls, and what may be done with them. */
export { Evidence, Exposure, Failure, InvalidInput, Reason, ReplaySafety, Verdict } from "@holdfast/core"

/** Calls, turns and the policy that governs them; a call of one's own declares what a replay of it would do. */
export { Candidate, Decision, Declaration, Failover, FailoverPolicy, ModelRef } from "@holdfast/core"
export { CallState, Hedge, Hold, SwapDenied, SwapRule, TimeLimits, Turn } from "@holdfast/core"

/** What is held against providers, and how much more they may be asked. */
export { ProviderHealth, RetryBudget } from "@holdfast/core"

/** What happened, as events. */
export { Journal, Telemetry, TelemetryEvent } from "@holdfast/core"

/** The services that a test or another runtime replaces. */
export { HttpTransport, ProviderRegistry } from "@holdfast/core"

/** The transport for other packages: as an `HttpClient` of Effect, and as a `fetch` for the vendors' SDKs. */
export { Client } from "@holdfast/core"
export { Fetch } from "@holdfast/node"

/** The connections of a provider. */
export { Dispatcher, Dispatchers, Proxy, Tls } from "@holdfast/node"

/** The provider table, who answered, and how failures look to `effect/ai`. */
export { AiErrors, Answers, Providers } from "@holdfast/providers"

/**
 * The calls of a model with the typed error channel, one model without a chain, and models as an `ExecutionPlan`, for
 * programs of one's own.
 */
export { DirectModel, ModelCalls, ModelPlan } from "@holdfast/providers"

/** What a provider of one's own is made of: its definition, and the wire formats that it speaks. */
export { Codec, Codecs, ProviderDefinition } from "@holdfast/providers"
