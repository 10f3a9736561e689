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
    include: [
      "packages/core/test/{Verdict,Declaration,Candidate,SwapRule,FailoverPolicy,OpenClaw,decide,words}*.test.ts"
    ],
    // So many cases for each mutant take hours; those that say what they are about do without.
    exclude: ["packages/core/test/{FailoverPolicy.prop,decide.exhaustive}.test.ts"]
  }
})
