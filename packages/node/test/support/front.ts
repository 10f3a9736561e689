/** nginx or haproxy in front of an upstream that is a process of its own and knows which requests have reached it. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Running } from "@holdfast/testing/Program"
import * as Program from "@holdfast/testing/Program"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** What has reached an upstream. */
export interface Truth {
  readonly requests: number
  readonly calls: number
  /** Calls that reached it more than once. */
  readonly twice: ReadonlyArray<string>
  /** Of the attempts asked for, those that reached it. */
  readonly arrived: ReadonlyArray<string>
}

/** A server in front of an upstream. */
export interface Front extends Running {
  readonly origin: string
  /** Which of these attempts have reached the upstream, and what else has. */
  readonly truth: (attempts: ReadonlyArray<string>) => Effect.Effect<Truth>
}

/** How a server is set up. */
export interface Setup {
  /** Milliseconds after which it closes an idle connection. */
  readonly idleMs: number
}

/** What a server stands in front of, and how it is reached. */
export interface Site extends Setup {
  /** `host:port`. */
  readonly upstream: string
  /** With it, the server speaks HTTP/2 over TLS; without it, HTTP/1.1 in the clear. */
  readonly certificate?: { readonly cert: string; readonly key: string }
}

/** The servers that can stand in front. */
export type Name = "nginx" | "haproxy"

/** Starts a server in front of an upstream, for the life of a scope. */
export const make = (name: Name, setup: Setup): Effect.Effect<Front, Program.ProgramError, Scope.Scope> =>
  Effect.gen(function* () {
    const upstream = yield* makeUpstream
    const running = yield* serve(name, { ...setup, upstream: `127.0.0.1:${upstream.port}` })
    return { ...running, origin: `http://127.0.0.1:${running.ports[0]}`, truth: upstream.truth }
  })

/** Starts a server in front of what is there already, for the life of a scope. */
export const serve = (name: Name, site: Site): Effect.Effect<Running, Program.ProgramError, Scope.Scope> => {
  const { cert = "", key = "" } = site.certificate ?? {}
  return Program.run(name, {
    ports: 1,
    files: ({ directory, ports: [port = 0] }) =>
      name === "nginx"
        ? { "cert.pem": cert, "key.pem": key, "nginx.conf": nginx(directory, port, site) }
        : { "both.pem": `${cert}\n${key}`, "haproxy.cfg": haproxy(directory, port, site) },
    args: ({ directory }) =>
      name === "nginx"
        ? ["-p", directory, "-c", "nginx.conf", "-e", "stderr"]
        : // A master, so that a signal has it replace its worker.
          ["-W", "-db", "-f", "haproxy.cfg"]
  })
}

const makeUpstream = Effect.gen(function* () {
  const file = fileURLToPath(new URL("../programs/upstream.ts", import.meta.url))
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => fork(file, { execArgv: ["--no-warnings"] })),
    (child) =>
      Effect.sync(() => {
        if (child.connected) child.disconnect()
      })
  )
  const heard = Effect.promise(async () => {
    const [message] = await once(child, "message")
    return message as unknown
  })
  const { port } = (yield* heard) as { readonly port: number }
  const truth = (attempts: ReadonlyArray<string>): Effect.Effect<Truth> =>
    Effect.suspend(() => {
      child.send([...attempts])
      return Effect.map(heard, (message) => message as Truth)
    })
  return { port, truth }
})

const nginx = (directory: string, port: number, { certificate, idleMs, upstream }: Site): string => `
user root;
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${directory};
  proxy_temp_path ${directory};
  fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory};
  scgi_temp_path ${directory};
  keepalive_timeout ${idleMs}ms;
  keepalive_requests 1000000;
  upstream model {
    server ${upstream};
    keepalive 128;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port}${certificate === undefined ? "" : " ssl http2"};
    ${certificate === undefined ? "" : secured(directory)}
    location / {
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`

// Its answers are passed on as they come.
const secured = (directory: string): string => `
    ssl_certificate ${directory}/cert.pem;
    ssl_certificate_key ${directory}/key.pem;
    proxy_buffering off;`

const haproxy = (directory: string, port: number, { certificate, idleMs, upstream }: Site): string => `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-request 60s
  timeout http-keep-alive ${idleMs}ms
  option http-keep-alive
frontend model
  bind 127.0.0.1:${port}${certificate === undefined ? "" : ` ssl crt ${directory}/both.pem alpn h2,http/1.1`}
  default_backend upstream
backend upstream
  http-reuse safe
  server one ${upstream}
`
