/** The keys of OpenClaw's files that are its own affair, by section. What is neither read nor here is reported. */
import type { Path } from "./path.ts"

/** Whether a key that we do not read is OpenClaw's own affair. */
export const isItsOwn = (path: Path): boolean => {
  const section = path.slice(0, -1).map((key) => (typeof key === "number" ? "*" : String(key)))
  const names = sections.find(({ at }) => at.length === section.length && at.every(fits(section)))?.names
  return names?.has(String(path.at(-1))) ?? false
}

const fits =
  (section: ReadonlyArray<string>) =>
  (key: string, index: number): boolean =>
    key === "*" || key === section[index]

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/))

const agent = `workspace skills memorySearch humanDelay heartbeat identity groupChat subagents sandbox tools runtime
 embeddedPi embeddedAgent thinkingDefault reasoningDefault verboseDefault fastModeDefault contextTokens agentRuntime
 cwd agentDir utilityModel`

const sections: ReadonlyArray<{ readonly at: ReadonlyArray<string>; readonly names: ReadonlySet<string> }> = [
  {
    at: [],
    names:
      words(`$schema $include accessGroups acp agent approvals audio bindings broadcast browser canvasHost channels cli
 commands commitments crestodian cron diagnostics discovery gateway hooks identity logging mcp media memory messages meta
 nodeHost plugins routing secrets session skills talk tools transcripts ui update web wizard`)
  },
  {
    at: ["agents", "defaults"],
    names: words(`${agent} repoRoot skipBootstrap skipOptionalBootstrapFiles contextInjection bootstrapMaxChars
 bootstrapTotalMaxChars bootstrapPromptTruncationWarning userTimezone timeFormat envelopeTimezone envelopeTimestamp
 envelopeElapsed cliBackends imageModel pdfModel pdfMaxBytesMb pdfMaxPages imageGenerationModel videoGenerationModel
 musicGenerationModel mediaGenerationAutoProviderFallback contextPruning contextLimits compaction typingMode
 typingIntervalSeconds elevatedDefault toolProgressDetail blockStreamingDefault blockStreamingBreak blockStreamingChunk
 blockStreamingCoalesce timeoutSeconds mediaMaxMb imageMaxDimensionPx imageQuality maxConcurrent promptOverlays
 silentReply silentReplyRewrite startupContext llm runRetries`)
  },
  { at: ["agents"], names: words("bindings") },
  { at: ["agents", "list", "*"], names: words(`${agent} name`) },
  { at: ["agents", "defaults", "models", "*"], names: words("agentRuntime streaming") },
  { at: ["models"], names: words("mode pricing bedrockDiscovery") },
  { at: ["models", "providers", "*", "models", "*"], names: words("name reasoning compat contextTokens agentRuntime") },
  { at: ["auth", "profiles", "*"], names: words("email displayName") }
]
