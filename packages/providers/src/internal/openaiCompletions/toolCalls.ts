/**
 * The tool calls of a stream, put together from their fragments.
 *
 * OpenAI numbers them, and names and identifies each in its first fragment. Others number all of them 0, or none, leave
 * the id out, or send a call whole.
 */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"
import { argumentsOf, idOf, toolCallPart } from "./toolCall.ts"

/** A call as far as it has come. */
export interface Open {
  readonly id: string
  readonly name: string
  readonly fragments: Array<string>
  /** Whether nothing of it has been given out. */
  isNew: boolean
}

/** Tells the calls of one stream apart. */
export class ToolCalls {
  /** The answer's id, from which calls without one take theirs. */
  answer: string | undefined
  readonly all: Array<Open> = []
  private readonly latest = new Map<number, Open>()

  /** The call that a change is about. */
  begin(change: Json.Json, place: number): Open {
    const index = Json.int(change["index"]) ?? place
    const id = Json.string(change["id"])
    const name = Json.string(Json.object(change["function"])["name"])
    const known = this.latest.get(index)
    if (known !== undefined && !isAnother(known, id, name)) return known
    const call = { id: id || idOf(this.answer, this.all.length), name: name ?? "", fragments: [], isNew: true }
    this.latest.set(index, call)
    this.all.push(call)
    return call
  }

  /** Adds the arguments that a change brings. */
  add(change: Json.Json, call: Open): string {
    call.isNew = false
    const fragment = argumentsOf(Json.object(change["function"]))
    if (fragment !== "") call.fragments.push(fragment)
    return fragment
  }

  /** Gives the calls out, or says what is wrong with one. */
  finish(cut: boolean, out: Array<Response.StreamPartEncoded>): string | undefined {
    for (const { fragments, id, name } of this.all) {
      const part = toolCallPart({ id, name, text: fragments.join("") }, cut)
      if (typeof part === "string") return part
      if (part !== undefined) out.push(part)
    }
    return undefined
  }
}

/** Whether a change begins another call under the number of one that is known. */
const isAnother = (known: Open, id: string | undefined, name: string | undefined): boolean => {
  if (!name) return false
  if (id) return id !== known.id
  // Without an id, a name again means another call where the arguments of the first are whole.
  return (
    known.fragments.at(-1)?.trimEnd().endsWith("}") === true && Json.parse(known.fragments.join(""))._tag === "Success"
  )
}
