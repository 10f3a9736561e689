/** Processes that answer questions: the server and the clients, each measured and loaded by itself. */
import type { ChildProcess } from "node:child_process"
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

/** What a process can be asked, by name. */
export type Questions = Readonly<Record<string, (argument: never) => unknown>>

type Question = { readonly id: number; readonly name: string; readonly argument: unknown }
type Reply = { readonly id: number; readonly value?: unknown; readonly error?: string }

const reply = (message: Reply) => process.send?.(message)

/** Answers the parent's questions; the process ends with its parent. */
export const serve = (questions: Questions): void => {
  const answer = async (name: string, argument: unknown) => questions[name]?.(argument as never)
  process.on("message", ({ argument, id, name }: Question) => {
    void answer(name, argument).then(
      (value) => reply({ id, value }),
      (error: unknown) => reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    )
  })
  process.on("disconnect", () => process.exit())
}

// A proxy that the environment names is no part of what is measured.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(https?|all|no)_proxy$|^NODE_OPTIONS$/i.test(name))
)

/** A process that was started. */
export class Child<Q extends Questions> implements AsyncDisposable {
  private readonly process: ChildProcess
  private readonly waiting = new Map<number, PromiseWithResolvers<unknown>>()
  private asked = 0
  private ended: Error | undefined

  constructor(program: string, args: ReadonlyArray<string> = []) {
    this.process = fork(fileURLToPath(import.meta.resolve(program)), args, {
      execArgv: ["--conditions=@holdfast/source", "--expose-gc", "--no-warnings"],
      env: environment,
      serialization: "advanced"
    })
    this.process.on("message", (message) => this.replied(message as Reply))
    this.process.on("error", (error) => this.end(error))
    this.process.on("exit", (code, signal) => {
      this.end(new Error(`${program} ${args.join(" ")} ended: ${signal ?? code}`))
    })
  }

  ask<K extends keyof Q & string>(name: K, argument?: Parameters<Q[K]>[0]): Promise<Awaited<ReturnType<Q[K]>>> {
    if (this.ended !== undefined) return Promise.reject(this.ended)
    const id = ++this.asked
    const waiting = Promise.withResolvers<unknown>()
    this.waiting.set(id, waiting)
    this.process.send({ id, name, argument } satisfies Question)
    return waiting.promise as Promise<Awaited<ReturnType<Q[K]>>>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    const exit = once(this.process, "exit")
    if (this.process.connected) this.process.disconnect()
    await exit
  }

  private end(error: Error): void {
    this.ended ??= error
    for (const { reject } of this.waiting.values()) reject(this.ended)
  }

  private replied({ error, id, value }: Reply): void {
    const waiting = this.waiting.get(id)
    this.waiting.delete(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }
}
