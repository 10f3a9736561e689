/** Tools of a provider's own, whose id is `<provider>.<type>`. */
import * as Tool from "effect/ai/Tool"

/** Whether it is a tool of any provider's but this one. */
export const isForeign = (tool: Tool.Any, provider: string | undefined): boolean =>
  Tool.isProviderDefined(tool) && !(provider !== undefined && tool.id.startsWith(`${provider}.`))

/** Whether a provider runs the tool by itself. */
export const isRunThere = (tool: Tool.Any): boolean => Tool.isProviderDefined(tool) && !tool.requiresHandler

/** The provider's own word for a tool. */
export const typeOf = ({ id }: Tool.AnyProviderDefined): string => id.slice(id.indexOf(".") + 1)
