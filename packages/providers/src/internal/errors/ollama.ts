/**
 * Ollama's sentences, in its own API and where it speaks OpenAI's (github.com/ollama/ollama: docs/api.md,
 * docs/troubleshooting.md, server/routes.go; "does not support": issues 6027 and 14795).
 */
import type { ErrorRule } from "../../ErrorRule.ts"

/** What Ollama's errors mean. */
export const ollamaErrors: ReadonlyArray<ErrorRule> = [
  {
    name: "not-pulled",
    when: { status: 404, text: /model ['"]?([\w./:@-]{1,128}?)['"]? (?:was )?not found/i },
    reason: "ModelNotFound",
    hint: "Run `ollama pull $1` where Ollama runs; `ollama list` shows which models it has."
  },
  {
    name: "unsupported",
    when: {
      status: 400,
      text: /does not support (tools|thinking|images?|vision|chat|generate|completion|insert|embeddings?)/i
    },
    reason: "InvalidRequest",
    hint: "The model does not support $1 (`ollama show` lists what it can): leave it out, or pull a model that does."
  },
  { name: "busy", when: { status: 503 }, reason: "Overloaded", hint: "Wait, or raise OLLAMA_MAX_QUEUE." },
  {
    name: "memory",
    when: { status: 500, text: /requires more system memory|out of memory|cudaMalloc failed/i },
    reason: "ServerError",
    hint: "The model does not fit the memory where Ollama runs: take a smaller one, or a smaller num_ctx."
  },
  {
    name: "signed-out",
    when: { status: 401 },
    reason: "AuthenticationFailed",
    hint: "The model runs in Ollama's cloud: run `ollama signin` where Ollama runs, or set a key."
  }
]
