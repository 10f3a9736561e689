/** The `holdfast` command, and its demo as a function. */
export * as Cli from "./Cli.ts"
export * as Demo from "./Demo.ts"
export { DemoFailed } from "./DemoFailed.ts"
export { Column, DemoReport } from "./DemoReport.ts"
