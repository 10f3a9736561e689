/** Policies that are wrong in one way each, and the law that finds it. */
import { assert, describe, it } from "@effect/vitest"
import type { Decision } from "@holdfast/core/Decision"
import * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Effect from "effect/Effect"
import * as PolicyLaws from "../src/PolicyLaws.ts"

type Decide = NonNullable<PolicyLaws.Options["decide"]>

const surface = (why: Extract<Decision, { _tag: "Surface" }>["why"]): Decision => ({
  _tag: "Surface",
  why,
  skipped: []
})
const again: Decision = { _tag: "RetryHere", delayMs: 0, fresh: false, ground: "proven" }

/** The default, told of a state that it is not in. */
const blindTo =
  (more: (state: FailoverPolicy.State) => Partial<FailoverPolicy.State>): Decide =>
  (policy, state, failure) =>
    FailoverPolicy.decide(policy, { ...state, ...more(state) }, failure)

/** The default, told of a failure that it was not. */
const deafTo =
  (heard: (failure: Failure.Failure) => Failure.Failure): Decide =>
  (policy, state, failure) =>
    FailoverPolicy.decide(policy, state, heard(failure))

/** The default, with what it decides put otherwise. */
const insteadOf =
  (otherwise: (decision: Decision, state: FailoverPolicy.State) => Decision): Decide =>
  (policy, state, failure) =>
    otherwise(FailoverPolicy.decide(policy, state, failure), state)

const as = (failure: Failure.Failure, more: Partial<Failure.Make>): Failure.Failure => {
  const { declaration, evidence, exposure, reason, candidate } = failure
  return Failure.make({ declaration, evidence, exposure, reason, candidate, ...more })
}

const to = (state: FailoverPolicy.State, index: number): Decision => ({
  _tag: "NextCandidate",
  index,
  candidate: state.chain[index] ?? state.chain[0],
  ground: "proven",
  asks: false,
  skipped: []
})

interface Wrong {
  readonly law: string
  /** What is found to be wrong. */
  readonly what: RegExp
  readonly decide: Decide
  readonly overrides?: FailoverPolicy.Overrides
}

const asking: FailoverPolicy.Overrides = {
  swap: { start: { ask: () => Effect.succeed(true) }, midTurn: { ask: () => Effect.succeed(true) } }
}

/** Whoever decides in place of `FailoverPolicy.decide` has nobody to hold him to the bounds. */
const deciders: { readonly [wrong: string]: Wrong } = {
  "replays what was exposed": {
    law: "replays only what may be replayed",
    what: /^replays what is Unsafe/,
    decide: deafTo((failure) =>
      failure._tag === "ReplayUnsafe" ? as(failure, { exposure: "nothing", evidence: Evidence.unsent }) : failure
    )
  },
  "takes every call for repeatable": {
    law: "replays only what may be replayed",
    what: /^replays what is Ambiguous and declared unknown$/,
    decide: deafTo((failure) =>
      failure._tag === "ReplayAmbiguous" ? as(failure, { declaration: "repeatable" }) : failure
    )
  },
  "takes what the app assumed for proof": {
    law: "replays only what may be replayed",
    what: /^says that the replay is proven, which is assumed$/,
    decide: insteadOf((decision) => (decision._tag === "Surface" ? decision : { ...decision, ground: "proven" }))
  },
  "goes on in a turn that was abandoned": {
    law: "replays only what may be replayed",
    what: /^goes on though the turn was abandoned$/,
    decide: blindTo(({ turn }) => (turn === "abandoned" ? { turn: "allowed" } : {}))
  },
  "runs turns again that nobody knows anything of": {
    law: "replays only what may be replayed",
    what: /run the turn again, which is not known to be allowed$/,
    decide: blindTo(({ turn }) => (turn === "abandoned" ? {} : { turn: "allowed" }))
  },
  "runs turns again that reached a limit": {
    law: "replays only what may be replayed",
    what: /had done when the limit was reached is not known$/,
    decide: blindTo(({ turn }) => (turn === "allowed" ? { replays: "call" } : {}))
  },
  "reads the rule for the other moment": {
    law: "stays within the swap rule",
    what: /^goes on with .*, which the swap rule does not allow$/,
    decide: blindTo(({ moment }) => ({ moment: moment === "mid" ? "start" : "mid" }))
  },
  "counts swaps from whom it likes": {
    law: "stays within the swap rule",
    what: /^goes on with .*, which the swap rule does not allow$/,
    decide: blindTo(({ chain, index }) => ({ from: chain[index] ?? chain[0] }))
  },
  "does not take a no for an answer": {
    law: "stays within the swap rule",
    what: /^goes on with .*, which the app said no to$/,
    decide: blindTo(() => ({ denied: [] }))
  },
  "does not ask": {
    law: "stays within the swap rule",
    what: /^does not ask the app where the rule asks$/,
    decide: insteadOf((decision) => ("asks" in decision ? { ...decision, asks: false } : decision)),
    overrides: asking
  },
  "asks about everything": {
    law: "stays within the swap rule",
    what: /^asks the app about a swap that needs no word$/,
    decide: insteadOf((decision) => ("asks" in decision ? { ...decision, asks: true } : decision))
  },
  "counts places from one": {
    law: "stays within the swap rule",
    what: /^names nobody in the chain at place \d$/,
    decide: insteadOf((decision) => ("index" in decision ? { ...decision, index: decision.index + 1 } : decision))
  },
  "goes on with the one that failed": {
    law: "goes on only with who is open",
    what: /^goes on with the candidate that failed$/,
    decide: insteadOf((decision, state) => (decision._tag === "RetryHere" ? to(state, state.index) : decision))
  },
  "forgets whom it has left": {
    law: "goes on only with who is open",
    what: /^goes on with a candidate that was left$/,
    decide: blindTo(() => ({ left: [] }))
  },
  "goes on with whom the call does not suit": {
    law: "goes on only with who is open",
    what: /cannot be put to$/,
    decide: blindTo(() => ({ unsuited: [] }))
  },
  "goes on with who is there for another reason": {
    law: "goes on only with who is open",
    what: /there for (ContextOverflow|ContentRefused|ModelNotFound) alone$/,
    decide: blindTo(() => ({ reserved: [] }))
  },
  "does not wait for who cools down": {
    law: "goes on only with who is open",
    what: /^goes on at once with a candidate that cools down$/,
    decide: blindTo(() => ({ cooling: [] }))
  },
  "forgets what failed at whom it has left": {
    law: "passes over who shares what failed",
    what: /^goes on with .*, who shares the (credential|endpoint|model|provider) that failed at one that was left$/,
    decide: blindTo(() => ({ failed: [] }))
  },
  "goes wherever it likes": {
    law: "passes over who shares what failed",
    what: /^goes on with .*, who shares the \w+ that failed at the last one$/,
    decide: (policy, state, failure) =>
      FailoverPolicy.decide(
        { ...policy, table: { ...policy.table, [failure.reason._tag]: { same: "never", onward: "next" } } },
        state,
        failure
      )
  },
  "counts attempts from zero": {
    law: "keeps to attempts, time and budget",
    what: /^goes on after 32 of 32 attempts$/,
    decide: blindTo(({ attempts }) => ({ attempts: attempts - 1 }))
  },
  "has all the time in the world": {
    law: "keeps to attempts, time and budget",
    what: /^goes on when the call's time is up$/,
    decide: blindTo(({ leftMs }) => (leftMs === 0 ? { leftMs: undefined } : {}))
  },
  "waits beyond the deadline": {
    law: "keeps to attempts, time and budget",
    what: /^waits \d+ ms of \d+ that are left$/,
    decide: blindTo(({ leftMs }) => (leftMs === undefined || leftMs === 0 ? {} : { leftMs: 1_000_000 }))
  },
  "waits until the deadline": {
    law: "keeps to attempts, time and budget",
    what: /^waits 250 ms of 250 that are left$/,
    decide: blindTo(({ leftMs }) => (leftMs === undefined || leftMs === 0 ? {} : { leftMs: leftMs + 1 }))
  },
  "waits without end": {
    law: "keeps to attempts, time and budget",
    what: /^waits for Infinity ms$/,
    decide: insteadOf((decision) =>
      "delayMs" in decision ? { ...decision, delayMs: Number.POSITIVE_INFINITY } : decision
    )
  },
  "spends what is spent": {
    law: "keeps to attempts, time and budget",
    what: /^asks \w+ again, whose retry budget is spent$/,
    decide: blindTo(() => ({ spent: [] }))
  },
  "renews a credential over and over again": {
    law: "keeps to attempts, time and budget",
    what: /^renews a credential that cannot be renewed/,
    decide: blindTo(() => ({ refreshable: true }))
  },
  "waits for who is never there": {
    law: "ends",
    what: /^has no end: it still goes on after 64 decisions$/,
    decide: (policy, state, failure) => {
      const decision = FailoverPolicy.decide(policy, state, failure)
      return decision._tag === "NextCandidate" ? { ...decision, _tag: "Wait", delayMs: 1 } : decision
    }
  },
  "does not know a wait": {
    law: "decides on every failure",
    what: /^decides what is no decision$/,
    decide: insteadOf((decision) =>
      decision._tag === "Wait" ? { ...decision, delayMs: Number.POSITIVE_INFINITY } : decision
    )
  },
  "is impatient": {
    law: "goes on where it may",
    what: /^gives up, though .* alone has failed$/,
    decide: insteadOf((decision) => ("index" in decision ? surface("chain-exhausted") : decision))
  }
}

/** Functions of a policy, which is held to the bounds whatever they say. */
const policies: { readonly [wrong: string]: Omit<Wrong, "decide"> & { readonly overrides: FailoverPolicy.Overrides } } =
  {
    "throws where it knows no answer": {
      law: "decides on every failure",
      what: /^throws: what now$/,
      overrides: {
        decide: (_policy, _state, { reason }, otherwise) => {
          if (reason._tag === "InvalidRequest") throw new Error("what now")
          return otherwise()
        }
      }
    },
    "gives up for a reason of its own": {
      law: "decides on every failure",
      what: /^decides what is no decision$/,
      overrides: {
        // What a program without types could return.
        decide: () => surface("because" as "unsafe")
      }
    },
    "decides by turns": {
      law: "decides the same for the same",
      what: /^decides otherwise when it is asked again$/,
      overrides: {
        decide: (() => {
          let asked = 0
          return (_policy, _state, _failure, otherwise) =>
            ++asked % 2 === 0 ? surface("reason-surfaces") : otherwise()
        })()
      }
    },
    "decides by what JSON does not keep": {
      law: "decides the same for the same",
      what: /^decides otherwise on the state as it is written down$/,
      overrides: {
        decide: (_policy, state, _failure, otherwise) =>
          "leftMs" in state && state.leftMs === undefined ? surface("reason-surfaces") : otherwise()
      }
    },
    "takes notes in the state": {
      law: "decides the same for the same",
      what: /^changes the state$/,
      overrides: {
        decide: (_policy, state, _failure, otherwise) => {
          const decision = otherwise()
          if ("index" in decision) Object.assign(state, { left: [...state.left, decision.index] })
          return decision
        }
      }
    },
    "says it was the time": {
      law: "gives up for what is so",
      what: /^gives up as deadline, which is not so$/,
      overrides: {
        decide: (_policy, _state, _failure, otherwise) => {
          const decision = otherwise()
          return decision._tag === "Surface" ? surface("deadline") : decision
        }
      }
    },
    "says that all are exhausted": {
      law: "gives up for what is so",
      what: /^gives up as chain-exhausted, which is not so$/,
      overrides: { decide: () => surface("chain-exhausted") }
    },
    "retries whatever happens": {
      law: "keeps the bounds by itself",
      what: /^by itself, .*; that became [A-Za-z-]+$/,
      overrides: { decide: () => again }
    },
    "goes on with the next in the row": {
      law: "keeps the bounds by itself",
      what: /^by itself, .*; that became [A-Za-z-]+$/,
      overrides: { decide: (_policy, state) => to(state, state.index + 1) }
    },
    "retries without number": {
      law: "ends",
      what: /^has no end: it still goes on after 2000 decisions$/,
      overrides: { maxAttempts: Number.POSITIVE_INFINITY }
    },
    "gives up at once": {
      law: "goes on where it may",
      what: /^gives up, though .* alone has failed$/,
      overrides: { decide: () => surface("reason-surfaces") }
    },
    "is bolder the less it knows": {
      law: "allows no more on worse evidence",
      what: /^allows .* when the failure is a Replay(Safe|Ambiguous), and does not before$/,
      overrides: {
        decide: (_policy, _state, failure, otherwise) =>
          failure._tag === "ReplaySafe" && !failure.assumed ? surface("reason-surfaces") : otherwise()
      }
    },
    "is bolder the less it may": {
      law: "allows no more under a narrower swap rule",
      what: /^allows .* under the swap rule same-(family|model), and does not before$/,
      overrides: {
        decide: ({ swap }, _state, _failure, otherwise) =>
          swap.start === "any" ? surface("reason-surfaces") : otherwise()
      }
    },
    "is bolder when a budget is spent": {
      law: "allows no more when a budget is spent",
      what: /^allows .* when the budget of \w+ is spent, and does not before$/,
      overrides: {
        decide: (_policy, { spent = [] }, _failure, otherwise) =>
          spent.length === 0 ? surface("reason-surfaces") : otherwise()
      }
    },
    "is bolder in a hurry": {
      law: "allows no more in less time",
      what: /^allows .* with \d+ ms left, and does not before$/,
      overrides: {
        decide: (_policy, { leftMs }, _failure, otherwise) =>
          leftMs === undefined ? surface("reason-surfaces") : otherwise()
      }
    },
    "is bolder when somebody cools down": {
      law: "allows no more while a candidate cools down",
      what: /^allows .* while .* cools down for \d+ ms, and does not before$/,
      overrides: {
        decide: (_policy, { cooling = [] }, _failure, otherwise) =>
          cooling.length === 0 ? surface("reason-surfaces") : otherwise()
      }
    }
  }

const all: ReadonlyArray<readonly [string, Omit<Wrong, "decide"> & { readonly decide?: Decide }]> = [
  ...Object.entries(deciders),
  ...Object.entries(policies)
]

describe("a policy that", () => {
  for (const [wrong, { decide, law: name, overrides, what }] of all) {
    it.effect(`${wrong} is found by: ${name}`, () =>
      Effect.gen(function* () {
        const [law, ...others] = PolicyLaws.laws.filter((each) => each.name === name)
        assert.isEmpty(others)
        // A chance find would not be one under every seed.
        for (const seed of [undefined, 1, 2]) {
          const options = { ...(seed === undefined ? {} : { seed }), ...(decide === undefined ? {} : { decide }) }
          const violation = law === undefined ? undefined : yield* law.check(FailoverPolicy.make(overrides), options)
          assert.isDefined(violation, `seed ${seed}`)
          assert.strictEqual(violation?.law, name)
          if (seed === undefined) assert.match(violation?.what ?? "", what)
        }
      })
    )
  }

  it.effect("forgets what failed at whom it has left breaks no law else", () =>
    Effect.gen(function* () {
      const violations = yield* PolicyLaws.check(FailoverPolicy.make(), {
        decide: blindTo(() => ({ failed: [] })),
        // Whoever decides otherwise than `FailoverPolicy.decide` is found to have put the policy right.
        laws: PolicyLaws.laws.filter(({ name }) => name !== "keeps the bounds by itself")
      })
      assert.deepStrictEqual(
        violations.map(({ law }) => law),
        ["passes over who shares what failed"]
      )
    })
  )

  it("is there for every law", () => {
    const found = new Set(all.map(([, { law }]) => law))
    assert.sameMembers(
      PolicyLaws.laws.map(({ name }) => name),
      [...found]
    )
  })
})
