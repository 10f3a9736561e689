/**
 * What was counted of a provider within a sliding window: calls, and attempts beyond them.
 *
 * A ring of buckets. Rounding is to the strict side: a call is forgotten up to a bucket before the window's length is
 * over, a further attempt up to a bucket after it. So at any moment `calls` is at most what the window holds, and `taken`
 * is at least that.
 */
const buckets = 20

/** Calls and further attempts within a window, as of the last `advance`. */
export class CallWindow {
  calls = 0
  taken = 0
  private readonly spanMs: number
  /** One more than the window is long, for the attempts that it holds in part. */
  private readonly callsOf = new Uint32Array(buckets + 1)
  private readonly takenOf = new Uint32Array(buckets + 1)
  /** The number of the newest bucket, counted from 1970. */
  private head: number

  constructor(windowMs: number, at: number) {
    this.spanMs = windowMs / buckets
    this.head = Math.floor(at / this.spanMs)
  }

  addCall(): void {
    this.calls += 1
    this.add(this.callsOf)
  }

  addTaken(): void {
    this.taken += 1
    this.add(this.takenOf)
  }

  isEmpty(): boolean {
    return this.calls === 0 && this.taken === 0
  }

  /** Moves the window to a moment. */
  advance(at: number): void {
    const bucket = Math.floor(at / this.spanMs)
    const steps = bucket - this.head
    if (steps === 0) return
    // A clock that was set back a little is waited for; after one that was set back further, all of it is anew.
    if (steps < 0 && steps >= -buckets) return
    if (steps < 0 || steps > buckets) {
      this.callsOf.fill(0)
      this.takenOf.fill(0)
      this.calls = 0
      this.taken = 0
      this.head = bucket
      return
    }
    for (let step = 0; step < steps; step++) this.turn()
  }

  /** Moves on by one bucket. */
  private turn(): void {
    this.head += 1
    const newest = slot(this.head)
    // The slot of the bucket that the window holds no part of any more.
    this.taken -= this.takenOf[newest] ?? 0
    this.takenOf[newest] = 0
    // Its calls went a bucket ago; now those go of the bucket that is the oldest, and in part.
    this.callsOf[newest] = 0
    const oldest = slot(this.head - buckets)
    this.calls -= this.callsOf[oldest] ?? 0
    this.callsOf[oldest] = 0
  }

  private add(counts: Uint32Array): void {
    const newest = slot(this.head)
    counts[newest] = (counts[newest] ?? 0) + 1
  }
}

const slot = (bucket: number): number => ((bucket % (buckets + 1)) + buckets + 1) % (buckets + 1)
