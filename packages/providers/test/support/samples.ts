/** Configurations of operators. They lie beside the repository, and are no part of it. */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import JSON5 from "json5"

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../../../..")

const named = process.env["HOLDFAST_SHARED"]

const folder = join(named ?? resolve(repository, "../shared"), "samples")

/** A suite over the samples. Where there are none it is skipped and says so; where a folder was named, it fails. */
export const suite = (name: string, body: () => void): void => {
  const missing = `there are none in ${folder} (set HOLDFAST_SHARED)`
  if (existsSync(folder)) {
    describe(name, body)
  } else if (named !== undefined) {
    it(name, () => assert.fail(missing))
  } else {
    it.skip(`${name}: ${missing}`, () => {})
  }
}

/** What a sample holds. */
export const sample = (name: string): unknown => JSON5.parse(readFileSync(join(folder, name), "utf8"))
