/** A field that is there only if its value is. */
export const only = <K extends string, A>(key: K, value: A | undefined): { readonly [P in K]?: A } =>
  // TypeScript widens a computed key to any text.
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: A })
