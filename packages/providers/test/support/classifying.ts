/** Error answers put to a provider's own classifier. */
import { assert, describe, it } from "@effect/vitest"
import type { Classified, ErrorAnswer, Reading } from "@holdfast/providers/Codec"
import { plain } from "@holdfast/providers/Codec"
import { table } from "@holdfast/providers/ProviderTable"
import * as AnthropicErrors from "../../src/internal/anthropic/errors.ts"
import * as OllamaErrors from "../../src/internal/ollama/errors.ts"
import * as OpenAiErrors from "../../src/internal/openaiCompletions/errors.ts"

const formats = { anthropic: AnthropicErrors, openai: OpenAiErrors, ollama: OllamaErrors }

/** How a provider words its errors. */
export type Format = keyof typeof formats

/** What a provider's answers are read with: its own rules, if it has any. */
export const readingOf = (id: string): Reading => {
  const definition = table.find((known) => known.id === id)
  return {
    ...plain,
    provider: id,
    ...(definition?.errors === undefined ? undefined : { errors: definition.errors }),
    ...(definition?.statusPage === undefined ? undefined : { statusPage: definition.statusPage })
  }
}

/** What an answer of a provider means. */
export const classify = (provider: string, format: Format, answer: ErrorAnswer): Classified =>
  formats[format].classify(answer, readingOf(provider))

/** What an error inside a 200 means. */
export const classifyInBand = (provider: string, format: Format, payload: Readonly<Record<string, unknown>>) =>
  formats[format].classifyInBand(payload, readingOf(provider))

/** The fields of any reason that an answer can have. */
export interface Fields {
  readonly _tag: string
  readonly scope: string
  readonly advice: string
  readonly rule: string
  readonly status?: number
  readonly type?: string
  readonly code?: string
  readonly said?: string
  readonly requestId?: string
  readonly from?: string
  readonly server?: string
  readonly hint?: string
  readonly parameter?: string
  readonly retryAfterMs?: number
  readonly limited?: string
  readonly counted?: string
  readonly window?: string
}

/** A reason's fields, whichever it is. */
export const fieldsOf = ({ reason }: Pick<Classified, "reason">): Fields => {
  if (!("rule" in reason)) throw new Error(`${reason._tag} is no answer's reason`)
  return reason
}

/** An answer that a provider documents or is known to give, and what it means. */
export interface Case {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly is: string
  readonly rule: string
  /** What else the reason holds. */
  readonly holds?: Partial<Fields>
  readonly advice?: RegExp
  /** Default: that of a refusal in the provider's own shape. */
  readonly notRun?: boolean
}

export const cases = (provider: string, format: Format, table: ReadonlyArray<Case>): void => {
  describe(provider, () => {
    it.each(table)(
      "$status $body is $is by $rule",
      ({ advice, body, headers = {}, holds, is, notRun, rule, status }) => {
        const text = typeof body === "string" ? body : JSON.stringify(body)
        const classified = classify(provider, format, { status, headers, body: text })
        const reason = fieldsOf(classified)
        assert.deepStrictEqual([reason._tag, reason.rule], [is, `${provider}/${rule}`])
        if (holds !== undefined) assert.deepInclude(reason, holds)
        if (advice !== undefined) assert.match(reason.advice, advice)
        assert.strictEqual(classified.notRun, notRun ?? status <= 429, "notRun")
        assert.isAbove(reason.advice.length, 10)
      }
    )
  })
}

/** An error in OpenAI's shape. */
export const gpt = (
  code: string | number | null,
  message: string,
  type: string | null = "invalid_request_error",
  more: object = {}
) => ({
  error: { message, type, param: null, code, ...more }
})

/** A page of a web server. */
export const nginx = (status: string) =>
  `<html>\r\n<head><title>${status}</title></head>\r\n<body>\r\n<center><h1>${status}</h1></center>\r\n<hr><center>nginx/1.27.0</center>\r\n</body>\r\n</html>`
