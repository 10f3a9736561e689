/** The `holdfast` command, and what it does as functions; what a policy would do, as a table. */
export * as Ask from "./Ask.ts"
export { AskFailed } from "./AskFailed.ts"
export * as Cli from "./Cli.ts"
export * as Demo from "./Demo.ts"
export { DemoFailed } from "./DemoFailed.ts"
export { Column, DemoReport } from "./DemoReport.ts"
export * as ExplanationTable from "./ExplanationTable.ts"
