import type { ConnectedAccount } from '../../accounts/connected-account.ts'
import { inputRules } from '../../input-rules.ts'
import { type ExecutionStatus, executionStatuses, type ToolExecution } from '../../tools/journal.ts'
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
  'State of a tool call.',
  executionStatuses,
)

/** A journalled tool call. A call that just ended has its account, which may have been deleted meanwhile. */
export type ShownExecution = ToolExecution & { readonly account?: ConnectedAccount }

/** The GraphQL type of a journalled tool call. A user session sees only calls of its own accounts. */
export const ToolExecutionRef = builder.loadableNodeRef(
  'ToolExecution',
  loadById<ShownExecution>(async (context, { environmentId }, ids) => {
    const found = await context.tools.executions.byId(environmentId, ids)
    const accounts = ConnectedAccountRef.getDataloader(context)
    const visible = await Promise.all(found.map(async ({ accountId }) => (await accounts.load(accountId)) !== null))
    return found.filter((_execution, index) => visible[index])
  }),
)

ToolExecutionRef.implement({
  description: 'Journal entry of a tool call. The journal contains neither the input nor the result.',
  fields: (t) => ({
    tool: t.field({
      type: ToolRef,
      description: 'Called tool.',
      resolve: ({ toolName }, _args, { tools }) => tools.catalogue.find(toolName) ?? uninstalledTool(toolName),
    }),
    connectedAccount: t.field({
      type: ConnectedAccountRef,
      description: 'Account of the call, in its current state.',
      resolve: async ({ accountId, account: seen }, _args, context) => {
        // The result of a write must not be lost because its account was deleted while it ran.
        const account = (await ConnectedAccountRef.getDataloader(context).load(accountId)) ?? seen
        if (account === undefined) throw new Error('The account of a tool execution is gone.')
        return account
      },
    }),
    status: t.field({ type: ExecutionStatusRef, description: 'State of the call.', resolve: ({ status }) => status }),
    errorType: t.exposeString('errorType', {
      nullable: true,
      description:
        'Name of the error type, `Cancelled` when the caller disconnected, or `InternalError` for a failure of the server. Null unless the call failed.',
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'Start time, by the clock of the database.' }),
    durationMs: t.int({
      nullable: true,
      description: 'Duration in milliseconds. Null while the call runs.',
      resolve: ({ startedAt, finishedAt }) => finishedAt && Math.max(0, finishedAt.getTime() - startedAt.getTime()),
    }),
    providerRequestIds: t.stringList({
      description: "Request IDs of the provider, for the provider's support.",
      resolve: ({ providerRequestIds }) => [...providerRequestIds],
    }),
  }),
})

const ToolExecutionConnection = builder.connectionObject(
  { type: ToolExecutionRef, name: 'ToolExecutionConnection', description: 'Page of tool calls, newest first.' },
  builder.edgeObject({ type: ToolExecutionRef, name: 'ToolExecutionEdge', description: 'Tool call with its cursor.' }),
)

const ToolExecutionFilterRef = builder.inputType('ToolExecutionFilter', {
  description: 'Restricts a list of tool calls. A call must match every given field.',
  fields: (t) => ({
    connectionName: t.string(ruled(inputRules.connectionName, 'Connection name of the OAuth app.')),
    identifier: t.string(ruled(inputRules.identifier, 'Your own ID of the user.')),
    toolName: t.string(ruled(inputRules.toolName, 'Name of the tool.')),
    status: t.field({ type: [ExecutionStatusRef], description: 'States to include.' }),
  }),
})

builder.queryField('toolExecutions', (t) =>
  t.field({
    type: ToolExecutionConnection,
    description: 'Journal of tool calls, newest first. A call that reads appears when it has ended.',
    authScopes: access('Query.toolExecutions'),
    args: {
      first: t.arg.int(firstField),
      after: t.arg.string(afterField(sequenceCursor)),
      filter: t.arg({ type: ToolExecutionFilterRef, description: 'Restricts the list. Default: all tool calls.' }),
    },
    complexity: pageComplexity,
    resolve: async (_root, args, context) => {
      const size = pageSize(args)
      const [before] = sequenceCursor.decode(args.after) ?? [null]
      const found = await context.tools.executions.list(viewerOf(context).environmentId, args.filter ?? {}, {
        limit: size + 1,
        before,
      })
      return toConnection(found, size, args.after, ({ sequence }) => sequenceCursor.encode([sequence]))
    },
  }),
)
