/** The naive run as a process. */
import { run } from "./naive.ts"
import { main } from "./process.ts"

main(run)
