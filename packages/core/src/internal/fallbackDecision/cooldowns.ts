/** Why candidates are cooling down, from the events that say so. */
import type { Candidate } from "../../Candidate.ts"
import type { Scope, Tag } from "../../Reason.ts"
import type { CooldownEnded, CooldownStarted } from "../../TelemetryEvent.ts"

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
      if (shares(event, candidate)) latest = event.reason
    }
    return latest
  }
}

const nameOf = ({ key, reason, scope }: Pick<typeof CooldownEnded.Type, "key" | "reason" | "scope">): string =>
  `${scope} ${reason} ${key}`

/** A provider counts a model's limit for each account. */
const shares = ({ candidate, reason, scope }: typeof CooldownStarted.Type, other: Candidate): boolean =>
  sharesScope[scope](candidate, other) &&
  (reason !== "RateLimited" || scope !== "model" || candidate.credential === other.credential)

const sharesScope: { readonly [S in Scope]: (failed: Candidate, other: Candidate) => boolean } = {
  request: () => false,
  model: (failed, other) => failed.provider === other.provider && failed.model === other.model,
  credential: (failed, other) => failed.provider === other.provider && failed.credential === other.credential,
  endpoint: (failed, other) => failed.endpoint !== undefined && failed.endpoint === other.endpoint,
  provider: (failed, other) => failed.provider === other.provider
}
