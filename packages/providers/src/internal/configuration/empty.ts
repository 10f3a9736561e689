/** What holds where nothing is written. */
import type { Configuration } from "../../Configuration.ts"

/** Nothing written: keys come from the environment, and the defaults hold. */
export const empty: Configuration = { models: {}, agents: {}, providers: {}, credentials: [], policy: {}, unknown: [] }
