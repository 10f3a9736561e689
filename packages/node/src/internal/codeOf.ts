import * as Predicate from "effect/Predicate"

/** The code of an error of Node's, OpenSSL's or undici's, where it has one. */
export const codeOf = (error: unknown): string | undefined =>
  Predicate.hasProperty(error, "code") && Predicate.isString(error.code) ? error.code : undefined
