/** How long a number of milliseconds is, in words: the largest unit that says it, rounded up. */
export const inWords = (ms: number): string => {
  if (ms < 120_000) return `${Math.ceil(ms / 1000)} s`
  if (ms < 7_200_000) return `${Math.ceil(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.ceil(ms / 3_600_000)} h` : `${Math.ceil(ms / 86_400_000)} days`
}
