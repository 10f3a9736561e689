/**
 * The laws of failover policies as tests of one policy.
 *
 * It is a module apart, `@holdfast/testing/PolicySuite`, because it needs `@effect/vitest`; the laws themselves,
 * `@holdfast/testing/PolicyLaws`, do not.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Policy } from "@holdfast/core/FailoverPolicy"
import * as Effect from "effect/Effect"
import * as PolicyLaws from "./PolicyLaws.ts"

/**
 * Registers the laws as tests of a policy.
 *
 * **Example**
 *
 * ```ts
 * import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
 * import * as PolicySuite from "@holdfast/testing/PolicySuite"
 *
 * PolicySuite.suite("our policy", FailoverPolicy.make({ swap: { midTurn: "same-model" } }))
 * ```
 */
export const suite = (name: string, policy: Policy, options: PolicyLaws.Options = {}): void => {
  describe(name, () => {
    it.effect.each(options.laws ?? PolicyLaws.laws)("$name", (law) =>
      Effect.map(law.check(policy, options), (violation) => {
        if (violation !== undefined) assert.fail(PolicyLaws.format(violation))
      })
    )
  })
}
