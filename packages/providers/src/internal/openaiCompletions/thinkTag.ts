/**
 * Reasoning between tags at the beginning of the content.
 *
 * Servers without a parser for their model's reasoning leave it there (DeepSeek R1, QwQ, GLM-Z1). It is told from text
 * only where the content begins with the tag and no reasoning came in a field of its own; a tag in the middle is text.
 */
const opening = "<think>"
const closing = "</think>"

/** One run of text or of reasoning. */
export interface Run {
  readonly kind: "text" | "reasoning"
  readonly text: string
}

/** Reads the content of one answer, in pieces. */
export class ThinkTag {
  private state: "beginning" | "within" | "behind" | "over" = "beginning"
  private held = ""

  /** Whether all that comes is text. */
  get isOver(): boolean {
    return this.state === "over"
  }

  /** From now on all is text. */
  finish(): void {
    this.state = "over"
  }

  /** The runs in a piece; what may be half a tag is held back. */
  read(piece: string, out: Array<Run>): void {
    const text = this.held + piece
    this.held = ""
    switch (this.state) {
      case "beginning":
        return this.begin(text, out)
      case "within":
        return this.within(text, out)
      case "behind":
        return this.behind(text, out)
      case "over":
        out.push({ kind: "text", text })
    }
  }

  /** What is held back at the end of the content. */
  end(out: Array<Run>): void {
    if (this.held !== "") out.push({ kind: this.state === "within" ? "reasoning" : "text", text: this.held })
    this.held = ""
    this.state = "over"
  }

  private begin(text: string, out: Array<Run>): void {
    const trimmed = text.trimStart()
    if (trimmed.startsWith(opening)) {
      this.state = "within"
      this.within(trimmed.slice(opening.length), out)
    } else if (opening.startsWith(trimmed)) {
      this.held = text
    } else {
      this.state = "over"
      out.push({ kind: "text", text })
    }
  }

  private within(text: string, out: Array<Run>): void {
    const end = text.indexOf(closing)
    const known = end === -1 ? text.length - halfTag(text) : end
    if (known > 0) out.push({ kind: "reasoning", text: text.slice(0, known) })
    if (end === -1) {
      this.held = text.slice(known)
    } else {
      this.state = "behind"
      this.behind(text.slice(end + closing.length), out)
    }
  }

  /** The empty lines between the reasoning and the text are neither. */
  private behind(text: string, out: Array<Run>): void {
    const trimmed = text.trimStart()
    if (trimmed === "") return
    this.state = "over"
    out.push({ kind: "text", text: trimmed })
  }
}

/** How much of the text's end may be the beginning of the closing tag. */
const halfTag = (text: string): number => {
  for (let length = Math.min(closing.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(closing.slice(0, length))) return length
  }
  return 0
}
