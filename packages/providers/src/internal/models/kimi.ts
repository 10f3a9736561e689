/** What is known of Moonshot's models (platform.kimi.ai/docs, "Models", read in November 2026). */
import type { Modality, ModelFacts } from "../../ProviderDefinition.ts"

const sight: ReadonlyArray<Modality> = ["text", "image", "video"]

/**
 * Kimi models are named `kimi-k<version>[-<variant>][-<date>]`, older ones `moonshot-v1-<context>[-vision-preview]`. Hosts
 * write `instruct` where Moonshot writes `preview`.
 */
export const describe = (model: string): ModelFacts | undefined => {
  const old = /^moonshot-v1-(8k|32k|128k|auto)(-vision-preview)?$/.exec(model)
  if (old !== null) {
    return {
      identity: model,
      family: { maker: "moonshot", line: "moonshot-v1" },
      input: old[2] ? sight.slice(0, 2) : ["text"]
    }
  }
  const match = /^kimi-k(\d+(?:\.\d+)?)(?:-(.+))?$/.exec(model)
  if (match === null) return model === "kimi-latest" ? { family: { maker: "moonshot", line: "kimi" } } : undefined
  const [, version = "", rest = ""] = match
  const words = rest.split("-").filter((word) => !/^(preview|instruct|\d{4}|)$/.test(word))
  const date = /\b\d{4}\b/.exec(rest)?.[0]
  const line = ["kimi", ...words].join("-")
  const sees = Number(version) >= 2.5
  return {
    identity: [`kimi-k${version}`, ...words, ...(date === undefined ? [] : [date])].join("-"),
    family: { maker: "moonshot", line },
    input: sees ? sight : ["text"],
    // "256k" in its documents; that of Kimi K3 is not known here.
    ...(Number(version) < 3 && sees ? { contextTokens: 262_144 } : undefined)
  }
}
