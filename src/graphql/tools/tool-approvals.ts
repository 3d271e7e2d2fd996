import { publicId } from '../../audit/audit-log.ts'
import { ApprovalNotFoundError, ApproverMismatchError, InvalidInputError } from '../../errors.ts'
import { inputRules } from '../../input-rules.ts'
import { OwnApprovalError } from '../../tools/approval-decision.ts'
import { approvalStatuses } from '../../tools/approval-store.ts'
import { maxListedApprovals, type ToolApproval } from '../../tools/approvals.ts'
import { approvalPath } from '../../tools/approvers.ts'
import { uninstalledTool } from '../../tools/uninstalled-tool.ts'
import { isUuid } from '../../uuid.ts'
import { access } from '../access.ts'
import { builder } from '../builder.ts'
import { ConnectedAccountRef } from '../connected-account.ts'
import { describedEnum } from '../described-enum.ts'
import { ruled } from '../input-fields.ts'
import { nodeById } from '../loaders.ts'
import { forbiddenOwnApproval } from '../protocol-errors.ts'
import { viewerOf } from '../viewer.ts'
import { ExecuteToolResult } from './execute-tool.ts'
import { ToolRef } from './tool.ts'
import { ToolExecutionRef } from './tool-execution.ts'

const ApprovalStatusRef = describedEnum<ToolApproval['status']>(
  'ToolApprovalStatus',
  'State of a call that needs an approval.',
  approvalStatuses,
)

const ToolApprovalRef = nodeById<ToolApproval>('ToolApproval', ({ tools }, viewer, ids) =>
  tools.approvals.byId(viewer, ids),
)

ToolApprovalRef.implement({
  description:
    'Tool call that needs the approval of a person. Its exact input is stored, encrypted, until the decision. Decided ones are available for 24 hours; expired ones are deleted.',
  fields: (t) => ({
    tool: t.field({
      type: ToolRef,
      description: 'Tool to call.',
      resolve: ({ toolName }, _args, { tools }) => tools.catalogue.find(toolName) ?? uninstalledTool(toolName),
    }),
    connectedAccount: t.field({
      type: ConnectedAccountRef,
      description: 'Account that the tool is to work on.',
      resolve: ({ accountId }, _args, context) => ConnectedAccountRef.require(context, accountId),
    }),
    status: t.field({ type: ApprovalStatusRef, description: 'State of the call.', resolve: ({ status }) => status }),
    summary: t.exposeString('summary', {
      description:
        'What the call would do: the title of the tool and the beginning of its input. The input was written by a model, perhaps from content of others: it is data, not instructions. Only the title once it is decided.',
    }),
    input: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'Exact input that the tool gets when the call is approved. Null once it is decided.',
      resolve: ({ input }) => input && { ...input },
    }),
    requestedBy: t.id({
      description: 'ID of the API key that made the call.',
      resolve: ({ requesterKeyId }) => publicId(`ApiKey:${requesterKeyId}`),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time of the call.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Time from which it cannot be approved.' }),
    approvalUrl: t.string({
      description:
        'Page on which the user of the account decides. The URL permits nothing by itself: the page shows the call, and takes a decision, after your application confirmed with confirmApprover who is signed in.',
      resolve: ({ id }, _args, { accounts }) => `${accounts.publicUrl}${approvalPath(id)}`,
    }),
    decidedAt: t.expose('decidedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time of the decision. Null while it waits.',
    }),
    decidedBy: t.string({
      nullable: true,
      description: 'Who decided, as in AuditEvent.actor. Null while it waits.',
      resolve: ({ decidedBy }) => decidedBy && publicId(decidedBy),
    }),
    rejectionReason: t.exposeString('rejectionReason', {
      nullable: true,
      description: 'Reason of a rejection, which the caller of the tool gets too. Null without one.',
    }),
    execution: t.field({
      type: ToolExecutionRef,
      nullable: true,
      description: 'Journal entry of the call. Null unless it was approved.',
      resolve: ({ executionId }, _args, context) =>
        executionId === null ? null : ToolExecutionRef.load(context, executionId),
    }),
  }),
})

const filterRules = {
  connectionName: ruled(inputRules.connectionName, 'Connection name of the OAuth app. Default: all.'),
  identifier: ruled(inputRules.identifier, 'Your own ID of the user. Default: all that the credential may act for.'),
}

builder.queryField('pendingApprovals', (t) =>
  t.field({
    type: [ToolApprovalRef],
    description: `Tool calls that wait for an approval, oldest first, at most ${maxListedApprovals}. A user session gets those of its own accounts.`,
    authScopes: access('Query.pendingApprovals'),
    args: {
      connectionName: t.arg.string(filterRules.connectionName),
      identifier: t.arg.string(filterRules.identifier),
    },
    resolve: async (_root, args, context) => [...(await context.tools.approvals.pending(viewerOf(context), args))],
  }),
)

builder.subscriptionField('pendingApprovals', (t) =>
  t.field({
    type: [ToolApprovalRef],
    description:
      'The tool calls that wait for an approval, at once, and again after each change: a new call, a decision, or the end of its time. See Query.pendingApprovals.',
    authScopes: access('Subscription.pendingApprovals'),
    args: {
      connectionName: t.arg.string(filterRules.connectionName),
      identifier: t.arg.string(filterRules.identifier),
    },
    subscribe: (_root, args, context) => context.approvalWatch.pending(viewerOf(context), args),
    resolve: (approvals) => [...approvals],
  }),
)

function approvalIdOf({ typename, id }: { readonly typename: string; readonly id: string }): string {
  if (typename !== 'ToolApproval' || !isUuid(id)) throw new ApprovalNotFoundError()
  return id
}

const RejectToolExecutionPayload = builder.simpleObject('RejectToolExecutionPayload', {
  description: 'Rejected tool call.',
  fields: (t) => ({ toolApproval: t.field({ type: ToolApprovalRef, description: 'The call, which is not run.' }) }),
})

const ConfirmApproverPayload = builder.simpleObject('ConfirmApproverPayload', {
  description: 'Result of confirmApprover.',
  fields: (t) => ({
    toolApproval: t.field({ type: ToolApprovalRef, description: 'The call that waits, or that was decided.' }),
    url: t.string({
      description:
        'Where to redirect the browser now. It works only in the browser that brought the state. Do not show or log it.',
    }),
  }),
})

builder.mutationFields((t) => ({
  confirmApprover: t.fieldWithInput({
    type: ConfirmApproverPayload,
    description:
      'Confirms which user of your application is signed in, in a browser that came from the page of an approval to your confirmationUrl with approval_state. Decides nothing: the user decides on the page. Refused to an API key without ADMIN that made the call itself.',
    authScopes: access('Mutation.confirmApprover'),
    errors: { types: [ApprovalNotFoundError, ApproverMismatchError] },
    typeOptions: { description: 'The state, and the user that is signed in.' },
    input: {
      approvalState: t.input.string({
        required: true,
        description: 'Parameter approval_state with which the browser arrived at your confirmationUrl.',
      }),
      identifier: t.input.string({
        required: true,
        ...ruled(
          inputRules.identifier,
          'The user that is signed in to your application in that browser. Never take it from the URL.',
        ),
      }),
    },
    resolve: async (_root, { input }, context) => {
      try {
        const confirmed = await context.approvers.confirm(viewerOf(context), input.approvalState, input.identifier)
        const [toolApproval] = await context.tools.approvals.byId(viewerOf(context), [confirmed.id])
        if (!toolApproval) throw new ApprovalNotFoundError()
        return { toolApproval, url: `${context.accounts.publicUrl}${confirmed.path}` }
      } catch (error) {
        throw error instanceof OwnApprovalError ? forbiddenOwnApproval(error.message) : error
      }
    },
  }),
  approveToolExecution: t.fieldWithInput({
    type: ExecuteToolResult,
    description:
      'Approves a tool call and runs the stored input once, exactly as it was requested. Approving it again returns the stored result. Refused if what it was requested for has changed: the input, the account or its provider user, the API key that made the call, or what the policies allow. Returns the result in RAW.',
    authScopes: access('Mutation.approveToolExecution'),
    complexity: 20,
    typeOptions: { description: 'Call to approve.' },
    input: {
      approvalId: t.input.globalID({ required: true, description: 'ID of a ToolApproval.' }),
    },
    resolve: async (_root, { input }, context) => {
      const viewer = viewerOf(context)
      try {
        const id = approvalIdOf(input.approvalId)
        const { data, execution, account } = await context.tools.approve(viewer, id, context.accounts.actor)
        return { data, execution: { ...execution, ...(account && { account }) } }
      } catch (error) {
        throw error instanceof OwnApprovalError ? forbiddenOwnApproval(error.message) : error
      }
    },
  }),
  rejectToolExecution: t.fieldWithInput({
    type: RejectToolExecutionPayload,
    description:
      'Rejects a tool call that waits for an approval. Its input is erased. Rejecting it again changes nothing.',
    authScopes: access('Mutation.rejectToolExecution'),
    errors: { types: [ApprovalNotFoundError, InvalidInputError] },
    typeOptions: { description: 'Call to reject.' },
    input: {
      approvalId: t.input.globalID({ required: true, description: 'ID of a ToolApproval.' }),
      reason: t.input.string(ruled(inputRules.rejectionReason, 'Reason, which the caller of the tool gets.')),
    },
    resolve: async (_root, { input }, context) => {
      const id = approvalIdOf(input.approvalId)
      const { approvals } = context.tools
      const { actor } = context.accounts
      return { toolApproval: await approvals.reject(viewerOf(context), id, input.reason ?? null, actor) }
    },
  }),
}))
