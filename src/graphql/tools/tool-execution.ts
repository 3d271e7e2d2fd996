import DataLoader from 'dataloader'
import type { ConnectedAccount } from '../../accounts/connected-account.ts'
import {
  type ExecutionStatus,
  executionStatuses,
  findExecutionsById,
  listExecutions,
  type ToolExecution,
} from '../../tools/journal.ts'
import { uninstalledTool } from '../../tools/uninstalled-tool.ts'
import { access, mayFetch } from '../access.ts'
import { builder } from '../builder.ts'
import { ConnectedAccountRef } from '../connected-account.ts'
import type { GraphQLContext } from '../context.ts'
import { decodeCursor, encodeCursor, pageSize, toConnection } from '../cursor.ts'
import { describedEnum } from '../described-enum.ts'
import { viewerOf } from '../viewer.ts'
import { ToolRef } from './tool.ts'

const ExecutionStatusRef = describedEnum<ExecutionStatus>(
  'ToolExecutionStatus',
  'How a tool call stands.',
  executionStatuses,
)

/** A journalled tool call; a call that has just ended brings its account along, which may have been deleted meanwhile. */
export type ShownExecution = ToolExecution & { readonly account?: ConnectedAccount }

/** The GraphQL type of a journalled tool call. */
export const ToolExecutionRef = builder.objectRef<ShownExecution>('ToolExecution')

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** One loader for each request, under the request's own loaders object. */
const loaders = new WeakMap<object, DataLoader<string, ToolExecution | null>>()

/** The execution of an id, or null when the viewer may not see one. One query for all ids of a request. */
export function loadExecution(context: GraphQLContext, id: string): Promise<ToolExecution | null> {
  const known = loaders.get(context.loaders)
  if (known) return known.load(id)
  const { viewer } = context
  const loader = new DataLoader<string, ToolExecution | null>(async (ids) => {
    const found =
      viewer === null
        ? []
        : await findExecutionsById(
            context.accounts.db,
            viewer.environmentId,
            ids.filter((one) => uuid.test(one)),
          )
    // A user session sees those of its own accounts: the loader of accounts knows which these are.
    const visible = await Promise.all(
      found.map(async (execution) => (await context.loaders.account.load(execution.accountId)) !== null && execution),
    )
    const byId = new Map(visible.filter((one) => one !== false).map((execution) => [execution.id, execution]))
    return ids.map((one) => byId.get(one) ?? null)
  })
  loaders.set(context.loaders, loader)
  return loader.load(id)
}

builder.node(ToolExecutionRef, {
  description: 'One call of a tool. The journal keeps neither its input nor its result.',
  id: { resolve: (execution) => execution.id },
  loadOne: (id, context) => (mayFetch(context.viewer, 'ToolExecution') ? loadExecution(context, id) : null),
  fields: (t) => ({
    tool: t.field({
      type: ToolRef,
      description: 'The tool that was called.',
      resolve: ({ toolName }, _args, { tools }) => tools.catalogue.find(toolName) ?? uninstalledTool(toolName),
    }),
    connectedAccount: t.field({
      type: ConnectedAccountRef,
      description: 'The account that it was called for, as it is now.',
      resolve: async ({ accountId, account: seen }, _args, context) => {
        // What a write gave must not be lost because its account was deleted while it ran.
        const account = (await context.loaders.account.load(accountId)) ?? seen
        if (account === undefined) throw new Error('The account of a tool execution is gone.')
        return account
      },
    }),
    status: t.field({ type: ExecutionStatusRef, description: 'How it stands.', resolve: ({ status }) => status }),
    errorType: t.exposeString('errorType', {
      nullable: true,
      description:
        'The name of the error type, `Cancelled` when the caller left, `InternalError` for a failure of the server; null unless it failed.',
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: "When it began, by the database's clock." }),
    durationMs: t.int({
      nullable: true,
      description: 'How long it took in milliseconds; null while it runs.',
      resolve: ({ startedAt, finishedAt }) => finishedAt && Math.max(0, finishedAt.getTime() - startedAt.getTime()),
    }),
    providerRequestIds: t.stringList({
      description: "The provider's own request ids, for its support.",
      resolve: ({ providerRequestIds }) => [...providerRequestIds],
    }),
  }),
})

const ToolExecutionConnection = builder.connectionObject(
  { type: ToolExecutionRef, name: 'ToolExecutionConnection', description: 'Tool calls, newest first.' },
  builder.edgeObject({ type: ToolExecutionRef, name: 'ToolExecutionEdge', description: 'A tool call in a list.' }),
)

const ToolExecutionFilterRef = builder.inputType('ToolExecutionFilter', {
  description: 'Only calls that fit every given field.',
  fields: (t) => ({
    connectionName: t.string({ description: 'For accounts of this OAuth app.' }),
    identifier: t.string({ description: 'For accounts of this identifier.' }),
    toolName: t.string({ description: 'Of this tool.' }),
    status: t.field({ type: [ExecutionStatusRef], description: 'In one of these states.' }),
  }),
})

builder.queryField('toolExecutions', (t) =>
  t.field({
    type: ToolExecutionConnection,
    description: 'The journal of tool calls, newest first. Reads are in it once they are over.',
    authScopes: access('Query.toolExecutions'),
    args: {
      first: t.arg.int({ defaultValue: 20, description: 'How many, 1 to 100.' }),
      after: t.arg.string({ description: 'The cursor to go on behind.' }),
      filter: t.arg({ type: ToolExecutionFilterRef, description: 'Only these; absent: all.' }),
    },
    complexity: ({ first }) => ({ field: 1, multiplier: first ?? 20 }),
    resolve: async (_root, args, context) => {
      const size = pageSize(args)
      const before = args.after == null ? null : Number(decodeCursor(args.after, ['number'])[0])
      const found = await listExecutions(context.accounts.db, viewerOf(context).environmentId, args.filter ?? {}, {
        limit: size + 1,
        before,
      })
      return toConnection(found, size, args.after, (execution) => encodeCursor(execution.sequence))
    },
  }),
)
