/** The bench's own arithmetic. */

/** The middle value, or the mean of the two in the middle. */
export const median = (values: ReadonlyArray<number>): number => {
  const ascending = values.toSorted((a, b) => a - b)
  const middle = ascending.length / 2
  const above = ascending[Math.floor(middle)] ?? Number.NaN
  const below = ascending[Math.ceil(middle) - 1] ?? Number.NaN
  return (above + below) / 2
}

/**
 * The median of the ratios of values that were measured side by side. A machine that is slow for a while slows both, so
 * this varies less than the ratio of the medians.
 */
export const medianRatio = (values: ReadonlyArray<number>, to: ReadonlyArray<number>): number =>
  median(values.flatMap((value, index) => (to[index] === undefined ? [] : [value / to[index]])))

/** The slope of the least-squares line through points at equal distances: how much `y` grows from one to the next. */
export const slope = (ys: ReadonlyArray<number>): number => {
  const meanX = (ys.length - 1) / 2
  const meanY = ys.reduce((sum, y) => sum + y, 0) / ys.length
  let covariance = 0
  let variance = 0
  for (const [x, y] of ys.entries()) {
    covariance += (x - meanX) * (y - meanY)
    variance += (x - meanX) ** 2
  }
  return covariance / variance
}

/** The order of a round: each begins one place further, so that none always follows the same. */
export const rotated = <A>(values: ReadonlyArray<A>, by: number): ReadonlyArray<A> => {
  const start = values.length === 0 ? 0 : by % values.length
  return [...values.slice(start), ...values.slice(0, start)]
}
