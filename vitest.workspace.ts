import { defineConfig } from "vitest/config"

const resolve = { conditions: ["@holdfast/source", "node", "import", "module", "default"] }
const ssr = { resolve: { ...resolve, externalConditions: resolve.conditions } }

export default defineConfig({
  resolve,
  ssr,
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [
            "packages/*/test/**/*.test.ts",
            "bench/test/**/*.test.ts",
            "simulate/test/**/*.test.ts",
            "examples/*.test.ts"
          ],
          exclude: ["**/*.integration.test.ts"]
        }
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["packages/*/test/**/*.integration.test.ts", "examples/test/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000
        }
      },
      {
        extends: true,
        test: {
          name: "types",
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            checker: "tsc",
            tsconfig: "./tsconfig.types.json",
            include: ["packages/*/typetest/**/*.test-d.ts"]
          }
        }
      }
    ]
  }
})
