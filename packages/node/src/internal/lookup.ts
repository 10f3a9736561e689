/** Host names looked up by a function of the app's. */
import type { LookupAddress } from "node:dns"
import type { LookupFunction } from "node:net"
import * as Net from "node:net"
import * as Predicate from "effect/Predicate"
import { codeOf } from "./codeOf.ts"

/**
 * The function, held to the one answer that `net.connect` can take: it would throw where nobody catches on an empty list
 * or on what is no address, and connect twice on two answers.
 */
export const guarded =
  (lookup: LookupFunction): LookupFunction =>
  (hostname, options, callback) => {
    let answered = false
    const answer = (error: Error | null, addresses: ReadonlyArray<LookupAddress>) => {
      if (answered) return
      answered = true
      const [first] = addresses
      if (error !== null || first === undefined) return callback(error ?? failed(hostname, "ENODATA"), [])
      if (options.all === true) return callback(null, [...addresses])
      return callback(null, first.address, first.family)
    }
    try {
      lookup(hostname, options, (error: unknown, found: unknown) => {
        if (error !== null && error !== undefined) answer(errorOf(hostname, error), [])
        else answer(null, addressesOf(found))
      })
    } catch (error) {
      setImmediate(() => answer(errorOf(hostname, error), []))
    }
  }

const addressesOf = (found: unknown): ReadonlyArray<LookupAddress> =>
  (Array.isArray(found) ? found : [found]).flatMap((one: unknown) => {
    const address = Predicate.hasProperty(one, "address") ? one.address : one
    const family = Predicate.isString(address) ? Net.isIP(address) : 0
    return Predicate.isString(address) && family !== 0 ? [{ address, family }] : []
  })

/** An error of a look-up is known by its `syscall`. */
const errorOf = (hostname: string, error: unknown): Error => failed(hostname, codeOf(error) ?? "ENOTFOUND", error)

const failed = (hostname: string, code: string, cause?: unknown): Error =>
  Object.assign(new Error(`lookup ${code} ${hostname}`, { cause }), { code, syscall: "getaddrinfo", hostname })
