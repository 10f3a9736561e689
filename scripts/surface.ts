/**
 * The public surface of each package as text: the declarations of the modules that its `exports` open, without comments.
 *
 * `surface.ts` writes packages/X/api.txt; `surface.ts --check` compares and fails on a difference.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>
}

const succeeds = (...args: ReadonlyArray<string>): boolean =>
  spawnSync("tsc", args, { stdio: ["ignore", "inherit", "inherit"] }).status === 0

const publicModules = (directory: string): ReadonlyArray<string> => {
  const { exports } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest
  return readdirSync(join(directory, "src"))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => basename(file, ".ts"))
    .filter((module) => exports[`./${module}`] !== null)
    .toSorted()
}

const surfaceOf = (directory: string, out: string): string | undefined => {
  const options = ["--emitDeclarationOnly", "--removeComments", "--declarationMap", "false", "--incremental", "false"]
  if (!succeeds("-p", directory, "--composite", "false", "--outDir", out, ...options)) return undefined
  const textOf = (module: string): string => readFileSync(join(out, `${module}.d.ts`), "utf8")
  const modules = publicModules(directory)
  const handedOn = modules.flatMap((module) => [...textOf(module).matchAll(reExport)].map(([, path = ""]) => path))
  return [...modules, ...handedOn]
    .map((module) => {
      const title = `${module}.ts`
      return `${title}\n${"=".repeat(title.length)}\n${textOf(module)}`
    })
    .join("\n")
}

// An internal module whose exports a public one hands on is public in all but name.
const reExport = /^export .* from "\.\/(internal\/[^"]+)\.[jt]s";$/gm

const update = (path: string, surface: string): boolean => {
  writeFileSync(path, surface)
  return true
}

const compare = (path: string, surface: string, temporary: string): boolean => {
  const before = existsSync(path) ? path : "/dev/null"
  if (before === path && readFileSync(path, "utf8") === surface) return true
  const now = join(temporary, "api.txt")
  writeFileSync(now, surface)
  spawnSync("diff", ["-u", "--label", path, "--label", "now", before, now], { stdio: "inherit" })
  return false
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

const run = (check: boolean, temporary: string): boolean => {
  const packages = readdirSync("packages")
    .map((name) => join("packages", name))
    .filter((directory) => existsSync(join(directory, "src")))

  // A package's declarations are made from the built declarations of those it stands on.
  if (!succeeds("-b", ...packages)) {
    say("the public surface is unknown until the packages compile")
    return false
  }

  const changed: Array<string> = []
  for (const directory of packages) {
    const surface = surfaceOf(directory, join(temporary, directory))
    if (surface === undefined) return false
    const path = join(directory, "api.txt")
    if (!(check ? compare(path, surface, temporary) : update(path, surface))) changed.push(directory)
  }
  if (changed.length === 0) return true
  say(`the public surface changed: ${changed.join(", ")}. If that is meant, run ./scripts/api and commit.`)
  return false
}

const temporary = mkdtempSync(join(tmpdir(), "holdfast-surface-"))
try {
  process.exitCode = run(process.argv.includes("--check"), temporary) ? 0 : 1
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
