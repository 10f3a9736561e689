#!/usr/bin/env node
/** The `holdfast` command as a program. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { Command } from "effect/cli"
import packageJson from "../package.json" with { type: "json" }
import { holdfast } from "./Cli.ts"

Command.run(holdfast, { version: packageJson.version }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
