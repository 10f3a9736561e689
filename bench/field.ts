/** The server and the contestants' processes, for as long as they are needed. */
import { Child } from "./child.ts"
import type { Questions as ClientQuestions } from "./client.ts"
import type { Name } from "./contestants.ts"
import type { Questions as ServerQuestions } from "./server.ts"

/** A contestant's process. */
export type Client = Child<ClientQuestions>

/** One server, and as many clients of it as are started. They end together. */
export class Field implements AsyncDisposable {
  readonly server = new Child<ServerQuestions>("./server.ts")
  private readonly clients = new Set<Client>()

  /** Starts a contestant. */
  async start(name: Name): Promise<Client> {
    const client: Client = new Child("./client.ts", [name, await this.server.ask("origin")])
    this.clients.add(client)
    return client
  }

  /** Ends a contestant's process before the others. */
  async end(client: Client): Promise<void> {
    this.clients.delete(client)
    await client[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.clients, this.server].map((child) => child[Symbol.asyncDispose]()))
  }
}
