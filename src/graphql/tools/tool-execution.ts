import type { ConnectedAccount } from '../../accounts/connected-account.ts'
import { permits } from '../../environments/narrowing.ts'
import { mayActOn } from '../../environments/viewer.ts'
import { inputRules } from '../../input-rules.ts'
import { type ExecutionCount, type ExecutionInterval, maxCounted } from '../../tools/execution-statistics.ts'
import { type ExecutionStatus, executionStatuses, type ToolExecution } from '../../tools/journal.ts'
import { uninstalledTool } from '../../tools/uninstalled-tool.ts'
import { access } from '../access.ts'
import { builder } from '../builder.ts'
import { ConnectedAccountRef } from '../connected-account.ts'
import { afterField, firstField, pageComplexity, pageSize, sequenceCursor, toConnection } from '../cursor.ts'
import { describedEnum } from '../described-enum.ts'
import { ruled } from '../input-fields.ts'
import { nodeById } from '../loaders.ts'
import { viewerOf } from '../viewer.ts'
import { ToolRef } from './tool.ts'

const ExecutionStatusRef = describedEnum<ExecutionStatus>(
  'ToolExecutionStatus',
  'State of a tool call.',
  executionStatuses,
)

/** A journalled tool call. A call that just ended has its account, which may have been deleted meanwhile. */
export type ShownExecution = ToolExecution & { readonly account?: ConnectedAccount }

/** The GraphQL type of a journalled tool call. A credential sees only calls of accounts and tools that it may use. */
export const ToolExecutionRef = nodeById<ShownExecution>(
  'ToolExecution',
  async (context, { environmentId, narrowing }, ids) => {
    const executions = await context.tools.executions.byId(environmentId, ids)
    const found = executions.filter((execution) => permits(narrowing, execution))
    const accounts = await Promise.all(found.map(({ accountId }) => ConnectedAccountRef.load(context, accountId)))
    return found.filter((_execution, index) => accounts[index] !== null)
  },
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
        const account = (await ConnectedAccountRef.load(context, accountId)) ?? seen
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
    errorType: t.string(ruled(inputRules.errorType, 'Name of the error type, as in `ToolExecution.errorType`.')),
  }),
})

const executionCursor = sequenceCursor('toolExecutions')

builder.queryField('toolExecutions', (t) =>
  t.field({
    type: ToolExecutionConnection,
    description: 'Journal of tool calls, newest first. A call that reads appears when it has ended.',
    authScopes: access('Query.toolExecutions'),
    args: {
      first: t.arg.int(firstField),
      after: t.arg.string(afterField(executionCursor)),
      filter: t.arg({ type: ToolExecutionFilterRef, description: 'Restricts the list. Default: all tool calls.' }),
    },
    complexity: pageComplexity,
    resolve: async (_root, args, context) => {
      const size = pageSize(args)
      const [before] = executionCursor.decode(context, args.after) ?? [null]
      const viewer = viewerOf(context)
      const filter = { ...args.filter, within: viewer.narrowing }
      const found = mayActOn(viewer, filter)
        ? await context.tools.executions.list(viewer.environmentId, filter, { limit: size + 1, before })
        : []
      return toConnection(found, size, args.after, ({ sequence }) => executionCursor.encode(context, [sequence]))
    },
  }),
)

const ToolExecutionCount = builder.objectRef<ExecutionCount>('ToolExecutionCount').implement({
  description: 'Number of calls of a tool that ended in the same way.',
  fields: (t) => ({
    toolName: t.exposeString('toolName', { description: 'Name of the tool.' }),
    status: t.field({ type: ExecutionStatusRef, description: 'State of the calls.', resolve: ({ status }) => status }),
    errorType: t.exposeString('errorType', {
      nullable: true,
      description: 'Name of the error type, as in ToolExecution. Null unless the calls failed.',
    }),
    count: t.exposeInt('count', { description: 'Number of calls.' }),
  }),
})

const ToolExecutionInterval = builder.objectRef<ExecutionInterval>('ToolExecutionInterval').implement({
  description: 'Numbers of calls that started in one part of a period.',
  fields: (t) => ({
    startsAt: t.expose('startsAt', { type: 'DateTime', description: 'Start of the part. It ends with the next part.' }),
    running: t.int({ description: 'Calls with the status RUNNING.', resolve: ({ counts }) => counts.RUNNING }),
    succeeded: t.int({ description: 'Calls with the status SUCCEEDED.', resolve: ({ counts }) => counts.SUCCEEDED }),
    failed: t.int({ description: 'Calls with the status FAILED.', resolve: ({ counts }) => counts.FAILED }),
    outcomeUnknown: t.int({
      description: 'Calls with the status OUTCOME_UNKNOWN.',
      resolve: ({ counts }) => counts.OUTCOME_UNKNOWN,
    }),
  }),
})

const ToolExecutionStatistics = builder.simpleObject('ToolExecutionStatistics', {
  description: 'Counts of tool calls in a period.',
  fields: (t) => ({
    since: t.field({ type: 'DateTime', description: 'Start of the period.' }),
    until: t.field({ type: 'DateTime', description: 'End of the period: now, by the clock of the database.' }),
    complete: t.boolean({
      description: `Whether all calls of the period are counted. If not, only the newest ${maxCounted} are.`,
    }),
    counts: t.field({
      type: [ToolExecutionCount],
      description: 'Calls by tool, state and error type, the largest number first.',
    }),
    intervals: t.field({
      type: [ToolExecutionInterval],
      description: 'Parts of the same length that make up the period, oldest first.',
    }),
  }),
})

builder.queryField('toolExecutionStatistics', (t) =>
  t.field({
    type: ToolExecutionStatistics,
    description:
      'Counts the tool calls of the last hours, by outcome and over time. Calls of deleted accounts are not counted.',
    authScopes: access('Query.toolExecutionStatistics'),
    args: {
      hours: t.arg.int({
        defaultValue: 24,
        required: true,
        ...ruled(inputRules.statisticsHours, 'Length of the period, which ends now.'),
      }),
      intervals: t.arg.int({
        defaultValue: 24,
        required: true,
        ...ruled(inputRules.statisticsIntervals, 'Number of parts that the period is divided into.'),
      }),
      filter: t.arg({ type: ToolExecutionFilterRef, description: 'Calls to count. Default: all.' }),
    },
    // It reads many rows, but no more for a document that selects more.
    complexity: { field: 2_000, multiplier: 1 },
    resolve: async (_root, { hours, intervals, filter: given }, context) => {
      const viewer = viewerOf(context)
      const filter = { ...given, within: viewer.narrowing }
      if (!mayActOn(viewer, filter)) filter.status = []
      return context.tools.executions.count(viewer.environmentId, filter, { hours, intervals })
    },
  }),
)
