/** Imports what it is told to, and prints which modules of this package that loads. */
import { registerHooks } from "node:module"

const loaded: Array<string> = []

registerHooks({
  load: (url, context, next) => {
    const own = /\/packages\/providers\/src\/(.*)$/.exec(url)?.[1]
    if (own !== undefined) loaded.push(own)
    return next(url, context)
  }
})

await Promise.all(process.argv.slice(2).map((specifier) => import(specifier)))
process.stdout.write(JSON.stringify(loaded))
