/** The models that a call may go to, in order: the one that was asked for, its fallbacks, the agent's primary last. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import type { Asked } from "@holdfast/core/ProviderRegistry"
import * as Result from "effect/Result"
import type { AgentConfiguration } from "../../Configuration.ts"
import type { Allowed } from "./allowed.ts"
import type { Names } from "./names.ts"

/** One model of a plan, or what is wrong with its name. */
export type Step = Result.Result<ModelRef.ModelRef, Problem>

/** What was asked, before keys are looked at. */
export interface Plan {
  /** Each model once. */
  readonly steps: ReadonlyArray<Step>
  readonly suppressedDuplicates: number
  readonly strict: boolean
  readonly agent: string | undefined
}

/** Where and what: a name, and where it stands. */
interface Named {
  readonly name: string
  readonly place: string
}

/**
 * What is asked, as a plan.
 *
 * The agent's primary comes last where something else was asked for; where it was asked for itself, it is no duplicate of
 * its own.
 */
export const planOf = (asked: Asked, names: Names, allowed: Allowed): Plan => {
  const id = agentOf(asked, names)
  if (id === undefined && asked.model === undefined) {
    return { steps: [Result.fail(nothing)], suppressedDuplicates: 0, strict: false, agent: undefined }
  }
  const agent = id === undefined ? undefined : names.agent(id.name, id.place)
  if (agent !== undefined && Result.isFailure(agent)) {
    // What else is wrong is said as well.
    const rest = asked.model === undefined ? [] : [requested(asked.model, names, allowed)]
    return { steps: [Result.fail(agent.failure), ...rest], suppressedDuplicates: 0, strict: false, agent: id?.name }
  }
  const own = agent?.success
  const isAgentItself = own !== undefined && (asked.model === undefined || asked.agent === undefined)
  const first = isAgentItself
    ? names.refOf(own.primary, own.places?.primary ?? "model")
    : requested(asked.model ?? "", names, allowed)
  const last = own === undefined ? undefined : names.refOf(own.primary, own.places?.primary ?? "agent")
  const behind = fallbacksOf(asked, own).map(({ name, place }) => names.refOf(name, place))
  const steps = [first, ...behind, ...(last === undefined || isSame(first, last) ? [] : [last])]
  const unique = steps.filter((step, index) => steps.findIndex((each) => isSame(each, step)) === index)
  return {
    steps: unique,
    suppressedDuplicates: steps.length - unique.length,
    strict: own === undefined && behind.length === 0,
    agent: id?.name
  }
}

const requested = (model: string, names: Names, allowed: Allowed): Step => {
  const ref = names.refOf(model, "model")
  const problem = Result.isSuccess(ref) ? allowed(ref.success, "model") : undefined
  return problem === undefined ? ref : Result.fail(problem)
}

/** Whose chain it is: that of the agent that is named, in whichever place; of `default` where nothing is asked. */
const agentOf = ({ agent, model }: Asked, names: Names): Named | undefined => {
  if (agent !== undefined) return { name: agent, place: "agent" }
  const name = model ?? "default"
  return names.agentNamed(name) === undefined ? undefined : { name, place: "model" }
}

const nothing: Problem = {
  kind: "EmptyChain",
  place: "model",
  expected: "a model, or an agent that is configured as default",
  found: "nothing",
  fix: "name a model, or write agents.default"
}

const fallbacksOf = ({ fallbacks }: Asked, agent: AgentConfiguration | undefined): ReadonlyArray<Named> =>
  fallbacks === undefined
    ? (agent?.fallbacks ?? []).map((name, index) => ({
        name,
        place: agent?.places?.fallbacks[index] ?? `fallbacks[${index}]`
      }))
    : fallbacks.map((name, index) => ({ name, place: `fallbacks[${index}]` }))

const isSame = (a: Step, b: Step): boolean =>
  a === b || (Result.isSuccess(a) && Result.isSuccess(b) && ModelRef.equals(a.success, b.success))
