import type { ConnectedAccount } from '../../accounts/connected-account.ts'
import { inputRules } from '../../input-rules.ts'
import {
  type ExecutionStatus,
  executionStatuses,
  findExecutionsById,
  listExecutions,
  type ToolExecution,
} from '../../tools/journal.ts'
import { uninstalledTool } from '../../tools/uninstalled-tool.ts'
import { access } from '../access.ts'
import { builder } from '../builder.ts'
import { ConnectedAccountRef } from '../connected-account.ts'
import { afterField, firstField, pageComplexity, pageSize, sequenceCursor, toConnection } from '../cursor.ts'
import { describedEnum } from '../described-enum.ts'
import { ruled } from '../input-fields.ts'
import { loadById } from '../loaders.ts'
import { viewerOf } from '../viewer.ts'
import { ToolRef } from './tool.ts'

const ExecutionStatusRef = describedEnum<ExecutionStatus>(
  'ToolExecutionStatus',
  'How a tool call stands.',
  executionStatuses,
)

/** A journalled tool call; a call that has just ended brings its account along, which may have been deleted meanwhile. */
export type ShownExecution = ToolExecution & { readonly account?: ConnectedAccount }

/** The GraphQL type of a journalled tool call. A user session finds those of its own accounts. */
export const ToolExecutionRef = builder.loadableNodeRef(
  'ToolExecution',
  loadById<ShownExecution>(async (context, { environmentId }, ids) => {
    const found = await findExecutionsById(context.accounts.db, environmentId, ids)
    const accounts = ConnectedAccountRef.getDataloader(context)
    const visible = await Promise.all(found.map(async ({ accountId }) => (await accounts.load(accountId)) !== null))
    return found.filter((_execution, index) => visible[index])
  }),
)

ToolExecutionRef.implement({
  description: 'One call of a tool. The journal keeps neither its input nor its result.',
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
        const account = (await ConnectedAccountRef.getDataloader(context).load(accountId)) ?? seen
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
    connectionName: t.string(ruled(inputRules.connectionName, 'Connection name of the OAuth app.')),
    identifier: t.string(ruled(inputRules.identifier, 'Your own ID of the user.')),
    toolName: t.string(ruled(inputRules.toolName, 'Name of the tool.')),
    status: t.field({ type: [ExecutionStatusRef], description: 'In one of these states.' }),
  }),
})

builder.queryField('toolExecutions', (t) =>
  t.field({
    type: ToolExecutionConnection,
    description: 'The journal of tool calls, newest first. Reads are in it once they are over.',
    authScopes: access('Query.toolExecutions'),
    args: {
      first: t.arg.int(firstField),
      after: t.arg.string(afterField(sequenceCursor)),
      filter: t.arg({ type: ToolExecutionFilterRef, description: 'Only these; absent: all.' }),
    },
    complexity: pageComplexity,
    resolve: async (_root, args, context) => {
      const size = pageSize(args)
      const [before] = sequenceCursor.decode(args.after) ?? [null]
      const found = await listExecutions(context.accounts.db, viewerOf(context).environmentId, args.filter ?? {}, {
        limit: size + 1,
        before,
      })
      return toConnection(found, size, args.after, ({ sequence }) => sequenceCursor.encode([sequence]))
    },
  }),
)
