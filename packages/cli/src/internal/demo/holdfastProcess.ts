/** The Holdfast run as a process. */
import { run } from "./holdfast.ts"
import { main } from "./process.ts"

main(run)
