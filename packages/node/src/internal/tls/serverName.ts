import * as Net from "node:net"

// RFC 1123 section 2.1; the underscore is met inside of networks.
const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i

/** Whether a name may be asked for in a handshake: a host name without a dot at its end, no address (RFC 6066 section 3). */
export const isServerName = (name: unknown): name is string =>
  typeof name === "string" &&
  name.length <= 253 &&
  Net.isIP(name) === 0 &&
  name.split(".").every((part) => label.test(part))
