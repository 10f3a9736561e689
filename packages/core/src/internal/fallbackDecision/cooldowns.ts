/** Why candidates are cooling down, from the events that say so. */
import type { Candidate } from "../../Candidate.ts"
import type { Tag } from "../../Reason.ts"
import type { CooldownEnded, CooldownStarted } from "../../TelemetryEvent.ts"
import { shares } from "../shares.ts"

const mostKept = 1024

/** The cooldowns that have begun and not ended; past a bound the oldest are forgotten. */
export class Cooldowns {
  private readonly begun = new Map<string, typeof CooldownStarted.Type>()

  started(event: typeof CooldownStarted.Type): void {
    const name = nameOf(event)
    this.begun.delete(name)
    this.begun.set(name, event)
    if (this.begun.size > mostKept) {
      for (const oldest of this.begun.keys()) {
        this.begun.delete(oldest)
        break
      }
    }
  }

  ended(event: typeof CooldownEnded.Type): void {
    this.begun.delete(nameOf(event))
  }

  /** The reason of the latest cooldown that a candidate is in. */
  reasonOf(candidate: Candidate): Tag | undefined {
    let latest: Tag | undefined
    for (const event of this.begun.values()) {
      if (shares(event, event.candidate, candidate)) latest = event.reason
    }
    return latest
  }
}

const nameOf = ({ key, reason, scope }: Pick<typeof CooldownEnded.Type, "key" | "reason" | "scope">): string =>
  `${scope} ${reason} ${key}`
