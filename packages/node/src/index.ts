/** Holdfast's transport on Node. */
export * as Dispatcher from "./Dispatcher.ts"
export * as Dispatchers from "./Dispatchers.ts"
export * as HttpTransport from "./HttpTransport.ts"
