/**
 * Which hosts a `NO_PROXY` list exempts, as curl reads it (lib/noproxy.c), compared with the real one in the tests.
 *
 * One difference is wanted: curls before 8.0 compare IPv6 addresses as text and so match no block of them.
 */
import * as Net from "node:net"

/** Whether a host is to be reached without a proxy; the host is as a URL has it, IPv6 in brackets. */
export type Exempts = (hostname: string) => boolean

/** Reads a list. */
export const parseNoProxy = (list: string): Exempts => {
  if (list === "*") return () => true
  const tokens = list.split(/[,\s]+/).filter((token) => token !== "")
  return (hostname) => {
    const bare = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname
    const family = Net.isIP(bare)
    return tokens.some((token) => (family === 0 ? isWithin(bare, token) : isInBlock(bare, family, token)))
  }
}

/** The domain itself and all below it; one dot at the end of either and one before the domain mean nothing. */
const isWithin = (hostname: string, token: string): boolean => {
  const host = hostname.replace(/\.$/, "").toLowerCase()
  const domain = token.replace(/\.$/, "").replace(/^\./, "").toLowerCase()
  return domain !== "" && (host === domain || host.endsWith(`.${domain}`))
}

const isInBlock = (address: string, family: number, token: string): boolean => {
  const [network = "", length] = token.split("/")
  if (Net.isIP(network) !== family) return false
  const kind = family === 4 ? "ipv4" : "ipv6"
  const longest = family === 4 ? 32 : 128
  // atoi's reading; curl takes a length of 0 for none given.
  const bits = length === undefined ? 0 : Number.parseInt(length, 10) || 0
  if (bits < 0 || bits > longest) return false
  const block = new Net.BlockList()
  block.addSubnet(network, bits === 0 ? longest : bits, kind)
  return block.check(address, kind)
}
