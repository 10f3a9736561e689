/**
 * What speakers of the Chat Completions format mean by it differently, as data.
 *
 * A provider's definition names its dialect by model. What a dialect leaves out is as OpenAI has it.
 */

/** How a file gets to the model: its bytes in the request, a URL that the provider fetches, or either. */
export type Carriage = "data" | "url" | "either"

/** The content besides text that a user message can carry. What is absent cannot be said. */
export interface Carried {
  /** `image_url`. */
  readonly image?: Carriage
  /** `input_audio`: the formats by name, `wav` for one; always as bytes. */
  readonly audio?: ReadonlyArray<string>
  /** `file`, for PDFs. */
  readonly pdf?: Carriage
  /** `video_url`. */
  readonly video?: Carriage
}

/** How a model's own reasoning goes back to it. It goes to the provider that it came from, and to nobody else. */
export interface ReasoningBack {
  /** The field of the assistant's message. `reasoning_details` holds signed and encrypted pieces, each as it came. */
  readonly field: "reasoning_content" | "reasoning" | "reasoning_details"
  /** `tools`: with the messages of turns that called a tool; `always`: with every message. */
  readonly when: "tools" | "always"
  /** What stands for it in a message with tool calls that has none, where the provider refuses such a message. */
  readonly absent?: string
  /** Whether these fields of the request ask for the reasoning of every turn. */
  readonly keepsAll?: (params: Readonly<Record<string, unknown>>) => boolean
}

/** A choice of tools that a provider knows; `named`: this one tool. */
export type ToolChoice = "auto" | "none" | "required" | "named"

/** How a provider speaks Chat Completions to one of its models. */
export interface CompletionsDialect {
  /** The role of instructions. Default: `system`, which every speaker takes. */
  readonly instructions?: "system" | "developer"
  /** Whether instructions stand first, in one message, and neighbours of one role are one message. */
  readonly alternates?: boolean
  /** What the limit on the answer's tokens is called. Default: as the app wrote it. */
  readonly maxTokens?: "max_tokens" | "max_completion_tokens"
  /**
   * How an object is asked for. `json_schema`, the default: held to its schema. `json_object`: any object; the schema is
   * told in words. `none`: not at all.
   */
  readonly structuredOutput?: "json_schema" | "json_object" | "none"
  /** The choices of tools it knows. Default: all. */
  readonly toolChoices?: ReadonlyArray<ToolChoice>
  /** Default: images either way, `wav` and `mp3`, PDFs as bytes. */
  readonly carries?: Carried
  /** Default: reasoning stays where it is. */
  readonly reasoning?: ReasoningBack
  /** How it is told what to keep of a prompt: Anthropic's `cache_control`, OpenAI's `prompt_cache_retention`. */
  readonly cache?: "cache_control" | "prompt_cache_retention"
  /** Whether a tool can be made to keep to its schema. Default: yes. */
  readonly strictTools?: boolean
  /** Whether a stream can be asked for its usage. Default: yes. */
  readonly streamOptions?: boolean
}

/** What OpenAI's user messages carry ("Create chat completion", platform.openai.com/docs/api-reference/chat). */
export const openaiCarries: Carried = { image: "either", audio: ["wav", "mp3"], pdf: "data" }

/** What a model of text alone can be told. */
export const textOnly: Carried = {}
