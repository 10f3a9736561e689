/** The tests that are to notice a changed verdict or decision, on the changed sources wherever they are imported from. */
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const root = fileURLToPath(new URL("..", import.meta.url))
const conditions = ["@holdfast/source", "node", "import", "module", "default"]
const resolve = {
  conditions,
  // Stryker works on a copy, but links in node_modules lead to the original.
  alias: [
    { find: /^@holdfast\/(\w+)\/(.+)$/, replacement: `${root}packages/$1/src/$2.ts` },
    { find: /^@holdfast\/(\w+)$/, replacement: `${root}packages/$1/src/index.ts` }
  ]
}

export default defineConfig({
  root,
  resolve,
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    // Those that say what they are about; grids of hundreds of thousands of decisions are for the mutants that these let live.
    include:
      process.env["HOLDFAST_MUTATION_TESTS"] === "grids"
        ? ["packages/core/test/decide.*.test.ts"]
        : [
            "packages/core/test/{Verdict,Declaration,Candidate,SwapRule,OpenClaw,words}*.test.ts",
            "packages/core/test/FailoverPolicy{,.overrides,.live,.bad,.nonsense}.test.ts",
            "packages/core/test/Failover.{backoff,ask,named}.test.ts",
            "packages/core/test/{README.policy,Explanation}.test.ts",
            "packages/core/test/decide.{bounds,named,override,shared}.test.ts"
          ]
  }
})
