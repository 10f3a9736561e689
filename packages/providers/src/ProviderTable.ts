/** The providers known without configuration. */
import { anthropic } from "./definitions/anthropic.ts"
import { openai } from "./definitions/openai.ts"
import { openaiCodex } from "./definitions/openaiCodex.ts"
import { deepseek } from "./definitions/deepseek.ts"
import { groq } from "./definitions/groq.ts"
import { moonshot } from "./definitions/moonshot.ts"
import { ollama } from "./definitions/ollama.ts"
import { openrouter } from "./definitions/openrouter.ts"
import { qianfan } from "./definitions/qianfan.ts"
import { zai } from "./definitions/zai.ts"
import type { ProviderDefinition } from "./ProviderDefinition.ts"

/** The providers known without configuration. */
export const table: ReadonlyArray<ProviderDefinition> = [
  anthropic,
  openai,
  openaiCodex,
  openrouter,
  groq,
  deepseek,
  moonshot,
  zai,
  qianfan,
  ollama
]
