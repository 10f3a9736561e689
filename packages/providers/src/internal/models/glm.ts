/** What is known of Z.AI's models (docs.z.ai, "Chat Completion", read in November 2026). */
import type { ModelFacts } from "../../ProviderDefinition.ts"

/** GLM models are named `glm-<version>[v][-<line>]`; those with a `v` see. */
export const describe = (model: string): ModelFacts | undefined => {
  const match = /^glm-(\d+(?:\.\d+)?)(v)?(?:-(.+))?$/.exec(model)
  if (match === null) return undefined
  const [, , sees, variant] = match
  const line = ["glm", ...(sees === undefined ? [] : ["v"]), ...(variant === undefined ? [] : [variant])].join("-")
  return {
    identity: model,
    family: { maker: "zai", line },
    input: sees === undefined ? ["text"] : ["text", "image", "video"]
  }
}
