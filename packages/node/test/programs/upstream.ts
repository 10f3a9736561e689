/**
 * A server that answers every request at once and remembers which it has had in full, by their `x-attempt` header:
 * `call.attempt`. It is asked over the channel to its parent, and ends with it.
 */
import * as Http from "node:http"

const seen = new Map<string, number>()

const server = Http.createServer((request, response) => {
  request.resume()
  request.on("end", () => {
    const attempt = String(request.headers["x-attempt"])
    seen.set(attempt, (seen.get(attempt) ?? 0) + 1)
    response.end(answer)
  })
})
const answer = JSON.stringify({ text: "x".repeat(200) })
// The one in front keeps its connections for as long as it likes.
server.keepAliveTimeout = 0
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.send?.({ port: typeof address === "object" ? address?.port : undefined })
})

process.on("message", (attempts: ReadonlyArray<string>) => {
  const runs = new Map<string, number>()
  let requests = 0
  for (const [attempt, times] of seen) {
    const call = attempt.slice(0, attempt.lastIndexOf("."))
    runs.set(call, (runs.get(call) ?? 0) + times)
    requests += times
  }
  const twice = [...runs].filter(([, times]) => times > 1).map(([call]) => call)
  process.send?.({ requests, calls: runs.size, twice, arrived: attempts.filter((attempt) => seen.has(attempt)) })
})
process.on("disconnect", () => process.exit())
