/** What importing one provider loads: its own wire formats and no other, and how long that takes. */
/* oxlint-disable no-await-in-loop -- one after the other, so that nothing is measured beside another */
import { execFile } from "node:child_process"
import { readdirSync } from "node:fs"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { median } from "./statistics.ts"

/** How much is measured. */
export interface Options {
  readonly rounds: number
  readonly onProgress: (what: string) => void
}

/** What importing one module loads. */
export interface Row {
  readonly module: string
  /** The wire formats that were loaded. */
  readonly loaded: ReadonlyArray<string>
  /** Modules of Holdfast's own. */
  readonly modules: number
  /** Until it was imported, in a process of its own: the median of the rounds. */
  readonly ms: number
  /** Whether a provider loaded nobody else's format; not asked of the whole table. */
  readonly met: boolean | undefined
}

/** What one import loaded, as the process that did it says. */
export interface Loaded {
  readonly formats: ReadonlyArray<string>
  readonly spoken: ReadonlyArray<string>
  readonly modules: number
  readonly ms: number
}

const definitions = readdirSync(new URL("../packages/providers/src/definitions/", import.meta.url))
  .map((file) => `@holdfast/providers/definitions/${basename(file, ".ts")}`)
  .toSorted()

/** The module that has all of them. */
const all = "@holdfast/providers/ProviderTable"

/** Imports each provider, and the whole table, in processes of their own. */
export const run = async ({ onProgress, rounds }: Options): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  for (const module of [...definitions, all]) {
    onProgress(module)
    const each: Array<Loaded> = []
    for (let round = 0; round < rounds; round++) each.push(await loadedBy(module))
    const [{ formats, modules, spoken } = nothing] = each
    const met = module === all ? undefined : formats.length > 0 && formats.every((format) => spoken.includes(format))
    rows.push({ module, loaded: formats, modules, ms: median(each.map(({ ms }) => ms)), met })
  }
  return rows
}

const nothing: Loaded = { formats: [], spoken: [], modules: 0, ms: Number.NaN }

const program = fileURLToPath(new URL("./imported.ts", import.meta.url))

const loadedBy = async (module: string): Promise<Loaded> => {
  const args = ["--conditions=@holdfast/source", "--no-warnings", program, module]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 })
  return JSON.parse(stdout) as Loaded
}
