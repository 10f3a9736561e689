/** nginx or haproxy, speaking HTTP/2 over TLS, in front of an upstream that speaks HTTP/1.1 in the clear. */
import type { Running } from "@holdfast/testing/Program"
import * as Program from "@holdfast/testing/Program"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { localCertificate } from "./localCertificate.ts"

/** A server in front of an upstream. */
export interface Http2Front extends Running {
  readonly origin: string
  /** The certificate to trust. */
  readonly ca: string
}

/** The servers that can stand in front. */
export type Name = "nginx" | "haproxy"

export interface Setup {
  /** The upstream, as `http://host:port`. */
  readonly upstream: string
  /** Milliseconds after which it closes an idle connection. Default 5 s. */
  readonly idleMs?: number
}

/** Starts a server in front of an upstream, for the life of a scope. */
export const make = (
  name: Name,
  { idleMs = 5000, upstream }: Setup
): Effect.Effect<Http2Front, Program.ProgramError, Scope.Scope> =>
  Effect.gen(function* () {
    const { cert, key } = yield* Effect.promise(localCertificate)
    const { host } = new URL(upstream)
    const running = yield* Program.run(name, {
      ports: 1,
      files: ({ directory, ports: [port = 0] }) =>
        name === "nginx"
          ? { "cert.pem": cert, "key.pem": key, "nginx.conf": nginx(directory, port, host, idleMs) }
          : { "both.pem": `${cert}\n${key}`, "haproxy.cfg": haproxy(directory, port, host, idleMs) },
      args: ({ directory }) =>
        name === "nginx"
          ? ["-p", directory, "-c", "nginx.conf", "-e", "stderr"]
          : // A master, so that a signal has it replace its worker.
            ["-W", "-db", "-f", "haproxy.cfg"]
    })
    return { ...running, origin: `https://localhost:${running.ports[0]}`, ca: cert }
  })

const nginx = (directory: string, port: number, upstream: string, idleMs: number): string => `
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
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${directory}/cert.pem;
    ssl_certificate_key ${directory}/key.pem;
    location / {
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`

const haproxy = (directory: string, port: number, upstream: string, idleMs: number): string => `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-request 60s
  timeout http-keep-alive ${idleMs}ms
  option http-keep-alive
frontend model
  bind 127.0.0.1:${port} ssl crt ${directory}/both.pem alpn h2,http/1.1
  default_backend upstream
backend upstream
  server one ${upstream}
`
