import { createPrivateKey } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { resolve } from "../src/internal/poolOptions.ts"
import type { Options } from "../src/Tls.ts"
import { authority } from "./support/authority.ts"
import { printed } from "./support/printed.ts"

const made = await authority("Authority")
const mine = await made.issue({ name: "mine" })
const other = await made.issue({ name: "other" })

const passphrase = "correct horse battery staple"
const locked = createPrivateKey(mine.key)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase })
  .toString()

const directory = mkdtempSync(join(tmpdir(), "holdfast-tls-options-"))
afterAll(() => rmSync(directory, { recursive: true }))
const file = (name: string, text: string): string => {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}
const caFile = file("ca.pem", made.cert)
const certFile = file("cert.pem", mine.cert)
const keyFile = file("key.pem", mine.key)

const key = Redacted.make(mine.key)
const broken = made.cert.replace(/\n.{20}/, "\nAAAAAAAAAAAAAAAAAAAA")

/** What is wrong with options, place by place, after the part that all have in common. */
const problemsOf = (tls: unknown) =>
  resolve("p", { tls: tls as Options }).pipe(
    Effect.flip,
    Effect.map((error) => {
      const text = printed(error)
      for (const secret of [mine.key, locked, passphrase, mine.key.split("\n")[1] ?? "", "pasted"]) {
        assert.notInclude(text, secret)
      }
      return error.problems.map(({ found, place }) => `${place.replace("dispatchers.p.tls", "")} ${found}`)
    })
  )

describe("TLS options", () => {
  it.effect.each<readonly [string, unknown, ReadonlyArray<string>]>([
    ["both text and file", { ca: made.cert, caFile }, [".caFile both"]],
    ["a certificate without a key", { cert: mine.cert }, [".cert none"]],
    ["a certificate file without a key", { certFile }, [".certFile none"]],
    ["a key without a certificate", { key }, [".key none"]],
    ["a key file without a certificate", { keyFile }, [".keyFile none"]],
    ["another certificate's key", { certFile: file("other.pem", other.cert), keyFile }, [".keyFile another one's"]],
    ["a locked key alone", { cert: mine.cert, key: Redacted.make(locked) }, [".passphrase none"]],
    [
      "a locked key and another passphrase",
      { cert: mine.cert, key: Redacted.make(locked), passphrase: Redacted.make("wrong") },
      [".passphrase one that does not open it"]
    ],
    ["a passphrase alone", { passphrase: Redacted.make(passphrase) }, [".passphrase none"]],
    ["a key that is not redacted", { cert: mine.cert, key: mine.key }, [".key none"]],
    ["a passphrase that is not redacted", { cert: mine.cert, key, passphrase }, [".passphrase none"]],
    ["a key that is none", { cert: mine.cert, key: Redacted.make("pasted") }, [".key text that is none"]],
    ["a file that is not there", { caFile: join(directory, "none.pem") }, [".caFile no such file"]],
    ["a path through a file", { caFile: join(caFile, "none.pem") }, [".caFile no such file"]],
    ["a directory", { caFile: directory }, [".caFile a directory"]],
    ["a device", { caFile: "/dev/zero" }, [".caFile no ordinary file"]],
    ["a path that is none", { caFile: "a\u0000b" }, [".caFile ERR_INVALID_ARG_VALUE"]],
    ["a path that is no text", { caFile: 1 }, [".caFile number"]],
    ["a file without a certificate", { caFile: keyFile }, [".caFile text that holds none"]],
    ["text without a certificate", { ca: "pasted" }, [".ca text that holds none"]],
    ["no text at all", { ca: 1 }, [".ca number"]],
    [
      "a second certificate that is broken",
      { ca: `${made.cert}\n${broken}` },
      [".ca 2 of them, of which number 2 cannot be read"]
    ],
    ["a name with a space", { serverName: "a b" }, [".serverName text that is none"]],
    ["an address", { serverName: "192.0.2.1" }, [".serverName text that is none"]],
    ["an address of IPv6", { serverName: "::1" }, [".serverName text that is none"]],
    ["a name with a dot at its end", { serverName: "a.test." }, [".serverName text that is none"]],
    ["no name", { serverName: "" }, [".serverName text that is none"]],
    ["a URL", { serverName: "https://a.test" }, [".serverName text that is none"]],
    [
      "any certificate and certain authorities",
      { dangerouslyAcceptAnyCertificate: true, caFile },
      [".dangerouslyAcceptAnyCertificate some"]
    ],
    [
      "any certificate, said with another word",
      { dangerouslyAcceptAnyCertificate: "yes" },
      [".dangerouslyAcceptAnyCertificate string"]
    ],
    ["no options", "pasted", [" string"]],
    [
      "all of it",
      { ca: "pasted", certFile: directory, passphrase: Redacted.make(passphrase), serverName: "::1" },
      [
        ".ca text that holds none",
        ".certFile a directory",
        ".passphrase none",
        ".certFile none",
        ".serverName text that is none"
      ]
    ]
  ])("are refused: %s", ([, tls, expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* problemsOf(tls), expected)
    })
  )

  it.effect("are refused together with all other options", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        resolve("p", {
          connections: 0.5,
          maxRequestsPerConnection: 0,
          maxConnectionAge: 0,
          lookup: "dns" as never,
          tls: { serverName: "" }
        })
      )
      assert.deepStrictEqual(
        error.problems.map(({ place }) => place),
        ["connections", "maxRequestsPerConnection", "maxConnectionAge", "lookup", "tls.serverName"].map(
          (option) => `dispatchers.p.${option}`
        )
      )
    })
  )

  it.effect.each<readonly [string, Options]>([
    ["text", { ca: made.cert, cert: mine.cert, key }],
    ["files", { caFile, certFile, keyFile }],
    [
      "text with Windows' line ends and words around it",
      { ca: `# ours\r\n${made.cert.replaceAll("\n", "\r\n")}\r\nend` }
    ],
    ["several authorities", { ca: `${made.cert}\n${other.cert}` }],
    ["a name of one label", { serverName: "gateway" }],
    ["a name of an internal host", { serverName: "llm_gateway-1.corp.example" }]
  ])("are taken: %s", ([, tls]) =>
    Effect.gen(function* () {
      const resolved = yield* resolve("p", { tls })
      assert.isTrue(resolved.tls.verify)
      assert.strictEqual(resolved.tls.serverName, tls.serverName)
      assert.strictEqual(resolved.tls.secureContext !== undefined, tls.serverName === undefined)
    })
  )

  it.effect("open a locked key with its passphrase", () =>
    Effect.gen(function* () {
      const resolved = yield* resolve("p", {
        tls: { cert: mine.cert, key: Redacted.make(locked), passphrase: Redacted.make(passphrase) }
      })
      assert.isDefined(resolved.tls.secureContext)
    })
  )

  it.effect("verify where they say nothing, or false", () =>
    Effect.gen(function* () {
      const said = { dangerouslyAcceptAnyCertificate: false } as unknown as Options
      for (const tls of [undefined, {}, said]) {
        const resolved = yield* resolve("p", tls === undefined ? {} : { tls })
        assert.isTrue(resolved.tls.verify)
      }
      const any = yield* resolve("p", { tls: { dangerouslyAcceptAnyCertificate: true } })
      assert.isFalse(any.tls.verify)
    })
  )
})
