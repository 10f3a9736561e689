/** What was made for a text once is not made again, up to a number of texts. */

/** Values by text. */
export interface Bounded<A> {
  readonly peek: (key: string) => A | undefined
  readonly get: (key: string, make: () => A) => A
  readonly set: (key: string, value: A) => void
  readonly clear: () => void
}

// More than a program asks for in its own words; one that makes up names without end must not fill the memory.
const most = 1000

/** Values by text, none at the beginning. */
export const bounded = <A>(): Bounded<A> => {
  const values = new Map<string, A>()
  const set = (key: string, value: A): void => {
    if (values.size === most) values.clear()
    values.set(key, value)
  }
  return {
    peek: (key) => values.get(key),
    get: (key, make) => {
      const known = values.get(key)
      if (known !== undefined) return known
      const made = make()
      set(key, made)
      return made
    },
    set,
    clear: () => values.clear()
  }
}
