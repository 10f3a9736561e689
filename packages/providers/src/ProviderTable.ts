/** The providers known without configuration. */
import { anthropic } from "./definitions/anthropic.ts"
import { openai } from "./definitions/openai.ts"
import type { ProviderDefinition } from "./ProviderDefinition.ts"

/** The providers known without configuration. */
export const table: ReadonlyArray<ProviderDefinition> = [anthropic, openai]
