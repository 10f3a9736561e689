/**
 * Failover for tests that are about something else than fleets: no call leaves a trace for the next.
 *
 * Nobody cools down after a failure, and retries have no budget. Policy, verdicts and telemetry are the real ones.
 */
import * as Failover from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import type { Telemetry } from "@holdfast/core/Telemetry"
import * as Layer from "effect/Layer"

/** Failover under the default policy, or one with parts of it replaced. */
export const layer = (
  overrides?: FailoverPolicy.Overrides
): Layer.Layer<
  Failover.Failover | FailoverPolicy.FailoverPolicy | ProviderHealth | RetryBudget,
  InvalidInput,
  Telemetry
> =>
  Failover.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(FailoverPolicy.FailoverPolicy.layer(overrides), ProviderHealth.layerOff, RetryBudget.layerOff)
    )
  )
