import { z } from 'zod'
import { findAccount, listAccounts } from '../accounts/account-store.ts'
import type { ConnectedAccount, GrantSummary, StatusTransition } from '../accounts/connected-account.ts'
import { needsReauthorization, nextAction } from '../accounts/next-action.ts'
import { type AccountStatus, accountStatuses, type StatusReason, statusReasons } from '../accounts/status.ts'
import { listTransitions } from '../accounts/status-transitions.ts'
import { access, mayFetch } from './access.ts'
import { builder } from './builder.ts'
import { badCursor, decodeCursor, encodeCursor, pageSize, toConnection } from './cursor.ts'
import { describedEnum } from './described-enum.ts'
import { viewerOf } from './viewer.ts'

/** The GraphQL enum of {@link AccountStatus}. */
export const AccountStatusRef = describedEnum<AccountStatus>(
  'ConnectedAccountStatus',
  'Where a connected account stands.',
  accountStatuses,
)

/** The GraphQL enum of {@link StatusReason}. */
export const StatusReasonRef = describedEnum<StatusReason>(
  'StatusReason',
  'Why an account has its status.',
  statusReasons,
)

const WorkspaceRef = builder.objectRef<GrantSummary>('Workspace').implement({
  description: "The provider's workspace behind an account, and its user who consented.",
  fields: (t) => ({
    id: t.id({ description: "The provider's own id of the workspace.", resolve: (grant) => grant.workspaceId }),
    name: t.string({
      nullable: true,
      description: 'Null where the provider gives none.',
      resolve: (grant) => grant.workspaceName,
    }),
    iconUrl: t.string({
      nullable: true,
      description: "The workspace's icon: a URL or an emoji; null where there is none.",
      resolve: (grant) => grant.workspaceIconUrl,
    }),
    ownerName: t.exposeString('ownerName', { nullable: true, description: 'The user who consented.' }),
    ownerEmail: t.exposeString('ownerEmail', {
      nullable: true,
      description: "That user's email address; null without the capability READ_USER_EMAILS.",
    }),
  }),
})

const StatusTransitionRef = builder.objectRef<StatusTransition>('StatusTransition')

const StatusTransitionEdge = builder.edgeObject({
  type: StatusTransitionRef,
  name: 'StatusTransitionEdge',
  description: 'A change of status in a list.',
})

const StatusTransitionConnection = builder.connectionObject(
  { type: StatusTransitionRef, name: 'StatusTransitionConnection', description: 'Changes of status, newest first.' },
  StatusTransitionEdge,
)

/** One user's link to a provider. Other files add fields to it. */
export const ConnectedAccountRef = builder.objectRef<ConnectedAccount>('ConnectedAccount')

builder.node(ConnectedAccountRef, {
  description:
    "One user's link to a provider, found by (connectionName, identifier); identifier is any string of your own.",
  id: { resolve: (account) => account.id },
  loadOne: (id, { viewer, loaders }) => (mayFetch(viewer, 'ConnectedAccount') ? loaders.account.load(id) : null),
  fields: (t) => ({
    connectionName: t.exposeString('connectionName', { description: 'The OAuth app that it is connected through.' }),
    identifier: t.exposeString('identifier', { description: 'Your own name for the user.' }),
    status: t.field({
      type: AccountStatusRef,
      description: 'Whether tools can be called, and if not, what is missing.',
      resolve: (account) => account.status,
    }),
    statusReason: t.field({
      type: StatusReasonRef,
      description: 'Why the account has this status.',
      resolve: (account) => account.statusReason,
    }),
    nextAction: t.string({
      nullable: true,
      description: 'What your application should do next, for a person to read; null when nothing is to be done.',
      resolve: (account) => nextAction(account),
    }),
    needsReauthorization: t.boolean({
      description:
        'True when working credentials lack something that only a new consent brings (capabilities changed, pages missing).',
      resolve: (account) => needsReauthorization(account),
    }),
    workspace: t.field({
      type: WorkspaceRef,
      nullable: true,
      description: "The provider's workspace and user behind the account; null until authorized.",
      resolve: ({ grant }) => (grant?.workspaceId ? grant : null),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When getOrCreateConnectedAccount made it.' }),
    authorizedAt: t.expose('authorizedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When an authorization was last finished.',
    }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When a tool last ran for it.',
    }),
    lastVerifiedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the provider last proved that the credentials work.',
      resolve: (account) => account.grant?.lastVerifiedAt ?? null,
    }),
    tokenExpiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When the access token ends: known for providers that say so, learned for those that do not; null when nothing is known yet.',
      resolve: (account) => account.grant?.expiresAt ?? null,
    }),
    transitions: t.field({
      type: StatusTransitionConnection,
      description: 'Status changes, newest first.',
      args: {
        first: t.arg.int({ defaultValue: 20, description: 'How many, 1 to 100.' }),
        after: t.arg.string({ description: 'The cursor to go on behind.' }),
      },
      complexity: ({ first }) => ({ field: 1, multiplier: first ?? 20 }),
      resolve: async (account, args, { accounts }) => {
        const size = pageSize(args)
        const before = args.after == null ? null : Number(decodeCursor(args.after, ['number'])[0])
        const found = await listTransitions(accounts.db, account.environmentId, account.id, { limit: size + 1, before })
        return toConnection(found, size, args.after, (transition) => encodeCursor(transition.sequence))
      },
    }),
  }),
})

StatusTransitionRef.implement({
  description: 'One change of the status of an account.',
  fields: (t) => ({
    from: t.field({
      type: AccountStatusRef,
      nullable: true,
      description: 'Null for the creation of the account.',
      resolve: (transition) => transition.from,
    }),
    to: t.field({ type: AccountStatusRef, description: 'The new status.', resolve: (transition) => transition.to }),
    reason: t.field({
      type: StatusReasonRef,
      description: 'Why it changed.',
      resolve: (transition) => transition.reason,
    }),
    at: t.expose('at', { type: 'DateTime', description: "When it changed, by the database's clock." }),
    connectedAccount: t.field({
      type: ConnectedAccountRef,
      description: 'The account as it is now.',
      resolve: async (transition, _args, { loaders }) => {
        const account = await loaders.account.load(transition.accountId)
        if (account === null) throw new Error('The account of a transition is gone.')
        return account
      },
    }),
  }),
})

const ConnectedAccountConnection = builder.connectionObject(
  { type: ConnectedAccountRef, name: 'ConnectedAccountConnection', description: 'Accounts, newest first.' },
  builder.edgeObject({
    type: ConnectedAccountRef,
    name: 'ConnectedAccountEdge',
    description: 'An account in a list.',
  }),
)

/** Restricts which accounts are listed or watched. */
export const ConnectedAccountFilterRef = builder.inputType('ConnectedAccountFilter', {
  description: 'Only accounts that fit every given field.',
  fields: (t) => ({
    connectionName: t.string({ description: 'Of this OAuth app.' }),
    identifier: t.string({ description: 'Of this identifier.' }),
    status: t.field({ type: [AccountStatusRef], description: 'In one of these statuses.' }),
  }),
})

builder.queryFields((t) => ({
  connectedAccount: t.field({
    type: ConnectedAccountRef,
    nullable: true,
    description: 'The account of this name. Null when there is none.',
    authScopes: access('Query.connectedAccount'),
    args: {
      connectionName: t.arg.string({ required: true, defaultValue: 'notion', description: 'The OAuth app.' }),
      identifier: t.arg.string({ required: true, description: 'Your own name for the user.' }),
    },
    resolve: (_root, args, context) => findAccount(context.accounts.db, viewerOf(context).environmentId, args),
  }),
  connectedAccounts: t.field({
    type: ConnectedAccountConnection,
    description: 'Newest first; Relay cursors.',
    authScopes: access('Query.connectedAccounts'),
    args: {
      first: t.arg.int({ defaultValue: 20, description: 'How many, 1 to 100.' }),
      after: t.arg.string({ description: 'The cursor to go on behind.' }),
      filter: t.arg({ type: ConnectedAccountFilterRef, description: 'Only these; absent: all.' }),
    },
    complexity: ({ first }) => ({ field: 1, multiplier: first ?? 20 }),
    resolve: async (_root, args, context) => {
      const viewer = viewerOf(context)
      const size = pageSize(args)
      const after = args.after == null ? null : decodeAccountCursor(args.after)
      if (viewer.identifier !== null && (args.filter?.identifier ?? viewer.identifier) !== viewer.identifier) {
        return toConnection<ConnectedAccount>([], size, args.after, accountCursor)
      }
      const filter = viewer.identifier === null ? args.filter : { ...args.filter, identifier: viewer.identifier }
      const found = await listAccounts(context.accounts.db, viewer.environmentId, filter ?? {}, {
        limit: size + 1,
        after,
      })
      return toConnection(found, size, args.after, accountCursor)
    },
  }),
}))

builder.subscriptionFields((t) => ({
  connectedAccountStatus: t.field({
    type: ConnectedAccountRef,
    description:
      'The account as it is now, at once, and again after every change of it, whichever node made the change. It has to exist: create it first.',
    authScopes: access('Subscription.connectedAccountStatus'),
    args: {
      connectionName: t.arg.string({ required: true, defaultValue: 'notion', description: 'The OAuth app.' }),
      identifier: t.arg.string({ required: true, description: 'Your own name for the user.' }),
    },
    subscribe: (_root, args, context) => context.watch.account(viewerOf(context), args),
    resolve: (account: ConnectedAccount) => account,
  }),
  connectedAccountStatusChanges: t.field({
    type: StatusTransitionRef,
    description: 'Every status change in the environment, from now on.',
    authScopes: access('Subscription.connectedAccountStatusChanges'),
    args: { filter: t.arg({ type: ConnectedAccountFilterRef, description: 'Only these; absent: all.' }) },
    subscribe: (_root, args, context) => context.watch.changes(viewerOf(context), args.filter ?? {}),
    resolve: (transition: StatusTransition) => transition,
  }),
}))

const accountCursor = (account: ConnectedAccount) => encodeCursor(account.createdAt.toISOString(), account.id)

function decodeAccountCursor(cursor: string) {
  const [createdAt, id] = decodeCursor(cursor, ['string', 'string']).map(String)
  // Postgres has no year 0.
  const position = z
    .object({ createdAt: z.iso.datetime().refine((text) => !text.startsWith('0000')), id: z.uuid() })
    .safeParse({ createdAt, id })
  if (!position.success) throw badCursor()
  return { createdAt: new Date(position.data.createdAt), id: position.data.id }
}
