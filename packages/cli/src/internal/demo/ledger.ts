/**
 * The world outside that the agent's tool changes: the fault server counts every entry by its key.
 *
 * Both runs write it through `node:http` with an agent of its own, so that neither's model transport has a part in it.
 */
import * as Http from "node:http"
import * as Data from "effect/Data"

/** The ledger could not be written; the run is worth nothing then. */
export class LedgerError extends Data.TaggedError("LedgerError")<{ readonly cause: unknown }> {
  override get message(): string {
    return `a side effect could not be recorded at the fault server: ${String(this.cause)}`
  }
}

/** Writes one entry; rejects with {@link LedgerError}. */
export type Write = (key: string) => Promise<void>

/** The ledger at a control plane. */
export const open = (control: string): Write => {
  const agent = new Http.Agent({ keepAlive: true })
  return (key) =>
    new Promise((resolve, reject) => {
      const fail = (cause: unknown) => reject(new LedgerError({ cause }))
      const request = Http.request(`${control}/effects`, { method: "POST", agent }, (response) => {
        response.on("error", fail)
        response.on("end", () => (response.statusCode === 200 ? resolve() : fail(`status ${response.statusCode}`)))
        response.resume()
      })
      request.on("error", fail)
      request.end(JSON.stringify({ key }))
    })
}
