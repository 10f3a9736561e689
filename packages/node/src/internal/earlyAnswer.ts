/**
 * Whether an answer on a reused connection comes too soon to be one to the request that was just written on it: the peer
 * sent it while the connection was idle, most often to say that it is about to close.
 */

// RFC 9110 section 15.5.9: servers send 408 on connections that idle. A 408 to this request would take as long as the
// server waits for requests.
const requestTimeout = { status: 408, withinMs: 1000 }

// Shorter handshakes measure the event loop rather than the network.
const leastRoundTripMs = 5

/**
 * @param elapsedMs since the request was written
 * @param roundTripMs the shortest TCP handshake to this peer; 0 where the peer is on this machine
 */
export const isEarly = (status: number, elapsedMs: number, roundTripMs: number): boolean => {
  if (status === requestTimeout.status && elapsedMs < requestTimeout.withinMs) return true
  return Number.isFinite(roundTripMs) && roundTripMs >= leastRoundTripMs && elapsedMs < roundTripMs / 2
}
