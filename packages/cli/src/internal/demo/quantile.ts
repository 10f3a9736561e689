/**
 * A quantile of a sample by linear interpolation between its closest ranks (Hyndman and Fan's type 7, the default of R and
 * NumPy).
 */
export const quantile = (ascending: ReadonlyArray<number>, p: number): number => {
  const place = (ascending.length - 1) * p
  const below = ascending[Math.floor(place)]
  const above = ascending[Math.ceil(place)]
  if (below === undefined || above === undefined) return 0
  return below + (above - below) * (place - Math.floor(place))
}
