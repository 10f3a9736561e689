/** The laws of transports, tried on this one. */
import * as Telemetry from "@holdfast/core/Telemetry"
import * as TransportSuite from "@holdfast/testing/TransportSuite"
import * as Layer from "effect/Layer"
import * as HttpTransport from "../src/HttpTransport.ts"

TransportSuite.suite("HttpTransport.layer", HttpTransport.layer.pipe(Layer.provide(Telemetry.layer)))
