/** The suite of laws, run on policies that keep them. */
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as PolicyLaws from "@holdfast/testing/PolicyLaws"
import * as PolicySuite from "@holdfast/testing/PolicySuite"

PolicySuite.suite("the default policy", FailoverPolicy.make())

PolicySuite.suite(
  "a policy that gives up at once",
  FailoverPolicy.make({ decide: () => ({ _tag: "Surface", why: "reason-surfaces", skipped: [] }) }),
  { runs: 100, laws: PolicyLaws.laws.filter(({ name }) => name !== "goes on where it may") }
)
