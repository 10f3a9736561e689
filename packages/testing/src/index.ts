/** What a fault server serves. */
export * as FaultConfig from "./FaultConfig.ts"
/** The script of an endpoint: rules, faults, and constructors that read well in a test. */
export * as FaultScript from "./FaultScript.ts"
/** A server in a process of its own that misbehaves as a script says. */
export * as FaultServer from "./FaultServer.ts"
/** What really happened there. */
export * as FaultTruth from "./FaultTruth.ts"
/** Laws that every failover policy keeps, tried on one. */
export * as PolicyLaws from "./PolicyLaws.ts"
/** Programs of the machine as servers: nginx, haproxy, squid. */
export * as Program from "./Program.ts"
/** Failover whose calls leave no trace for the next. */
export * as TestFailover from "./TestFailover.ts"
/** A transport that follows a script, for tests without sockets. */
export * as TestTransport from "./TestTransport.ts"
// `PolicySuite` and `TransportSuite` are imported by their own paths: they need a test runner, which nothing here may load.
