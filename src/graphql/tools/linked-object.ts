import { createContextCache } from '@pothos/core'
import DataLoader from 'dataloader'
import { GraphQLError, type GraphQLResolveInfo } from 'graphql'
import { ToolError } from '../../errors.ts'
import type { ResultLink } from '../../tools/result-link.ts'
import type { GraphQLContext } from '../context.ts'
import { runTool } from './run-tool.ts'

/** The account of a root field of a document. */
interface Origin {
  readonly connectionName: string
  readonly identifier: string
}

interface LinkedCall extends Origin {
  readonly toolName: string
  readonly toolInput: Readonly<Record<string, unknown>>
}

/** The state of one request: the account of each of its root fields, and the objects that links lead to. */
interface RequestLinks {
  readonly origins: Map<string | number, Origin>
  readonly objects: DataLoader<LinkedCall, unknown, string>
}

const linksOf = createContextCache(
  (context: GraphQLContext): RequestLinks => ({
    origins: new Map(),
    objects: new DataLoader(
      (calls) => Promise.all(calls.map((call) => load(context, call).catch((error: unknown) => toError(error)))),
      { cacheKeyFn: (call) => JSON.stringify([call.connectionName, call.identifier, call.toolName, call.toolInput]) },
    ),
  }),
)

/** Stores the account of a root field, for the links under it. */
export function noteOrigin(context: GraphQLContext, info: GraphQLResolveInfo, origin: Origin): void {
  const { connectionName, identifier } = origin
  linksOf(context).origins.set(info.path.key, { connectionName, identifier })
}

/**
 * Returns the object that a link leads to, read by the tool of the link: checked, budgeted and journalled like every call.
 * An object that several fields of a document lead to is read once. Returns null where there is nothing to follow.
 *
 * Throws a GraphQL error whose code is the name of the ToolError: the field is then null, and the other fields remain. In
 * a list each such error replaces its object, as graphql-js accepts it.
 */
export async function followLink(
  link: ResultLink,
  model: Readonly<Record<string, unknown>>,
  context: GraphQLContext,
  info: GraphQLResolveInfo,
): Promise<unknown> {
  if (Object.entries(link.when ?? {}).some(([key, value]) => model[key] !== value)) return null
  const toolInput = Object.fromEntries(Object.entries(link.input).map(([key, from]) => [key, model[from]]))
  if (Object.values(toolInput).some((value) => value == null)) return null
  let root = info.path
  while (root.prev) root = root.prev
  const { origins, objects } = linksOf(context)
  const origin = origins.get(root.key)
  if (!origin) throw new Error(`The root field ${root.key} has no stored account.`)
  const follow = async (input: Readonly<Record<string, unknown>>): Promise<unknown> => {
    const result = await objects.load({ ...origin, toolName: link.tool, toolInput: input })
    return (result as Record<string, unknown>)[link.result] ?? null
  }
  const { each } = link
  if (each === undefined) return follow(toolInput)
  const values = toolInput[each]
  if (!Array.isArray(values)) return null
  return Promise.all(values.map((value) => follow({ ...toolInput, [each]: value }).catch(toError)))
}

async function load(context: GraphQLContext, call: LinkedCall): Promise<unknown> {
  try {
    const outcome = await runTool(context, call.toolName, { ...call, idempotencyKey: null, outputFormat: 'RAW' })
    return outcome.tool.toResult(outcome.body, outcome.input)
  } catch (error) {
    if (!(error instanceof ToolError)) throw error
    throw new GraphQLError(error.message, {
      extensions: { code: error.name, hint: error.hint, retryable: error.retryable, userAction: error.userAction },
    })
  }
}

const toError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))
