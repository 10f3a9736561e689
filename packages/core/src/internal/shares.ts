/** Who shares what failed, by what that is about. */
import type { Candidate } from "../Candidate.ts"
import type { Scope, Tag } from "../Reason.ts"

/** What failed. */
export interface Shared {
  readonly scope: Scope
  readonly reason?: Tag
}

/** Whether a candidate shares with the failed one what has failed. */
export const shares = ({ reason, scope }: Shared, failed: Candidate, other: Candidate): boolean => {
  switch (scope) {
    case "request":
      return true
    case "model":
      if (failed.provider !== other.provider || failed.model !== other.model) return false
      // A provider counts a model's limit for each account.
      return reason !== "RateLimited" || failed.credential === other.credential
    case "credential":
      return failed.provider === other.provider && failed.credential === other.credential
    case "endpoint":
      return failed.endpoint === undefined || other.endpoint === undefined
        ? failed.provider === other.provider
        : failed.endpoint === other.endpoint
    case "provider":
      return failed.provider === other.provider
  }
}
