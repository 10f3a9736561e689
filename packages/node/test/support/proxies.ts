/** Proxies for the tests: real ones of the machine, and one in this process whose every step can be watched or spoilt. */
import { execFileSync } from "node:child_process"
import { chmodSync, readFileSync } from "node:fs"
import * as Http from "node:http"
import * as Net from "node:net"
import { join } from "node:path"
import * as Program from "@holdfast/testing/Program"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { listening } from "./listener.ts"

/** Who may pass, where it is not everybody. */
export const user = { name: "agent", password: "p@ss:word" } as const

/** `user:password@` of a URL. */
export const userinfo = `${user.name}:${encodeURIComponent(user.password)}@`

// openssl passwd -apr1 -salt holdfast 'p@ss:word'
const passwords = `${user.name}:$apr1$holdfast$XxNoOAtyPz67HkO.m1QJp1\n`

/** The port that no proxy here leads to. */
export const forbiddenPort = 9

/** A proxy that runs, at 127.0.0.1. */
export interface Running {
  readonly port: number
}

/** squid; over TLS it shows a certificate that is its own authority, for localhost and 127.0.0.1. */
export const squid = (
  options: { readonly authenticated?: boolean; readonly tls?: boolean } = {}
): Effect.Effect<Running & { readonly ca: string }, Program.ProgramError, Scope.Scope> =>
  Program.run("squid", {
    ports: 1,
    files: ({ directory, ports: [port = 0] }) => {
      // It reads them as another user.
      chmodSync(directory, 0o755)
      if (options.tls === true) makeCertificate(directory)
      return {
        users: passwords,
        "squid.conf": [
          options.tls === true
            ? `https_port 127.0.0.1:${port} tls-cert=${directory}/cert.pem tls-key=${directory}/key.pem`
            : `http_port 127.0.0.1:${port}`,
          "pid_filename none",
          "cache deny all",
          "access_log none",
          "netdb_filename none",
          "pinger_enable off",
          "shutdown_lifetime 0 seconds",
          `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${directory}/users`,
          "acl known proxy_auth REQUIRED",
          `acl forbidden port ${forbiddenPort}`,
          "http_access deny forbidden",
          `http_access allow ${options.authenticated === true ? "known" : "all"}`,
          "http_access deny all",
          ""
        ].join("\n")
      }
    },
    // Its shared memory is named for the service: several run beside each other.
    args: ({ directory, ports: [port = 0] }) => ["-N", "-n", `holdfast${port}`, "-f", `${directory}/squid.conf`]
  }).pipe(
    Effect.map(({ directory, ports: [port = 0] }) => ({
      port,
      ca: options.tls === true ? readFileSync(join(directory, "cert.pem"), "utf8") : ""
    }))
  )

const makeCertificate = (directory: string): void => {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem"]
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
  execFileSync("openssl", ["req", "-x509", ...key, "-out", "cert.pem", "-days", "2", ...names], {
    cwd: directory,
    stdio: "ignore"
  })
  chmodSync(join(directory, "key.pem"), 0o644)
}

/** tinyproxy. Its configuration takes no password with signs in it. */
export const tinyproxy = (
  options: { readonly password?: string } = {}
): Effect.Effect<Running, Program.ProgramError, Scope.Scope> =>
  Program.run("tinyproxy", {
    ports: 1,
    files: ({ ports: [port = 0] }) => ({
      "tinyproxy.conf": [
        `Port ${port}`,
        "Listen 127.0.0.1",
        "Timeout 600",
        ...(options.password === undefined ? [] : [`BasicAuth ${user.name} ${options.password}`]),
        ""
      ].join("\n")
    }),
    args: ({ directory }) => ["-d", "-c", join(directory, "tinyproxy.conf")]
  }).pipe(Effect.map(({ ports: [port = 0] }) => ({ port })))

/** microsocks. */
export const microsocks = (
  options: { readonly authenticated?: boolean } = {}
): Effect.Effect<Running, Program.ProgramError, Scope.Scope> =>
  Program.run("microsocks", {
    ports: 1,
    args: ({ ports: [port = 0] }) => [
      "-i",
      "127.0.0.1",
      "-p",
      String(port),
      ...(options.authenticated === true ? ["-u", user.name, "-P", user.password] : [])
    ]
  }).pipe(Effect.map(({ ports: [port = 0] }) => ({ port })))

/** dante. */
export const dante: Effect.Effect<Running, Program.ProgramError, Scope.Scope> = Program.run("danted", {
  ports: 1,
  files: ({ ports: [port = 0] }) => ({
    "danted.conf": [
      "logoutput: stderr",
      `internal: 127.0.0.1 port = ${port}`,
      "external: lo",
      "clientmethod: none",
      "socksmethod: none",
      "user.privileged: root",
      "user.unprivileged: nobody",
      "client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }",
      `socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 port = ${forbiddenPort} }`,
      "socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }",
      ""
    ].join("\n")
  }),
  args: ({ directory }) => ["-f", join(directory, "danted.conf")]
}).pipe(Effect.map(({ ports: [port = 0] }) => ({ port })))

/** What a proxy in this process saw and holds. */
export interface Watched extends Running {
  /** The targets of CONNECT, in order. */
  readonly targets: Array<string>
  /** What came as `proxy-authorization` with them. */
  readonly authorizations: Array<string | undefined>
  readonly sockets: ReadonlySet<Net.Socket>
}

/** An HTTP proxy in this process that leads everywhere to one port here, whatever the target. */
export const watchedProxy = (
  port: number,
  onTunnel: (client: Net.Socket, upstream: Net.Socket) => void = () => undefined
): Effect.Effect<Watched, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets = new Set<Net.Socket>()
    const targets: Array<string> = []
    const authorizations: Array<string | undefined> = []
    const server = Http.createServer()
    server.on("connection", (socket) => {
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
    })
    server.on("connect", (request, client: Net.Socket) => {
      targets.push(request.url ?? "")
      authorizations.push(request.headers["proxy-authorization"])
      const upstream = Net.connect({ port, host: "127.0.0.1" }, () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n")
        client.pipe(upstream).pipe(client)
        onTunnel(client, upstream)
      })
      upstream.on("error", () => client.destroy())
      client.once("close", () => upstream.destroy())
      upstream.once("close", () => client.destroy())
    })
    const { port: own } = yield* listening(server)
    return { port: own, targets, authorizations, sockets }
  })
