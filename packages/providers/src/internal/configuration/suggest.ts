/** What a name that is not known was probably meant to be. */

/** The known name that is closest to a text, if one is close: `fallbacks` for `falbacks`. */
export const closest = (text: string, known: ReadonlyArray<string>): string | undefined => {
  const wanted = text.toLowerCase()
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const name of known) {
    const distance = distanceOf(wanted, name.toLowerCase())
    if (best === undefined || distance < best.distance) best = { name, distance }
  }
  return best !== undefined && best.distance <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined
}

// Names are short; what is longer is nobody's misspelling.
const longest = 64

/** How many letters have to be put in, left out, replaced, or swapped with the next (Damerau, 1964). */
const distanceOf = (a: string, b: string): number => {
  if (a.length > longest || b.length > longest) return Number.POSITIVE_INFINITY
  let twoAbove: Array<number> = []
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let least = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1)
      )
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        least = Math.min(least, (twoAbove[column - 2] ?? 0) + 1)
      }
      current.push(least)
    }
    twoAbove = above
    above = current
  }
  return above[b.length] ?? 0
}
