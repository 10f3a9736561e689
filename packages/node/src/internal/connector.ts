/** How the connections of one provider are made: TCP, and TLS as the provider's options say. */
import type { Connector } from "./connecting.ts"
import type { PoolOptions } from "./pool.ts"
import type { Undici } from "./undici.ts"

/** One connector for all connections of a provider, so that TLS sessions are resumed. */
export const makeConnector = (undici: Undici, { ca }: PoolOptions): Connector =>
  // The limit of each attempt bounds its connection, so the connector has none of its own.
  undici.buildConnector({ allowH2: false, timeout: 0, ...(ca === undefined ? undefined : { ca: [ca] }) })
