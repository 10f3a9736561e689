/**
 * undici lets one turn of the event loop pass before it reuses an idle connection. From an I/O callback that is one too
 * few to see that the peer has closed it (nodejs/undici, client-h1.js, scheduleIdleSocketValidation). And it takes a
 * connection back a turn after its answer: who asks again at once would get another one. Of 5,000 requests from I/O
 * callbacks, sent about when nginx closes idle connections, 486 met a stale socket with no further turn, 19 with one and
 * 3 with two (bench/stale). A turn takes about a microsecond, and what waits at a time shares it.
 */

/** Turns of the event loop that pass before an idle connection is used, beside undici's own one. */
export const extraTurns = 2

/** Runs things after as many turns of the event loop. */
export const makeTurns = (turns: number): ((then: () => void) => void) => {
  const stages = Array.from({ length: turns }, (): Array<() => void> => [])
  let waiting = 0
  const turn = (): void => {
    const due = stages.shift() ?? []
    stages.push([])
    waiting -= due.length
    if (waiting > 0) setImmediate(turn)
    for (const then of due) then()
  }
  return (then) => {
    const last = stages.at(-1)
    if (last === undefined) return then()
    last.push(then)
    if (waiting++ === 0) setImmediate(turn)
  }
}
