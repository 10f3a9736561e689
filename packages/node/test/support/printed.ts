import * as Util from "node:util"

/** Everything in which a value could be printed. */
export const printed = (value: unknown): string =>
  [
    String(value),
    value instanceof Error ? `${value.message} ${value.stack}` : "",
    JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part)),
    Util.inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true }),
    Util.format("%o %O", value, value)
  ].join("\n")
