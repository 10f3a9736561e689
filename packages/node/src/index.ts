/** Holdfast's transport on Node. */
export * as Dispatcher from "./Dispatcher.ts"
export * as Dispatchers from "./Dispatchers.ts"
export * as Fetch from "./Fetch.ts"
export * as HttpTransport from "./HttpTransport.ts"
export * as Proxy from "./Proxy.ts"
export * as Tls from "./Tls.ts"
