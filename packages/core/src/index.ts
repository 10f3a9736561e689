/**
 * The domain of Holdfast and the interfaces of its services.
 *
 * For app authors: what a program catches, combines and configures.
 */
export * as Caller from "./Caller.ts"
export * as Candidate from "./Candidate.ts"
export * as Client from "./Client.ts"
export * as Decision from "./Decision.ts"
export * as Declaration from "./Declaration.ts"
export * as Evidence from "./Evidence.ts"
export * as Exposure from "./Exposure.ts"
export * as Failover from "./Failover.ts"
export * as FailoverPolicy from "./FailoverPolicy.ts"
export * as Failure from "./Failure.ts"
export * as FallbackDecision from "./FallbackDecision.ts"
export * as InvalidInput from "./InvalidInput.ts"
export * as Journal from "./Journal.ts"
export * as ModelRef from "./ModelRef.ts"
export * as ProviderHealth from "./ProviderHealth.ts"
export * as Reason from "./Reason.ts"
export * as ReplaySafety from "./ReplaySafety.ts"
export * as RetryBudget from "./RetryBudget.ts"
export * as SwapRule from "./SwapRule.ts"
export * as Telemetry from "./Telemetry.ts"
export * as TelemetryEvent from "./TelemetryEvent.ts"
export * as TimeLimits from "./TimeLimits.ts"
export * as ToolSafety from "./ToolSafety.ts"
export * as Turn from "./Turn.ts"
export * as Verdict from "./Verdict.ts"

/** For library authors: what a transport or a registry implements. */
export * as HttpTransport from "./HttpTransport.ts"
export * as Pacing from "./Pacing.ts"
export * as Preview from "./Preview.ts"
export * as ProviderRegistry from "./ProviderRegistry.ts"
export * as RateLimits from "./RateLimits.ts"
export * as Repair from "./Repair.ts"
export * as RequestHead from "./RequestHead.ts"
