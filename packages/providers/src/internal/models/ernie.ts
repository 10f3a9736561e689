/** What is known of Baidu's models (cloud.baidu.com/doc/qianfan-api, "Models"). */
import type { ModelFacts } from "../../ProviderDefinition.ts"

/** ERNIE models are named `ernie-[x]<version>-<line>-<context>[-<state>]`; `vl` among the words: it sees. */
export const describe = (model: string): ModelFacts | undefined => {
  const match = /^ernie-(x)?\d+(?:\.\d+)*(?:-(.+))?$/.exec(model)
  if (match === null) return undefined
  const [, thinks, rest = ""] = match
  const words = rest.split("-").filter((word) => /^[a-z]+$/.test(word) && word !== "preview" && word !== "latest")
  return {
    // A name that ends in `latest` or `preview` moves on.
    ...(/-(latest|preview)$/.test(model) ? undefined : { identity: model }),
    family: { maker: "baidu", line: ["ernie", ...(thinks === undefined ? [] : ["x"]), ...words].join("-") },
    input: words.includes("vl") ? ["text", "image"] : ["text"]
  }
}
