import { cases, gpt } from "./support/classifying.ts"

// github.com/ollama/ollama: docs/api.md, server/routes.go.
cases("ollama", "ollama", [
  {
    status: 404,
    body: { error: "model 'llama9:8b' not found" },
    is: "ModelNotFound",
    rule: "not-pulled",
    advice: /`ollama pull llama9:8b`/
  },
  {
    status: 404,
    body: { error: 'model "hf.co/x/y:Q4" not found, try pulling it first' },
    is: "ModelNotFound",
    rule: "not-pulled",
    advice: /`ollama pull hf\.co\/x\/y:Q4`/
  },
  { status: 404, body: "404 page not found", is: "ModelNotFound", rule: "status-404/wrong-url", notRun: false },
  {
    status: 400,
    body: { error: '"codellama:latest" does not support tools' },
    is: "InvalidRequest",
    rule: "unsupported",
    advice: /does not support tools/
  },
  {
    status: 400,
    body: { error: '"qwen3-coder:30b" does not support thinking' },
    is: "InvalidRequest",
    rule: "unsupported",
    advice: /thinking/
  },
  {
    status: 400,
    body: { error: "the input length exceeds the context length" },
    is: "ContextOverflow",
    rule: "status-400/prompt-too-long"
  },
  {
    status: 500,
    body: { error: "model requires more system memory (24.1 GiB) than is available (8.0 GiB)" },
    is: "ServerError",
    rule: "memory",
    advice: /memory/,
    notRun: false
  },
  {
    status: 503,
    body: { error: "server busy, please try again. maximum pending requests exceeded" },
    is: "Overloaded",
    rule: "busy",
    notRun: false
  },
  {
    status: 401,
    body: { error: "unauthorized", signin_url: "https://ollama.com/connect" },
    is: "AuthenticationFailed",
    rule: "signed-out",
    advice: /ollama signin/,
    notRun: false
  },
  // Somebody else's word in the same place.
  { status: 400, body: { error: "unauthorized", code: 1 }, is: "InvalidRequest", rule: "status-400", notRun: false }
])

cases("ollama", "openai", [
  {
    status: 404,
    body: gpt(null, "model 'llama9' not found", "not_found_error"),
    is: "ModelNotFound",
    rule: "not-pulled",
    advice: /`ollama pull llama9`/
  },
  {
    status: 400,
    body: gpt(null, "registry.ollama.ai/library/gemma3:4b does not support tools", "api_error"),
    is: "InvalidRequest",
    rule: "unsupported"
  }
])
